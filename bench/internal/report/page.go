package report

import (
	"fmt"
	"html/template"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// page is what the template shows, from top to bottom.
type page struct {
	Title     string
	TitleSays bool    // the title says what was measured
	Sheets    []sheet // what was measured, one of each result
	Notices   []notice

	Figures  []figure // of a single result
	Table    []group  // of several: the same figures side by side
	Sections []section
	Data     data

	CSS, UplotCSS template.CSS
	JS, UplotJS   template.JS
	License       template.HTML
}

// section is a part of the page with charts and what goes with them.
type section struct {
	Title   string
	Hint    string
	Marks   []mark   // can be switched on and off in its charts
	Figures []figure // below the charts
	Lanes   []laneRow
	Charts  []*chart
}

// data is the input of report.js.
type data struct {
	Runs   []*run   `json:"runs"`
	Charts []*chart `json:"charts"`
}

// Columns is how many charts are beside each other where there is room.
func (s section) Columns() string {
	narrow := 0
	for _, c := range s.Charts {
		if !c.Wide {
			narrow++
		}
	}
	if narrow > 0 && narrow%3 == 0 {
		return "thirds"
	}
	return "halves"
}

// newPage puts the page together. There is at least one result.
func newPage(title string, results []*result.Result) *page {
	runs := runsOf(results)
	p := &page{
		Title: title, Sheets: sheets(runs), Notices: notices(runs), Sections: sections(runs),
		CSS: template.CSS(pageCSS), UplotCSS: template.CSS(uplotCSS),
		JS: template.JS(pageJS), UplotJS: template.JS(uplotJS),
		License: template.HTML("<!--\nuPlot, which draws the charts of this page:\n\n" + uplotLicense + "\n-->"),
	}
	if title == "" || title == runs[0].Label {
		p.Title, p.TitleSays = titleOf(runs), len(runs) == 1
	}
	if len(runs) == 1 {
		p.Figures = figures(keyFigures, results[0])
	} else {
		p.Table = comparison(results)
	}
	p.Data = data{Runs: runs, Charts: []*chart{}}
	for _, s := range p.Sections {
		p.Data.Charts = append(p.Data.Charts, s.Charts...)
	}
	return p
}

func titleOf(runs []*run) string {
	if len(runs) > 1 {
		return fmt.Sprintf("%d results compared", len(runs))
	}
	if command := runs[0].result.Command; command != "" {
		return command + " of " + runs[0].Label
	}
	return runs[0].Label
}

// sections are the parts of the page that have something to show.
func sections(runs []*run) []section {
	all := []section{
		{Title: "Coming back", Charts: stormCharts(runs), Figures: ofOne(runs, stormFigures)},
		{Title: "Over time", Charts: timeCharts(runs), Marks: allMarks(runs), Hint: timeHint(runs)},
		{Title: "Latency as a whole", Charts: latencyCharts(runs)},
		{Title: "Several publishers", Lanes: laneRows(runs)},
		{Title: "Did it stay flat?", Figures: ofOne(runs, trendFigures), Hint: trendHint(runs[0].result.Trend)},
		{Title: "Server", Charts: serverCharts(runs)},
		{Title: "Load generator", Charts: toolCharts(runs), Figures: ofOne(runs, toolFigures)},
	}
	var some []section
	for _, s := range all {
		if len(s.Charts)+len(s.Figures)+len(s.Lanes)+len(s.Marks) > 0 {
			some = append(some, s)
		}
	}
	return some
}

// trendHint answers whether a soak stayed flat.
func trendHint(t *result.Trend) string {
	const how = " This compares the medians of the first and the last third, leaving out the first tenth."
	if t == nil || !t.Flat {
		return "No." + how
	}
	return "Yes." + how
}

// ofOne returns the figures of a single result; several results have theirs in the
// table.
func ofOne(runs []*run, of []measure) []figure {
	if len(runs) > 1 {
		return nil
	}
	return figures(of, runs[0].result)
}
