package compare

import (
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/bench/internal/result"
)

func TestTableHasMediansRatiosOfRoundsAndSpreads(t *testing.T) {
	out := &Comparison{Rounds: 3, Servers: []*Server{
		server("ours", []float64{8, 9, 30}, 0),
		server("floor", []float64{8, 6, 20}, 0),
		server("drops", []float64{12, 12, 12}, 250),
		{Name: "breaks", Failed: "round 1: it does not listen"},
	}}
	for i, of := range []float64{40, 42, 47} {
		out.Servers[0].Paced[i].Server.BytesPerStream = &of
	}
	var b strings.Builder
	if err := out.Table(&b, &Config{Base: "floor", Load: "10 streams", FloodDuration: time.Second}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"42.0 ± 5.00", "| 9.00 (8.00–30.0) | 1.50 (1.00–1.50)", // ratios within a round: 8/8, 9/6, 30/20
		"| 8.00 (6.00–20.0)", "| 1.00 (1.00–1.00)", "x floor",
		"7; 20.0% of the flood |", // 250 of 1,250
		"2.00 M",
		"10 streams",
		"FAILED: breaks: round 1: it does not listen",
		"SUSPECT: drops, paced, all rounds (they count, for there are no others): timers",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if lines := strings.Split(b.String(), "\n"); !strings.HasPrefix(lines[1], "|---") || strings.Count(lines[0], "|") != strings.Count(lines[1], "|") {
		t.Errorf("not a table of Markdown:\n%s", b.String())
	}
	if out.Failed() == nil || !strings.Contains(out.Failed().Error(), "breaks") {
		t.Errorf("%v; want the server that failed", out.Failed())
	}
}

// server has a paced result for each CPU time, and misses the given number of 1,000
// events in the flood.
func server(name string, cpu []float64, missing uint64) *Server {
	s := &Server{Name: name}
	for _, us := range cpu {
		lost := uint64(0)
		paced := &result.Result{Server: &result.Server{CPUPerDeliveryUS: &us}, Lost: &lost, LatencyMS: &result.Percentiles{P50: 1, P99: 2}}
		if missing > 0 {
			lost = 7
			paced.Suspect, paced.SuspectOf = true, []string{"timers"}
		}
		s.Paced = append(s.Paced, paced)
		s.Flood = append(s.Flood, &result.Result{PerSecond: 2e6, Delivered: 1000, Missing: &missing})
	}
	return s
}

// A round in which something else was the bottleneck says nothing about the server, nor does
// it about the server that it is compared with.
func TestSuspectRoundsDoNotCountWhereOthersRemain(t *testing.T) {
	s, base := server("ours", []float64{8, 9, 90}, 0), server("floor", []float64{4, 3, 3}, 0)
	s.Paced[2].Suspect = true
	if got := cpuPerDelivery.of(s); got != (result.Range{Median: 8.5, Least: 8, Most: 9, Runs: 2}) {
		t.Errorf("%+v; want the two rounds that are not suspect", got)
	}
	if got := perSecond.of(s); got.Runs != 3 {
		t.Errorf("%+v; want all floods: the pace was suspect", got)
	}
	base.Paced[0].Suspect = true
	if got := cpuPerDelivery.ratio(s, base); got != (result.Range{Median: 3, Least: 3, Most: 3, Runs: 1}) {
		t.Errorf("%+v; want the one round in which neither is suspect", got)
	}
	var b strings.Builder
	if suspicions(&b, "ours", s.Paced); !strings.Contains(b.String(), "ours, round 3 (not counted)") {
		t.Errorf("said %q", b.String())
	}
}

// What was not measured, or is less than can be seen, is no figure.
func TestMemoryIsNeverNegative(t *testing.T) {
	s := server("ours", []float64{8, 9}, 0)
	if got := s.memory(); got != "–" {
		t.Errorf("not measured: %s", got)
	}
	for i, of := range []float64{-147, 20} {
		s.Paced[i].Server.BytesPerStream = &of
	}
	if got := s.memory(); got != "< 147" {
		t.Errorf("from -147 to 20 it is %s; want < 147", got)
	}
}
