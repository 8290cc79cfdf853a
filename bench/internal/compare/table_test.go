package compare

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/fastsse/fastsse/bench/internal/result"
)

func TestTableHasMediansAndRatiosOfRounds(t *testing.T) {
	out := &Comparison{Rounds: 3, Servers: []Server{
		server("ours", []float64{8, 9, 30}, 0),
		server(Floor, []float64{8, 6, 20}, 0),
		server("drops", []float64{12, 12, 12}, 250),
	}, Left: []Left{{"nchan", "needs nginx with Nchan"}}}
	var b strings.Builder
	if err := out.Table(&b, &Config{Streams: 10, Rate: 5, Duration: time.Second}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| ours   |", "9.00 | 1.50 (1.00–1.50) |", // ratios within a round: 8/8, 9/6, 30/20
		"| floor  |", "8.00 | 1.00 (1.00–1.00) |",
		"7; 20.0% of the flood |", // 250 of 1,250
		"2.00 M |",
		"Left out: nchan: needs nginx with Nchan",
		"SUSPECT: drops, paced, 3 of 3: timers",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if lines := strings.Split(b.String(), "\n"); utf8.RuneCountInString(lines[0]) != utf8.RuneCountInString(lines[1]) || !strings.HasPrefix(lines[1], "|--") {
		t.Errorf("not a table of Markdown:\n%s", b.String())
	}
}

// server has a paced result for each CPU time, and misses the given number of 1,000
// events in the flood.
func server(name string, cpu []float64, missing uint64) Server {
	s := Server{Name: name}
	for _, us := range cpu {
		lost := uint64(0)
		paced := &result.Result{Server: &result.Server{CPUPerDeliveryUS: &us}, Lost: &lost, LatencyMS: &result.Percentiles{P50: 1, P99: 2}}
		if missing > 0 {
			lost = 7
			paced.Suspect, paced.SuspectOf = true, []string{"timers"}
		}
		s.Paced = append(s.Paced, paced)
		s.Flood = append(s.Flood, &result.Result{PerSecond: 2e6, Delivered: 1000, Missing: missing})
	}
	return s
}

func TestOverRounds(t *testing.T) {
	if s := over([]float64{3, 1, 2}); s != (spread{2, 1, 3}) {
		t.Errorf("of three: %+v", s)
	}
	if s := over([]float64{4, 1}); s != (spread{2.5, 1, 4}) {
		t.Errorf("of two: %+v", s)
	}
	if s := over([]float64{1, math.NaN()}); !s.none() {
		t.Errorf("with one that was not measured: %+v", s)
	}
}
