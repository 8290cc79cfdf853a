package result

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Table writes a result for people at a terminal: text without escapes, at most so many
// columns wide (80 to 100; 0 means 100). Doubts about the figures come first. Losses are
// beside the percentiles, which do not include them. Figures that were not measured are
// left out. The error is w's.
func (r *Result) Table(w io.Writer, columns int) error {
	columns = min(max(cmp.Or(columns, 100), 80), 100)
	warnings := ""
	for _, c := range r.caveats() {
		warnings += hanging(c.word+"  ", c.why, columns)
	}
	parts := []string{warnings, r.heading(columns) + r.sheet(whole, columns), r.latencies(columns), r.sheet(rest, columns)}
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

// caveat is why figures may not mean what they seem to.
type caveat struct{ word, why string }

// caveats are to be read before any figure.
func (r *Result) caveats() (all []caveat) {
	if r.Suspect && len(r.SuspectOf) == 0 {
		all = append(all, caveat{"SUSPECT", "something other than the server may have been the bottleneck"})
	}
	for _, why := range r.SuspectOf {
		if r.Suspect {
			all = append(all, caveat{"SUSPECT", why})
		}
	}
	if r.Partial {
		all = append(all, caveat{"PARTIAL", "interrupted after " + Seconds.Short(r.Seconds) + ": the figures cover only the time until then"})
	}
	return all
}

// hanging is text after a word, wrapped beside it; its own lines stay apart.
func hanging(word, said string, columns int) string {
	var lines []string
	for line := range strings.SplitSeq(strings.TrimSuffix(said, "\n"), "\n") {
		lines = append(lines, strings.Split(text.WrapSoft(plain(line), columns-1-text.StringWidth(word)), "\n")...)
	}
	return word + strings.Join(lines, "\n"+strings.Repeat(" ", text.StringWidth(word))) + "\n"
}

func (r *Result) heading(columns int) string {
	m := r.Machine
	return hanging("", r.title(), columns) +
		hanging("", fmt.Sprintf("from %s %s, %s, %s", m.OS, m.Kernel, many(float64(m.Processors), "processor"), m.Go), columns) + "\n"
}

// title says which measurement it is.
func (r *Result) title() string {
	return fmt.Sprintf("%s of %s, %s, begun %s", r.Command, r.Name, Seconds.Short(r.Seconds), r.Begun.Format("2006-01-02 15:04:05 MST"))
}

// sheet fills lines, in three columns. A group is named once.
func (r *Result) sheet(lines []line, columns int) string {
	var out strings.Builder
	group := ""
	for _, l := range lines {
		said, there := fill(l.text, r)
		if !there {
			continue
		}
		if l.group == group {
			l.group = ""
		} else {
			group = l.group
		}
		out.WriteString(hanging(fmt.Sprintf("%-7s  %-14s  ", l.group, l.name), said, columns))
	}
	return out.String()
}

// newTable makes a table without lines between its cells.
func newTable(head ...any) table.Writer {
	t := table.NewWriter()
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Format.Header = text.FormatDefault
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	t.SetStyle(style)
	t.AppendHeader(head)
	return t
}

// latencies is the table of percentiles, with losses and disorder beside them.
func (r *Result) latencies(columns int) string {
	t := newTable("ms", "p50", "p90", "p99", "p99.9", "max", "mean", "lost", "missing", "twice", "out of\norder")
	t.SetColumnConfigs(r.latencyColumns(columns))
	if _, eventful := r.figure("delivered"); eventful && r.Answers == nil { // answers have times of their own
		appendDelivery(t, "delivery", r)
	}
	if d := r.Deploys; d != nil {
		t.AppendRow(percentileRow("  in calm", d.CalmMS))
		t.AppendRow(percentileRow("  in deploys", d.DuringMS))
	}
	for i := range r.Lanes[min(1, len(r.Lanes)):] {
		appendDelivery(t, plain(r.Lanes[i+1].Name), r.Lanes[i+1].result())
	}
	if r.OpenMS != nil {
		t.AppendRow(percentileRow("opening", r.OpenMS))
	}
	if t.Length() == 0 {
		return ""
	}
	return t.Render() + "\n"
}

// latencyColumns align numbers to the right. Counts are hidden where they are not known or
// there was nothing to count; the mean, where there is no room.
func (r *Result) latencyColumns(columns int) []table.ColumnConfig {
	_, eventful := r.figure("delivered")
	_, known := r.figure("lost")
	all := []table.ColumnConfig{{Number: 1, WidthMin: 14, WidthMax: 16, WidthMaxEnforcer: text.Trim, VAlignHeader: text.VAlignBottom}}
	for i := 2; i <= 11; i++ {
		all = append(all, table.ColumnConfig{
			Number: i, Align: text.AlignRight, AlignHeader: text.AlignRight, VAlignHeader: text.VAlignBottom,
			Hidden: i >= 8 && !(eventful && known) || i == 7 && columns < 90,
		})
	}
	return all
}

// figure is what is at the path of a figure of the table.
func (r *Result) figure(path string) (value float64, measured bool) {
	f, err := find(path)
	if err != nil {
		return 0, false
	}
	return f.Of(r)
}

// appendDelivery appends the latency of one publisher's events, with counts of what
// went wrong, and below it the spread over the readers.
func appendDelivery(t table.Writer, name string, r *Result) {
	row := percentileRow(name, r.LatencyMS)
	for _, path := range []string{"lost", "missing", "duplicated", "out_of_order"} {
		cell := "–"
		if n, measured := r.figure(path); measured {
			cell = narrow(n)
		}
		row = append(row, cell)
	}
	t.AppendRow(row)
	if s := r.SpreadMS; s != nil {
		t.AppendRow(percentileRow("  first reader", &s.First))
		t.AppendRow(percentileRow("  half of them", &s.Median))
		t.AppendRow(percentileRow("  99% of them", &s.P99))
		t.AppendRow(percentileRow("  last reader", &s.Last))
	}
}

// percentileRow is a distribution in milliseconds, or dashes if it is empty. From 100 s on
// it has another unit.
func percentileRow(name string, p *Percentiles) table.Row {
	if p == nil || p.Count == 0 {
		return table.Row{name, "–", "–", "–", "–", "–", "–"}
	}
	row := table.Row{name}
	for _, ms := range []float64{p.P50, p.P90, p.P99, p.P999, p.Max, p.Mean} {
		if ms >= 100_000 {
			row = append(row, Seconds.Short(ms/1000))
		} else {
			row = append(row, Digits(ms))
		}
	}
	return row
}

// lane is the events of a publisher, or nil.
func (r *Result) lane(name string) *Result {
	for i := range r.Lanes {
		if r.Lanes[i].Name == name {
			return r.Lanes[i].result()
		}
	}
	return nil
}

// result is the lane's events as the figures of a result.
func (l *Lane) result() *Result {
	return &Result{
		Published: l.Published, Expected: &l.Expected, Delivered: l.Delivered, Lost: &l.Lost, Missing: &l.Missing,
		Duplicated: &l.Duplicated, OutOfOrder: l.OutOfOrder, LatencyMS: &l.LatencyMS, SpreadMS: l.SpreadMS,
	}
}

// Whole reports whether every stream had every event once and in order, and none was told
// that events are lost.
func (r *Result) Whole() bool {
	for _, path := range []string{"lost", "missing", "duplicated", "out_of_order", "deploys.gaps"} {
		if n, _ := r.figure(path); n > 0 {
			return false
		}
	}
	return true
}
