package screen

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// lines writes at most one line per second, and after the first minute one per ten
// seconds. The beginning of a phase is written at once.
type lines struct {
	w     io.Writer
	phase string
	at    float64 // of the last line, in seconds
	owed  bool    // the last interval has not been written
}

// slack lets an interval that is a little short count as a second.
const slack = 0.1

// show writes what is due.
func (l *lines) show(p picture, notes []string) {
	for _, note := range notes {
		fmt.Fprintln(l.w, plain(note))
	}
	v := &p.now
	if v.At == 0 && v.Phase == "" {
		return // there is no sample yet
	}
	l.owed = l.owed || v.At > l.at
	if l.due(v) || (p.over && l.owed) {
		l.phase, l.at, l.owed = v.Phase, v.At, false
		fmt.Fprintln(l.w, p.line())
	}
}

func (l *lines) due(v *result.Sample) bool {
	every := 1.0
	if v.At > minute {
		every = 10
	}
	return v.Phase != l.phase || v.At-l.at >= every-slack
}

// line is the picture in one line, with the figures that were measured.
func (p picture) line() string {
	v := &p.now
	parts := []string{p.open()}
	if p.ended > 0 {
		parts = append(parts, count(p.ended)+" ended")
	}
	if p.eventful() {
		parts = append(parts, figure(p.rate)+"/s")
	}
	if l := v.LatencyMS; l != nil {
		parts = append(parts, fmt.Sprintf("p50 %s p99 %s max %s ms", figure(l.P50), figure(l.P99), figure(l.Max)))
	}
	if p.eventful() {
		parts = append(parts, p.wrong())
	}
	if v.ServerCPU != nil && v.RSSBytes != nil {
		parts = append(parts, fmt.Sprintf("server %s %s", percent(*v.ServerCPU), memory(*v.RSSBytes)))
	}
	parts = append(parts, "tool "+percent(v.ToolCPU))
	if v.TimerLagMS >= late {
		parts = append(parts, fmt.Sprintf("TIMERS %s ms LATE", figure(v.TimerLagMS)))
	}
	return fmt.Sprintf("%6.1f s  %-7s  %s", v.At, v.Phase, strings.Join(parts, ", "))
}

// wrong is how many events are missing and, if there are any, how many came twice or out
// of order.
func (p picture) wrong() string {
	text := count(p.missing) + " missing"
	if p.duplicated > 0 {
		text += ", " + count(p.duplicated) + " twice"
	}
	if p.outOfOrder > 0 {
		text += ", " + count(p.outOfOrder) + " out of order"
	}
	return text
}

// plain is text from outside without characters that could move a terminal's cursor.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, text)
}
