package screen

import (
	"strings"
	"testing"

	"github.com/fastsse/fastsse/bench/internal/result"
)

func TestLineOfASecond(t *testing.T) {
	for _, c := range []struct {
		p    picture
		want string
	}{
		{after(2), "   2.0 s  open     5,000 of 10,000 open, server 26% 31.0 MiB, tool 30%"},
		{after(30), "  30.0 s  publish  10,000 open, 50,000/s, p50 4.16 p99 20.8 max 41.6 ms, 0 missing, server 26% 31.0 MiB, tool 30%"},
		{after(30).with(result.Sample{At: 31, Phase: "drain", Streams: 9_000, Missing: 3, Duplicated: 2, OutOfOrder: 1, Ended: 1_000, TimerLagMS: 31}),
			"  31.0 s  drain    9,000 of 10,000 open, 1,000 ended, 0/s, 3 missing, 2 twice, 1 out of order, tool 0%, TIMERS 31.0 ms LATE"},
	} {
		if got := c.p.line(); got != c.want {
			t.Errorf("got\n%s\nwant\n%s", got, c.want)
		}
	}
}

// times are when lines come for samples at these times, all of one phase.
func times(at ...float64) string {
	var out strings.Builder
	l := &lines{w: &out}
	p := picture{}
	for _, at := range at {
		p = p.with(result.Sample{At: at, Phase: "publish"})
		l.show(p, nil)
	}
	p.over = true
	l.show(p, nil)
	var seconds []string
	for line := range strings.Lines(out.String()) {
		seconds = append(seconds, strings.Fields(line)[0])
	}
	return strings.Join(seconds, " ")
}

func TestLinesAreOneASecondAndLaterOneEachTen(t *testing.T) {
	if got := times(1, 1.95, 2.2, 2.6, 3.01, 3.1); got != "1.0 1.9 3.0 3.1" { // the last one is over
		t.Error(got)
	}
	if got := times(59, 60, 61, 62, 69.9, 70, 79, 80, 81); got != "59.0 60.0 69.9 80.0 81.0" {
		t.Error(got)
	}
	if got := times(1); got != "1.0" {
		t.Error(got)
	}
}

func TestLinesSayPhasesAndNotesAtOnce(t *testing.T) {
	var out strings.Builder
	l := &lines{w: &out}
	l.show(picture{}, []string{"starting \x1b[2Jthe server"})
	p := picture{}
	for i, phase := range []string{"open", "open", "settle", "publish"} {
		p = p.with(result.Sample{At: 90 + float64(i)/10, Phase: phase})
		l.show(p, nil)
	}
	got := out.String()
	if !strings.HasPrefix(got, "starting ·[2Jthe server\n") || strings.Count(got, "\n") != 4 {
		t.Error(got)
	}
}
