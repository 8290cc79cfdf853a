package screen

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// row is a line of the screen. If the screen has too few lines, rows with the highest
// rank are dropped first.
type row struct {
	text string
	rank int
}

const (
	always = iota // phase, streams, losses, latency
	useful        // what was published, the server, the tool
	nice          // sparklines
	air           // empty lines
)

// widest is the greatest width used: wider is harder to read.
const widest = 100

// view draws the picture in the given number of columns and lines. Each line ends with a
// newline, and the last line of the screen is left for the cursor.
func (p picture) view(width, height int) string {
	width = min(width, widest)
	var out strings.Builder
	for _, r := range fit(p.rows(width), height-1) {
		out.WriteString(ansi.Truncate(r.text, width, "…") + "\n")
	}
	return out.String()
}

// fit drops rows until they fit.
func fit(rows []row, lines int) []row {
	for drop := air; drop > always && len(rows) > lines; drop-- {
		rows = slices.DeleteFunc(rows, func(r row) bool { return r.rank == drop })
	}
	return rows[:min(len(rows), max(lines, 1))]
}

func (p picture) rows(width int) []row {
	rows := []row{
		{"", air},
		{p.heading(width), always},
		{"", air},
		{p.streams(), always},
	}
	if p.eventful() {
		rows = append(rows, row{p.events(), useful}, row{p.losses(), always}, row{p.latency(), always}, row{"", air})
		rows = append(rows, p.sparks(width)...)
	}
	rows = append(rows, row{"", air})
	if server := p.server(); server != "" {
		rows = append(rows, row{server, useful})
	}
	return append(rows, row{p.tool(), useful})
}

// eventful reports whether there are figures of events yet.
func (p picture) eventful() bool { return p.published > 0 || p.delivered > 0 }

// labelled is a row of figures behind their label.
func labelled(label string, figures ...string) string {
	return fmt.Sprintf(" %s%s", dim(fmt.Sprintf("%-11s", label)), strings.Join(figures, "   "))
}

// heading is the phase, and how much of the time is over.
func (p picture) heading(width int) string {
	phase := p.now.Phase
	if p.over {
		phase = "over"
	}
	text := span(p.elapsed())
	share, known := p.done()
	if !known {
		return " " + bold(fmt.Sprintf("%-11s", phase)) + text
	}
	text += " of " + span(p.total)
	bar := max(4, min(48, width-len(text)-16))
	full := int(share * float64(bar))
	return " " + bold(fmt.Sprintf("%-11s", phase)) + strings.Repeat("━", full) + dim(strings.Repeat("─", bar-full)) + "  " + text
}

func (p picture) streams() string {
	figures := []string{p.open()}
	if p.now.Connecting > 0 {
		figures = append(figures, count(p.now.Connecting)+" connecting")
	}
	if p.ended > 0 {
		figures = append(figures, count(p.ended)+" ended so far")
	}
	return labelled("streams", figures...)
}

// open is how many streams are open, and of how many if some are not.
func (p picture) open() string {
	if p.now.Streams == p.asked {
		return count(p.asked) + " open"
	}
	return fmt.Sprintf("%s of %s open", count(p.now.Streams), count(p.asked))
}

func (p picture) events() string {
	return labelled("events", count(p.published)+" published", count(p.delivered)+" delivered", figure(p.rate)+"/s")
}

func (p picture) losses() string {
	return labelled("so far", alarm(count(p.missing)+" missing", p.missing > 0),
		alarm(count(p.duplicated)+" twice", p.duplicated > 0), alarm(count(p.outOfOrder)+" out of order", p.outOfOrder > 0))
}

// latency is only that of the last interval.
func (p picture) latency() string {
	l := p.now.LatencyMS
	if l == nil {
		return labelled("latency", "nothing came in the last second")
	}
	return labelled("latency", "p50 "+figure(l.P50)+" ms", "p99 "+figure(l.P99)+" ms", "max "+figure(l.Max)+" ms", dim("(last second)"))
}

func (p picture) sparks(width int) []row {
	columns := min(minute, width-32)
	if columns < 10 || len(p.rates) == 0 {
		return nil
	}
	line := func(label string, h history, unit string) row {
		most := h[max(0, len(h)-columns):].max()
		if math.IsNaN(most) {
			return row{labelled(label), nice}
		}
		return row{labelled(label, fmt.Sprintf("%-*s", columns, h.spark(columns)), dim("↑ ")+figure(most)+unit), nice}
	}
	return []row{line("p99", p.p99s, " ms"), line("deliveries", p.rates, "/s")}
}

// server is empty if the server's process is not known.
func (p picture) server() string {
	var figures []string
	if v := p.now.ServerCPU; v != nil {
		figures = append(figures, "CPU "+percent(*v))
	}
	if v := p.now.RSSBytes; v != nil {
		figures = append(figures, "memory "+memory(*v))
	}
	if v := p.now.Descriptors; v != nil {
		figures = append(figures, count(*v)+" descriptors")
	}
	if v := p.now.Threads; v != nil {
		figures = append(figures, count(*v)+" threads")
	}
	if v := p.now.Goroutines; v != nil {
		figures = append(figures, count(*v)+" goroutines")
	}
	if figures == nil {
		return ""
	}
	return labelled("server", figures...)
}

// late is the lag of the tool's timers, in milliseconds, from which on they are a worry.
const late = 10

func (p picture) tool() string {
	lag := p.now.TimerLagMS
	return labelled("this tool", "CPU "+percent(p.now.ToolCPU), alarm("timers "+figure(lag)+" ms late", lag >= late))
}

func bold(s string) string { return "\x1b[1m" + s + "\x1b[22m" }
func dim(s string) string  { return "\x1b[2m" + s + "\x1b[22m" }

// alarm makes text bold red if on is set.
func alarm(s string, is bool) string {
	if !is {
		return s
	}
	return "\x1b[1;31m" + s + "\x1b[22;39m"
}
