package scenario

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// held are the samples of n seconds, all equal, with a change to the i-th.
func held(n int, change func(v *result.Sample, i int)) []result.Sample {
	all := make([]result.Sample, 0, n+4)
	all = append(all, result.Sample{Phase: "open", RSSBytes: of(uint64(1))}, result.Sample{Phase: "settle"})
	for i := range n {
		v := result.Sample{
			At: float64(10 + i), Phase: "publish", LatencyMS: &result.Percentiles{P99: 20}, RSSBytes: of(uint64(100 << 20)), Descriptors: of(int32(1000)),
			Threads: of(int32(10)), Goroutines: of(500), ServerCPU: of(0.5),
		}
		if change != nil {
			change(&v, i)
		}
		all = append(all, v)
	}
	return append(all, result.Sample{Phase: "drain", RSSBytes: of(uint64(1 << 40))})
}

func of[T any](v T) *T { return &v }

func TestTrendOfWhatStaysFlat(t *testing.T) {
	for name, samples := range map[string][]result.Sample{
		"the same": held(30, nil),
		"noise":    held(30, func(v *result.Sample, i int) { v.LatencyMS.P99 += float64(i % 4); *v.Descriptors += int32(i % 3) }),
		"falling":  held(30, func(v *result.Sample, i int) { *v.RSSBytes -= uint64(i) << 20 }),
		"a spike":  held(30, func(v *result.Sample, i int) { *v.RSSBytes += uint64(i/29) << 30 }),
		"a step":   held(30, func(v *result.Sample, i int) { *v.RSSBytes += uint64(i/15) << 26; *v.Threads += int32(i / 15) }),
		"warming up": held(30, func(v *result.Sample, i int) {
			if i < 3 {
				*v.RSSBytes = 1 << 20
			}
		}),
		"too little to matter": held(30, func(v *result.Sample, i int) { *v.RSSBytes += uint64(i) << 14 }),
		"hold":                 held(10, func(v *result.Sample, _ int) { v.Phase, v.LatencyMS = "hold", nil }),
	} {
		got := TrendOf(samples)
		if got == nil || !got.Flat || got.Rising == nil || len(got.Rising) > 0 {
			t.Errorf("%s: %+v, want it flat", name, got)
		}
	}
}

func TestTrendOfWhatRises(t *testing.T) {
	for says, change := range map[string]func(v *result.Sample, i int){
		"RSS from 107 to 125 MiB, by 3600 ± 0 MiB per hour":                func(v *result.Sample, i int) { *v.RSSBytes += uint64(i) << 20 },
		"p99 from 27.5 to 46.4 ms, by 3780 ± 0 ms per hour":                func(v *result.Sample, i int) { v.LatencyMS.P99 += 0.15 + 1.05*float64(i) },
		"descriptors from 1021 to 1075, by 10800 ± 0 per hour":             func(v *result.Sample, i int) { *v.Descriptors += int32(3 * i) },
		"threads from 17 to 35, by 3600 ± 0 per hour":                      func(v *result.Sample, i int) { *v.Threads += int32(i) },
		"goroutines from 70500 to 250500, by 36000000 ± 0 per hour":        func(v *result.Sample, i int) { *v.Goroutines += 10_000 * i },
		"CPU from 0.85 to 1.75 processors, by 180 ± 0 processors per hour": func(v *result.Sample, i int) { *v.ServerCPU += float64(i) / 20 },
	} {
		got := TrendOf(held(30, change))
		if got == nil || got.Flat || len(got.Rising) != 1 || !strings.HasPrefix(got.Rising[0], says[:strings.Index(says, " ±")]) {
			t.Errorf("%+v, want only %q", got, says)
		}
	}
}

// rss gives samples a memory of 100 MiB and what grows, with the noise of a server that
// collects garbage, in MiB: a saw with a period of its own, a drift that fades, and chance.
func rss(seed uint64, grows func(second float64) float64) []result.Sample {
	rng := rand.New(rand.NewPCG(seed, 1))
	period, drift := 10+50*rng.Float64(), 0.0
	return held(600, func(v *result.Sample, i int) {
		drift = 0.8*drift + 0.5*rng.NormFloat64()
		saw := 4 * math.Mod(float64(i)/period, 1)
		*v.RSSBytes = uint64((100 + grows(float64(i)) + saw + drift) * (1 << 20))
		v.LatencyMS.P99 = 20 * math.Exp(0.4*rng.NormFloat64())
	})
}

func TestTrendsAreToldFromNoise(t *testing.T) {
	for name, c := range map[string]struct {
		grows func(second float64) float64
		rises bool
	}{
		"nothing":                    {func(float64) float64 { return 0 }, false},
		"a leak of 0.8 MiB a minute": {func(s float64) float64 { return 0.8 * s / 60 }, true},
		"a leak in steps of 2 MiB":   {func(s float64) float64 { return 2 * math.Floor(s/60) }, true},
		"one step of 20 MiB":         {func(s float64) float64 { return 20 * math.Floor(min(s/400, 1)) }, false},
		"one step, earlier":          {func(s float64) float64 { return 20 * math.Floor(min(s/200, 1)) }, false},
		"warming up for two minutes": {func(s float64) float64 { return -20 * math.Exp(-s/30) }, false},
	} {
		wrong := 0
		for seed := range uint64(100) {
			got := TrendOf(rss(seed, c.grows))
			memory := slices.ContainsFunc(got.Rising, func(what string) bool { return strings.HasPrefix(what, "RSS") })
			if memory != c.rises || len(got.Rising) > 1 || !memory && len(got.Rising) > 0 {
				wrong++
				t.Log(name, got.Rising, *got.PerHour.RSSBytes)
			}
		}
		if wrong > 0 {
			t.Errorf("%s: wrong in %d of 100 soaks of ten minutes", name, wrong)
		}
	}
}

func TestTrendHasSharesAndSlopes(t *testing.T) {
	got := TrendOf(held(30, func(v *result.Sample, i int) {
		if i >= 21 {
			*v.RSSBytes *= 2
		}
	}))
	if got.RSS == nil || *got.RSS != 1 || got.P99 == nil || *got.P99 != 0 || got.PerHour.RSSBytes.Value <= 0 || math.Abs(got.PerHour.P99MS.Value) > 1e-6 {
		t.Errorf("%+v; want memory doubled", got)
	}
}

func TestTrendOfTooFewSamples(t *testing.T) {
	if got := TrendOf(held(8, nil)); got != nil {
		t.Errorf("of 8 samples: %+v, want nil", got)
	}
	if got := TrendOf(held(10, nil)); got == nil {
		t.Error("of 10 samples: nil")
	}
	if got := TrendOf(nil); got != nil {
		t.Errorf("of none: %+v, want nil", got)
	}
}

func TestTrendOfWhatWasNotMeasured(t *testing.T) {
	got := TrendOf(held(30, func(v *result.Sample, _ int) { v.RSSBytes, v.LatencyMS, v.Goroutines = nil, nil, nil }))
	if got.RSS != nil || got.P99 != nil || got.Goroutines != nil || got.CPU == nil || got.PerHour.RSSBytes != nil || !got.Flat {
		t.Errorf("%+v; want nothing of memory, latency and goroutines", got)
	}
}
