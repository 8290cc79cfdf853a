package report

import (
	"fmt"
	"math"
	"testing"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// delivering is a result with these samples: when, and how many were delivered.
func delivering(samples ...[2]float64) *run {
	r := &result.Result{}
	for _, s := range samples {
		r.Samples = append(r.Samples, result.Sample{At: s[0], Phase: "publish", Delivered: uint64(s[1])})
	}
	return runsOf([]*result.Result{r})[0]
}

func TestRatesAreOfWholeIntervals(t *testing.T) {
	for _, c := range []struct {
		run  *run
		want column
	}{
		{delivering([2]float64{1, 100}, [2]float64{2, 300}), column{100, 300}},
		{delivering([2]float64{2, 100}, [2]float64{4, 300}), column{50, 150}},
		{delivering([2]float64{1, 100}, [2]float64{2, 100}, [2]float64{3, 90}, [2]float64{3.25, 35}), column{100, 100, 90, 100}},
		{delivering([2]float64{0, 5}), column{hole}},
		{delivering(), column{}},
	} {
		got := rate(func(s *result.Sample) uint64 { return s.Delivered })(c.run)
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("rates at %v are %v, want %v", c.run.At, got, c.want)
		}
	}
}

// A last sample a millisecond after the one before has one clock tick of CPU, or none:
// neither is a load.
func TestCPUOfAMomentIsNoLoad(t *testing.T) {
	r := delivering([2]float64{1, 0}, [2]float64{2, 0}, [2]float64{2.001, 0})
	r.samples[0].ToolCPU, r.samples[1].ToolCPU, r.samples[2].ToolCPU = 0.5, 0.5, 10
	got := busy(func(s *result.Sample) float64 { return s.ToolCPU })(r)
	if got[0] != 0.5 || got[2] > 0.52 {
		t.Errorf("CPU is %v, want about half a processor throughout", got)
	}
}

func TestSeveralAreLaidOverEachOtherWhereTheyPublish(t *testing.T) {
	quick, slow := plain(), scene{name: "b", streams: 40_000, rate: 5, seconds: 30, median: 20, seed: 9}.make()
	runs := runsOf([]*result.Result{quick, slow})
	for _, r := range runs {
		for _, p := range r.Phases {
			if p.Name == "publish" && math.Abs(p.From) > 1e-9 {
				t.Errorf("%s publishes from %v s on, want 0", r.Label, p.From)
			}
		}
	}
	if alone := runsOf([]*result.Result{slow})[0]; alone.At[0] != slow.Samples[0].At {
		t.Errorf("a single result begins at %v, want its own time %v", alone.At[0], slow.Samples[0].At)
	}
	if mixed := runsOf([]*result.Result{quick, connect()}); mixed[0].origin != 0 || len(mixed[0].Phases) > 0 {
		t.Error("results without a phase in common are moved, or show one's phases")
	}
}

func TestSamplesAreShownInOrder(t *testing.T) {
	r := delivering([2]float64{3, 3}, [2]float64{1, 1}, [2]float64{2, 2})
	if fmt.Sprint(r.At) != "[1 2 3]" || len(r.Phases) != 1 {
		t.Errorf("samples are at %v in phases %v, want 1 2 3 in one", r.At, r.Phases)
	}
}

func TestMarksSayWhen(t *testing.T) {
	runs := runsOf([]*result.Result{lossy()})
	got := ""
	for _, m := range allMarks(runs) {
		got += m.Name + " " + m.Text + "; "
	}
	if want := "missing 812 at 20.0 s; duplicated 3 at 20.0 s; out of order 1 at 20.0 s; streams ended 40 at 20.0 s; "; got != want {
		t.Errorf("marks are %s want %s", got, want)
	}
	closed := delivering([2]float64{1, 1})
	closed.samples[0].Missing = -3 // holes that closed are no loss
	if marks := closed.marks(); len(marks) > 0 {
		t.Errorf("marks of holes that closed: %v", marks)
	}
}

func TestSpectrumEndsAtTheSlowest(t *testing.T) {
	r := &result.Result{
		LatencyMS: &result.Percentiles{Count: 1000},
		Spectrum:  []result.Quantum{{Percentile: 0, MS: 1}, {Percentile: 50, MS: 2}, {Percentile: 50, MS: 3}, {Percentile: 99, MS: 5}, {Percentile: 100, MS: 9}, {Percentile: 100, MS: 10}},
	}
	x, y := curve(r)
	if fmt.Sprint(x) != "[1 2 100 1000]" || fmt.Sprint(y) != "[1 3 5 10]" {
		t.Errorf("the spectrum is %v over %v", y, x)
	}
}

func TestScaleBeginsLogarithmicWhereSpreadIsGreat(t *testing.T) {
	for _, c := range []struct {
		y   column
		log bool
	}{{column{1, 2, 29}, false}, {column{1, 2, 31}, true}, {column{0, 0}, false}, {column{hole, 1, 1000}, true}} {
		if got := (&chart{Series: []series{{Y: c.y}}}).chooseScale(); *got.Log != c.log {
			t.Errorf("%v: logarithmic is %v, want %v", c.y, *got.Log, c.log)
		}
	}
}
