package result

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Table writes a result for people at a terminal: text without escapes, no line longer
// than 100 columns. Doubts about the figures come first. Losses are beside the
// percentiles, which do not include them. Figures that were not measured are left out.
// The error is w's.
func (r *Result) Table(w io.Writer) error {
	parts := []string{r.warnings(), r.heading() + sheet(r.streamLines(), r.eventLines()), r.latencies(),
		sheet(r.stormLines(), r.deployLines(), r.trendLines(), r.serverLines(), r.toolLines())}
	_, err := io.WriteString(w, tidyLines(strings.Join(parts, "\n")))
	return err
}

// tidyLines is text without white space at the ends of lines, and without two
// empty lines in a row or any at the beginning.
func tidyLines(s string) string {
	var out strings.Builder
	empty := true
	for line := range strings.Lines(s) {
		line = strings.TrimRight(line, " \n")
		if line == "" && empty {
			continue
		}
		empty = line == ""
		out.WriteString(line + "\n")
	}
	return out.String()
}

// warnings are to be read before any figure.
func (r *Result) warnings() string {
	var out strings.Builder
	for _, of := range r.doubts() {
		out.WriteString(hanging("SUSPECT  ", of))
	}
	if r.Partial {
		out.WriteString(hanging("PARTIAL  ", fmt.Sprintf("interrupted after %s: the figures cover only the time until then", seconds.short(r.Seconds))))
	}
	return out.String()
}

// doubts are why a result is suspect; none if it is not.
func (r *Result) doubts() []string {
	switch {
	case !r.Suspect:
		return nil
	case len(r.SuspectOf) == 0:
		return []string{"something other than the server may have been the bottleneck"}
	}
	return r.SuspectOf
}

// hanging is a sentence after a word, wrapped beside it.
func hanging(word, sentence string) string {
	lines := strings.Split(text.WrapSoft(plain(sentence), 99-len(word)), "\n")
	return word + strings.Join(lines, "\n"+strings.Repeat(" ", len(word))) + "\n"
}

func (r *Result) heading() string {
	m := r.Machine
	return hanging("", r.title()) +
		hanging("", fmt.Sprintf("from %s %s, %s, %s", m.OS, m.Kernel, many(m.Processors, "processor"), m.Go)) + "\n"
}

// title says which measurement it is.
func (r *Result) title() string {
	return fmt.Sprintf("%s of %s, %s, begun %s", r.Command, r.Name, seconds.short(r.Seconds), r.Begun.Format("2006-01-02 15:04:05 MST"))
}

// line is one line of figures.
type line struct{ group, name, value string }

// sheet sets lines in three columns. A group is named once.
func sheet(groups ...[]line) string {
	t := newTable()
	t.SetColumnConfigs([]table.ColumnConfig{
		{Number: 1, WidthMin: 7}, {Number: 2, WidthMin: 14}, {Number: 3, WidthMax: 74, WidthMaxEnforcer: text.WrapSoft},
	})
	for _, lines := range groups {
		for i, l := range lines {
			if i > 0 {
				l.group = ""
			}
			t.AppendRow(table.Row{l.group, l.name, l.value})
		}
	}
	if t.Length() == 0 {
		return ""
	}
	return t.Render() + "\n"
}

// newTable makes a table without lines between its cells.
func newTable() table.Writer {
	t := table.NewWriter()
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Format.Header = text.FormatDefault
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	t.SetStyle(style)
	return t
}

func (r *Result) streamLines() []line {
	ended := "none"
	if r.Ended > 0 || r.Reconnected > 0 {
		ended = fmt.Sprintf("%s, %s came back", many(r.Ended, "time"), counted(r.Reconnected))
	}
	opened := fmt.Sprintf("%s of %s", counted(r.Opened), counted(r.Asked))
	if r.Opened > 0 {
		opened += " in " + seconds.short(r.OpenSeconds)
	}
	lines := []line{{"streams", "opened", opened}}
	if why := r.unopened(); why != "" {
		name := "not opened"
		if r.Opened >= r.Asked { // they were, and came back
			name = "tries to return"
		}
		lines = append(lines, line{"", name, why})
	}
	lines = append(lines, line{"", "ended", ended})
	if r.FirstError != "" {
		lines = append(lines, line{"", "first error", plain(r.FirstError)})
	}
	return lines
}

// unopened says what happened to the streams that did not open.
func (r *Result) unopened() string {
	var parts []string
	for _, of := range []struct {
		n    int
		what string
	}{{r.Refused, "refused"}, {r.Failed, "failed"}, {r.Asked - r.Opened - r.Refused - r.Failed, "without an answer yet"}} {
		if of.n > 0 {
			parts = append(parts, counted(of.n)+" "+of.what)
		}
	}
	return strings.Join(parts, ", ")
}

// eventful reports whether there was anything to deliver.
func (r *Result) eventful() bool {
	return r.Published > 0 || r.Delivered > 0 || r.Expected != nil && *r.Expected > 0
}

func (r *Result) eventLines() []line {
	if !r.eventful() {
		return nil
	}
	lines := []line{{"events", "published", "by others"}}
	if r.Published > 0 {
		lines[0].value = fmt.Sprintf("%s, at most %s late", counted(r.Published), millis.short(r.PublisherLateMS))
	}
	delivered := counted(r.Delivered)
	if r.Expected != nil {
		delivered += " of " + counted(*r.Expected)
	}
	lines = append(lines, line{"", "delivered", fmt.Sprintf("%s, %s per second", delivered, count.short(r.PerSecond))})
	if n := r.otherThanGaps(); n > 0 {
		lines = append(lines, line{"", "others came", fmt.Sprintf("%s that bench did not publish", counted(n))})
	}
	return lines
}

// otherThanGaps is how many events came that bench did not publish, without the gap events
// that a line of their own counts.
func (r *Result) otherThanGaps() uint64 {
	if r.Deploys == nil {
		return r.Other
	}
	return r.Other - min(r.Other, uint64(r.Deploys.Gaps))
}

func (r *Result) serverLines() []line {
	s := r.Server
	if s == nil {
		return nil
	}
	cpu := pick(s.CPUToOpenUS, micros, "to open a stream") + pick(s.CPUPerDeliveryUS, micros, "per delivery")
	memory := pick(s.BytesPerStream, octets, "per stream by slope") + pick(s.BytesPerStreamAll, octets, "on average")
	during := " while streams were held"
	if r.eventful() {
		during = " while delivering"
	}
	return []line{
		{"server", "CPU", cpu + seconds.short(s.CPUSeconds) + during},
		{"", "memory", memory + octets.short(float64(s.RSSBytes)) + " at the end"},
		{"", "at the end", fmt.Sprintf("%s, %s", many(int(s.Threads), "thread"), many(int(s.Descriptors), "descriptor"))},
	}
}

// pick writes a figure that may be missing, its description and a comma.
func pick(value *float64, u unit, of string) string {
	if value == nil {
		return ""
	}
	return u.short(*value) + " " + of + ", "
}

func (r *Result) toolLines() []line {
	t := r.Tool
	lag := fmt.Sprintf("p50 %s, p99 %s, max %s", millis.short(t.TimerLagMS.P50), millis.short(t.TimerLagMS.P99), millis.short(t.TimerLagMS.Max))
	lines := []line{{"tool", "CPU", seconds.short(t.CPUSeconds) + ", " + pick(t.ReaderBusy, share, "of the busiest reader's time") +
		"GC paused " + millis.short(t.GCPauseMS)}}
	if t.TimerLagMS.Count > 0 {
		lines = append(lines, line{"", "timers late", lag})
	}
	if t.Limit > 0 {
		lines = append(lines, line{"", "limits", fmt.Sprintf("%s of %s descriptors, %s of %s ports at one address",
			counted(t.Descriptors), counted(t.Limit), counted(t.PerAddress), counted(t.Ports))})
	}
	return lines
}

func (r *Result) stormLines() []line {
	s := r.Storm
	if s == nil {
		return nil
	}
	var lines []line
	if s.Drain != nil {
		lines = append(s.drainLines(), line{"", "got an event", s.caughtUp()})
	} else {
		lines = []line{
			{"storm", "reset at once", fmt.Sprintf("%s, while %s were published", many(s.Streams, "stream"), many(s.Missed, "event"))},
			{"", "answered again", "the last after " + seconds.short(s.ConnectedS)},
			{"", "caught up", s.caughtUp()},
		}
	}
	if r.Server != nil {
		lines = append(lines, line{"", "server's CPU", seconds.short(s.CPUSeconds)})
	}
	return lines
}

// caughtUp is how many streams have caught up, and when.
func (s *Storm) caughtUp() string {
	caught := fmt.Sprintf("%s of %s", counted(s.Caught), counted(s.Streams))
	if s.Caught > 0 {
		caught += fmt.Sprintf(": p50 %s, p95 %s, p99 %s, the last %s",
			seconds.short(s.P50), seconds.short(s.P95), seconds.short(s.P99), seconds.short(s.Last))
	}
	return caught
}

func (r *Result) trendLines() []line {
	t := r.Trend
	if t == nil {
		return nil
	}
	verdict := "yes"
	if !t.Flat {
		verdict = "NO: " + strings.Join(t.Rising, ", ")
	}
	var parts []string
	for _, of := range []struct {
		name  string
		share *float64
	}{{"p99", t.P99}, {"RSS", t.RSS}, {"CPU", t.CPU}, {"descriptors", t.Descriptors}, {"threads", t.Threads}, {"goroutines", t.Goroutines}} {
		if of.share != nil {
			parts = append(parts, of.name+" "+signed(*of.share))
		}
	}
	lines := []line{{"soak", "flat", verdict}}
	if len(parts) > 0 {
		lines = append(lines, line{"", "first to last", strings.Join(parts, ", ")})
	}
	return lines
}

// many is a number of things.
func many(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return counted(n) + " " + thing + "s"
}

// latencies is the table of percentiles, with losses and disorder beside them.
func (r *Result) latencies() string {
	t := newTable()
	t.AppendHeader(table.Row{"ms", "p50", "p90", "p99", "p99.9", "max", "mean", "lost", "missing", "twice", "out of\norder"})
	t.SetColumnConfigs(r.latencyColumns())
	if r.eventful() {
		var lost uint64
		if r.Lost != nil {
			lost = *r.Lost
		}
		appendDelivery(t, "delivery", r.LatencyMS, r.SpreadMS, lost, r.Missing, r.Duplicated, r.OutOfOrder)
	}
	if d := r.Deploys; d != nil {
		t.AppendRow(percentileRow("  in calm", d.CalmMS))
		t.AppendRow(percentileRow("  in deploys", d.DuringMS))
	}
	for _, l := range r.Lanes[min(1, len(r.Lanes)):] {
		appendDelivery(t, plain(l.Name), &l.LatencyMS, l.SpreadMS, l.Lost, l.Missing, l.Duplicated, l.OutOfOrder)
	}
	if r.OpenMS != nil {
		t.AppendRow(percentileRow("opening", r.OpenMS))
	}
	if t.Length() == 0 {
		return ""
	}
	return t.Render() + "\n"
}

// latencyColumns align numbers to the right. Losses are hidden where they are not
// known, and all counts where there was nothing to count.
func (r *Result) latencyColumns() []table.ColumnConfig {
	columns := []table.ColumnConfig{{Number: 1, WidthMin: 14, WidthMax: 16, WidthMaxEnforcer: text.Trim, VAlignHeader: text.VAlignBottom}}
	for i := 2; i <= 11; i++ {
		columns = append(columns, table.ColumnConfig{
			Number: i, Align: text.AlignRight, AlignHeader: text.AlignRight, VAlignHeader: text.VAlignBottom,
			Hidden: i >= 8 && !r.eventful() || i == 8 && r.Lost == nil,
		})
	}
	return columns
}

// appendDelivery appends the latency of one publisher's events, with counts of what
// went wrong, and below it the spread over the readers.
func appendDelivery(t table.Writer, name string, p *Percentiles, s *Spread, wrong ...uint64) {
	row := percentileRow(name, p)
	for _, n := range wrong {
		row = append(row, narrow(float64(n)))
	}
	t.AppendRow(row)
	appendSpread(t, s)
}

func appendSpread(t table.Writer, s *Spread) {
	if s == nil {
		return
	}
	t.AppendRow(percentileRow("  first reader", &s.First))
	t.AppendRow(percentileRow("  half of them", &s.Median))
	t.AppendRow(percentileRow("  99% of them", &s.P99))
	t.AppendRow(percentileRow("  last reader", &s.Last))
}

// percentileRow is a distribution, or dashes if it is empty.
func percentileRow(name string, p *Percentiles) table.Row {
	row := table.Row{name}
	for _, value := range p.values() {
		cell := "–"
		if p != nil && p.Count > 0 {
			cell = narrowTime(value)
		}
		row = append(row, cell)
	}
	return row
}

// values are the values of a table's columns; zeros for nil.
func (p *Percentiles) values() [6]float64 {
	if p == nil {
		p = new(Percentiles)
	}
	return [6]float64{p.P50, p.P90, p.P99, p.P999, p.Max, p.Mean}
}
