package screen

import (
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/fastsse/fastsse/bench/internal/result"
)

func TestViewOfARun(t *testing.T) {
	want := `
 publish    ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━────────────  30 s of 40 s

 streams    10,000 open
 events     130 published   1,300,000 delivered   50,000/s
 so far     0 missing   0 twice   0 out of order
 latency    p50 4.16 ms   p99 20.8 ms   max 41.6 ms   (last second)

 p99            ██████████▇▇▇▆▆▅▅▄▄▄▄▃▃▃▃▃                     ↑ 59.9 ms
 deliveries ▁▁▁▁██████████████████████████                     ↑ 50,000/s

 server     CPU 26%   memory 31.0 MiB   10,021 descriptors   9 threads
 this tool  CPU 30%   timers 0.40 ms late
`
	if got := ansi.Strip(after(30).view(80, 24)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestViewOfOpening(t *testing.T) {
	want := `
 open       ━━──────────────────────────────────────────────  2 s of 40 s

 streams    5,000 of 10,000 open   50 connecting

 server     CPU 26%   memory 31.0 MiB   10,021 descriptors   9 threads
 this tool  CPU 30%   timers 0.40 ms late
`
	if got := ansi.Strip(after(2).view(80, 24)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestViewFitsAnyTerminal(t *testing.T) {
	p := after(60).with(result.Sample{At: 61, Missing: 1e9, Ended: 10_000, Goroutines: new(30_000), Descriptors: new(int32(10_000))})
	for width := 1; width < 200; width++ {
		for height := 1; height < 40; height++ {
			view := p.view(width, height)
			for line := range strings.Lines(view) {
				if n := ansi.StringWidth(strings.TrimSuffix(line, "\n")); n > width {
					t.Fatalf("%d columns of %d: %s", n, width, line)
				}
			}
			if n := strings.Count(view, "\n"); n > max(1, height-1) {
				t.Fatalf("%d lines, and the cursor's, of %d", n, height)
			}
		}
	}
}

func TestViewDropsWhatMattersLeast(t *testing.T) {
	p := after(30)
	for _, c := range []struct {
		height    int
		has, lost string
	}{
		{24, "↑", "?"}, {12, "↑", "\n\n"}, {9, "server", "↑"}, {7, "missing", "server"}, {3, "publish", "missing"},
	} {
		got := ansi.Strip(p.view(80, c.height))
		if !strings.Contains(got, c.has) || strings.Contains(got, c.lost) {
			t.Errorf("in %d lines, want %q and no %q:\n%s", c.height, c.has, c.lost, got)
		}
	}
}

func TestViewIsLoudAboutLoss(t *testing.T) {
	red := "\x1b[1;31m"
	if view := after(30).view(80, 24); strings.Contains(view, red) {
		t.Errorf("red without a reason: %q", view)
	}
	lossy := after(30).with(result.Sample{At: 31, Missing: 12, TimerLagMS: 31})
	view := lossy.view(80, 24)
	if !strings.Contains(view, red+"12 missing") || !strings.Contains(view, red+"timers 31.0 ms late") {
		t.Errorf("%q", view)
	}
}

func TestViewOfNothingYetAndOfTheEnd(t *testing.T) {
	p := picture{asked: 10}
	if got := ansi.Strip(p.view(80, 24)); !strings.Contains(got, "0 of 10 open") || strings.Contains(got, " of 0 s") {
		t.Error(got)
	}
	p = after(18)
	p.over = true
	if got := ansi.Strip(p.view(80, 24)); !strings.Contains(got, "\n over       ━━━━━━━━━━━━━━━━━━━━━────") {
		t.Error(got)
	}
}

func TestSpansAreWrittenAsPeopleDo(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", 99 * time.Second: "99 s", 125 * time.Second: "2 min 05 s", 2*time.Hour + 7*time.Minute: "2 h 07 min",
	} {
		if got := span(d); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
