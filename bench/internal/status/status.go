// Package status shows in one line how a measurement is going: on a terminal it is written
// over each second, elsewhere there is a line per second, and after the first minute one
// per ten seconds.
package status

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/fastsse/fastsse/bench/internal/result"
	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// Line is the status of one measurement. Its methods are for one goroutine at a time. They
// do not wait for who reads it: what a terminal or a pipe does not take in time is not
// shown.
type Line struct {
	asked int
	total float64 // seconds; zero: not known

	last  result.Sample
	sum   result.Sample // of all intervals
	shown result.Sample // when the last line was
	rate  float64       // deliveries per second, lately
	since result.Sample // the sums when that was

	disorder uint64 // events out of order in all intervals

	once     sync.Once
	terminal *os.File // nil: it is none
	lines    chan string
	done     chan struct{} // closed when all is written
}

// New shows the status of a measurement on w until Done. asked is how many streams are to be
// opened; total is how long it will take, or zero if that is not known. The line is not
// written over if TERM is dumb, or CI is set.
func New(w io.Writer, asked int, total time.Duration) *Line {
	l := &Line{asked: asked, total: total.Seconds(), lines: make(chan string, 8), done: make(chan struct{})}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" && os.Getenv("CI") == "" {
		l.terminal = f
	}
	go func() {
		defer close(l.done)
		for line := range l.lines {
			io.WriteString(w, line) // if that fails, there is nobody to tell
		}
	}()
	return l
}

// Sample shows what was seen in one more interval.
func (l *Line) Sample(v result.Sample) {
	l.add(v)
	every := 1.0
	if v.At > 60 {
		every = 10
	}
	const slack = 0.1 // an interval that is a little short counts as a second
	if l.terminal == nil && v.Phase == l.shown.Phase && v.At-l.shown.At < every-slack {
		return
	}
	l.shown = v
	line := l.String() + "\n"
	if l.terminal != nil {
		line = "\r" + text.Trim(l.String(), l.columns()-1) + "\x1b[K"
	}
	l.write(line)
}

func (l *Line) write(line string) {
	select {
	case l.lines <- line:
	default:
	}
}

// add adds an interval to the sums. One that is too short for a rate counts with the next.
func (l *Line) add(v result.Sample) {
	l.last = v
	l.sum.At = v.At
	l.sum.Ended += v.Ended
	l.sum.Published += v.Published
	l.sum.Delivered += v.Delivered
	l.sum.Missing += v.Missing
	l.sum.Duplicated += v.Duplicated
	if v.OutOfOrder != nil {
		l.disorder += *v.OutOfOrder
	}
	if took := v.At - l.since.At; took >= 0.5 {
		l.rate, l.since = float64(l.sum.Delivered-l.since.Delivered)/took, l.sum
	}
}

func (l *Line) columns() int {
	if width, _, err := term.GetSize(int(l.terminal.Fd())); err == nil && width > 20 {
		return width
	}
	return 80
}

// String is the status: what matters most comes first, and is cut last.
func (l *Line) String() string {
	v, sum := &l.last, &l.sum
	var parts []string
	say := func(is bool, format string, args ...any) {
		if is {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	count := func(n float64) string { return result.Count.Short(n) }
	say(v.Streams == l.asked, "%s open", count(float64(v.Streams)))
	say(v.Streams != l.asked, "%s of %s open", count(float64(v.Streams)), count(float64(l.asked)))
	say(sum.Ended > 0, "%s ended", count(float64(sum.Ended)))
	if sum.Published+sum.Delivered > 0 {
		say(true, "%s/s", count(l.rate))
		if p := v.LatencyMS; p != nil {
			say(true, "p50 %s p99 %s ms", result.Digits(p.P50), result.Digits(p.P99))
		}
		say(true, "%s missing", count(float64(sum.Missing)))
		say(sum.Duplicated > 0, "%s twice", count(float64(sum.Duplicated)))
		say(l.disorder > 0, "%s out of order", count(float64(l.disorder)))
	}
	say(v.TimerLagMS >= 10, "TIMERS %s ms LATE", result.Digits(v.TimerLagMS))
	say(l.total > v.At, "%.0f s left", l.total-v.At)
	if v.ServerCPU != nil && v.RSSBytes != nil {
		say(true, "server %.0f%% %s", 100**v.ServerCPU, result.Bytes.Short(float64(*v.RSSBytes)))
	}
	say(true, "tool %.0f%%", 100*v.ToolCPU)
	return fmt.Sprintf("%6.1f s  %-7s  %s", v.At, v.Phase, strings.Join(parts, ", "))
}

// Done ends the display, so that others may write. It waits at most 2 s until all is
// written, and may be called again; Sample may not.
func (l *Line) Done() {
	l.once.Do(func() {
		if l.terminal != nil {
			l.write("\n")
		}
		close(l.lines)
	})
	select {
	case <-l.done:
	case <-time.After(2 * time.Second):
	}
}
