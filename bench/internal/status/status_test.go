package status

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// second is what a run of 10,000 streams looks like in its n-th second.
func second(n int) result.Sample {
	v := result.Sample{At: float64(n), Phase: "open", Streams: min(10_000, 2_500*n), ServerCPU: new(0.26), RSSBytes: new(uint64(31 << 20)), ToolCPU: 0.3, TimerLagMS: 0.4}
	if n > 4 {
		v.Phase, v.Published, v.Delivered = "publish", 5, 50_000
		v.LatencyMS = &result.Percentiles{P50: 4.16, P99: 20.8, Max: 41.6, Count: 50_000}
	}
	return v
}

// after is the status after the given seconds, and what follows them.
func after(seconds int, then ...result.Sample) string {
	l := &Line{asked: 10_000, total: 40}
	for n := range seconds {
		l.add(second(n + 1))
	}
	for _, v := range then {
		l.add(v)
	}
	return l.String()
}

func TestLineOfASecond(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{after(2), "   2.0 s  open     5,000 of 10,000 open, 38 s left, server 26% 31.0 MiB, tool 30%"},
		{after(30), "  30.0 s  publish  10,000 open, 50,000/s, p50 4.16 p99 20.8 ms, 0 missing, 10 s left, server 26% 31.0 MiB, tool 30%"},
		{after(30, result.Sample{At: 31, Phase: "drain", Streams: 9_000, Missing: 3, Duplicated: 2, OutOfOrder: new(uint64(1)), Ended: 1_000, TimerLagMS: 31}),
			"  31.0 s  drain    9,000 of 10,000 open, 1,000 ended, 0/s, 3 missing, 2 twice, 1 out of order, TIMERS 31.0 ms LATE, 9 s left, tool 0%"},
		// A short interval does not make a rate of its own.
		{after(30, result.Sample{At: 30.1, Phase: "drain", Streams: 10_000, Delivered: 9_000}, result.Sample{At: 31, Phase: "drain", Streams: 10_000, Delivered: 1_000}),
			"  31.0 s  drain    10,000 open, 10,000/s, 0 missing, 9 s left, tool 0%"},
	} {
		if c.got != c.want {
			t.Errorf("got\n%s\nwant\n%s", c.got, c.want)
		}
	}
}

// times are when lines come for samples at these times, all of one phase.
func times(at ...float64) string {
	var out strings.Builder
	l := New(&out, 0, 0)
	for _, at := range at {
		l.Sample(result.Sample{At: at, Phase: "publish"})
		for len(l.lines) > 0 { // a reader that keeps up
			time.Sleep(time.Millisecond)
		}
	}
	l.Done()
	var seconds []string
	for line := range strings.Lines(out.String()) {
		seconds = append(seconds, strings.Fields(line)[0])
	}
	return strings.Join(seconds, " ")
}

func TestLinesAreOneASecondAndLaterOneEachTen(t *testing.T) {
	if got := times(1, 1.95, 2.2, 2.6, 3.01, 3.1); got != "1.0 1.9 3.0" {
		t.Error(got)
	}
	if got := times(59, 60, 61, 62, 69.9, 70, 79, 80, 81); got != "59.0 60.0 69.9 80.0" {
		t.Error(got)
	}
}

func TestPhasesAreShownAtOnce(t *testing.T) {
	var out strings.Builder
	l := New(&out, 0, 0)
	for i, phase := range []string{"open", "open", "settle", "publish"} {
		l.Sample(result.Sample{At: 90 + float64(i)/10, Phase: phase})
	}
	l.Done()
	l.Done() // may be called again
	if got := out.String(); strings.Count(got, "\n") != 3 {
		t.Error(got)
	}
}

// A pipe that nobody reads does not hold the measurement up.
func TestNobodyReads(t *testing.T) {
	r, w := io.Pipe()
	defer r.Close()
	l := New(w, 0, 0)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for n := range 1000 {
			l.Sample(second(n))
		}
	}()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("it waits")
	}
}

func TestFilesAreNoTerminals(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l := New(f, 10_000, 0)
	l.Sample(second(5))
	l.Done()
	text, err := os.ReadFile(f.Name())
	if err != nil || strings.ContainsAny(string(text), "\r\x1b") || !strings.HasSuffix(string(text), "\n") {
		t.Errorf("%q, %v", text, err)
	}
}
