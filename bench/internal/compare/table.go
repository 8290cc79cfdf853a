package compare

import (
	"fmt"
	"io"
	"strings"

	"github.com/fastsse/fastsse/bench/internal/result"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Floor is the name of the server that others' CPU is compared with.
const Floor = "floor"

// column is one figure of a server, as it is printed.
type column struct {
	head string
	cell func(out *Comparison, s *Server) string
}

var columns = []column{
	{"server", func(_ *Comparison, s *Server) string { return s.Name }},
	{"B per stream", plain("%.0f", bytesPerStream)},
	{"µs to open", plain("%.1f", cpuToOpen)},
	{"µs per delivery", plain("%.2f", cpuPerDelivery)},
	{"x floor", (*Comparison).timesFloor},
	{"delivered/s", func(_ *Comparison, s *Server) string { return thousands(spreadOf(s, deliveredPerSecond)) }},
	{"p50 ms", plain("%.0f", p50)},
	{"p99 ms", plain("%.0f", p99)},
	{"last ms", plain("%.0f", last)},
	{"lost", func(_ *Comparison, s *Server) string { return lost(s) }},
}

// plain is a column of medians.
func plain(format string, f figure) func(*Comparison, *Server) string {
	return func(_ *Comparison, s *Server) string {
		v := spreadOf(s, f)
		if v.none() {
			return "–"
		}
		return fmt.Sprintf(format, v.median)
	}
}

// timesFloor is the CPU per delivery as a multiple of the floor's, with its spread.
func (out *Comparison) timesFloor(s *Server) string {
	floor := out.server(Floor)
	if floor == nil {
		return "–"
	}
	v := ratios(s, floor, cpuPerDelivery)
	if v.none() {
		return "–"
	}
	return fmt.Sprintf("%.2f (%.2f–%.2f)", v.median, v.least, v.most)
}

func thousands(v spread) string {
	switch {
	case v.none():
		return "–"
	case v.median >= 1e6:
		return fmt.Sprintf("%.2f M", v.median/1e6)
	}
	return fmt.Sprintf("%.0f k", v.median/1e3)
}

// lost is the events that never came while the server could keep up, and the share
// that it left out when it could not.
func lost(s *Server) string {
	paced, flood := spreadOf(s, lostPaced), spreadOf(s, lostFlood)
	if flood.none() || flood.median == 0 {
		return fmt.Sprintf("%.0f", paced.median)
	}
	return fmt.Sprintf("%.0f; %s of the flood", paced.median, percent(flood.median))
}

func percent(share float64) string {
	if share < 0.001 {
		return "< 0.1%"
	}
	return fmt.Sprintf("%.1f%%", 100*share)
}

// Table prints medians over the rounds, as a table in Markdown, and below it what
// the columns are.
func (out *Comparison) Table(w io.Writer, c *Config) error {
	if out.Rounds == 0 {
		_, err := fmt.Fprintln(w, "no round was finished")
		return err
	}
	t := table.NewWriter()
	t.SetStyle(markdown)
	var head table.Row
	var right []table.ColumnConfig
	for i, col := range columns {
		head = append(head, col.head)
		if i > 0 {
			right = append(right, table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
		}
	}
	t.AppendHeader(head)
	t.SetColumnConfigs(right)
	for i := range out.Servers {
		var row table.Row
		for _, col := range columns {
			row = append(row, col.cell(out, &out.Servers[i]))
		}
		t.AppendRow(row)
	}
	_, err := fmt.Fprintf(w, "%s\n%s", bordered(t.Render()), out.notes(c))
	return err
}

// markdown draws only what Markdown needs; bordered adds the outer borders.
var markdown = func() table.Style {
	s := table.StyleDefault
	s.Format.Header = text.FormatDefault
	s.Options = table.Options{SeparateColumns: true, SeparateHeader: true}
	s.Box.MiddleVertical, s.Box.MiddleSeparator, s.Box.MiddleHorizontal = "|", "|", "-"
	return s
}()

func bordered(lines string) string {
	var b strings.Builder
	for line := range strings.Lines(lines) {
		fmt.Fprintf(&b, "|%s|\n", strings.TrimSuffix(line, "\n"))
	}
	return b.String()
}

// notes say what the figures mean, and which of them are in doubt.
func (out *Comparison) notes(c *Config) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Medians of %d rounds, each with fresh servers; %d streams; load and server on the same %d processors (%s, %s).\n",
		out.Rounds, c.Streams, out.Machine.Processors, out.Machine.Kernel, out.Machine.Go)
	fmt.Fprintf(&b, "Memory is the slope of RSS over streams, accurate to about 200 B. Paced: %g events/s of %d B for %v; delivered/s: with %g events/s offered for %v, and %v more to catch up.\n",
		c.Rate, c.Size, c.Duration, c.FloodRate, c.FloodDuration, c.Rest)
	b.WriteString("Latency counts from when an event was due; last is until the last reader had it, at the median event.\n")
	for _, l := range out.Left {
		fmt.Fprintf(&b, "Left out: %s: %s\n", l.Name, l.Why)
	}
	for i := range out.Servers {
		out.Servers[i].suspicions(&b)
	}
	return b.String()
}

// suspicions prints in how many runs the load generator was the bottleneck.
func (s *Server) suspicions(b *strings.Builder) {
	for _, part := range []struct {
		name string
		runs []*result.Result
	}{{"paced", s.Paced}, {"flood", s.Flood}} {
		n, why := 0, ""
		for _, r := range part.runs {
			if r.Suspect {
				n, why = n+1, strings.Join(r.SuspectOf, "; ")
			}
		}
		if n > 0 {
			fmt.Fprintf(b, "SUSPECT: %s, %s, %d of %d: %s\n", s.Name, part.name, n, len(part.runs), why)
		}
	}
}
