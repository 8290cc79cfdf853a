package scenario

import (
	"slices"
	"testing"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// held are n equal samples, with a change to the i-th.
func held(n int, change func(v *result.Sample, i int)) []result.Sample {
	all := make([]result.Sample, 0, n+4)
	all = append(all, result.Sample{Phase: "open", RSSBytes: of(uint64(1))}, result.Sample{Phase: "settle"})
	for i := range n {
		v := result.Sample{
			Phase: "publish", LatencyMS: &result.Percentiles{P99: 20}, RSSBytes: of(uint64(100 << 20)), Descriptors: of(int32(1000)),
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
		"warming up": held(30, func(v *result.Sample, i int) {
			if i < 3 {
				*v.RSSBytes = 1 << 20
			}
		}),
		"too little to matter": held(30, func(v *result.Sample, i int) { *v.RSSBytes += uint64(i) << 18; *v.Threads += int32(i / 15) }),
		"hold":                 held(9, func(v *result.Sample, _ int) { v.Phase, v.LatencyMS = "hold", nil }),
	} {
		got := TrendOf(samples)
		if got == nil || !got.Flat || got.Rising == nil || len(got.Rising) > 0 {
			t.Errorf("%s: %+v, want it flat", name, got)
		}
	}
}

func TestTrendOfWhatRises(t *testing.T) {
	for says, change := range map[string]func(v *result.Sample, i int){
		"RSS from 107 to 125 MiB":          func(v *result.Sample, i int) { *v.RSSBytes += uint64(i) << 20 },
		"p99 from 27.5 to 46.4 ms":         func(v *result.Sample, i int) { v.LatencyMS.P99 += 0.15 + 1.05*float64(i) },
		"descriptors from 1021 to 1075":    func(v *result.Sample, i int) { *v.Descriptors += int32(3 * i) },
		"threads from 17 to 35":            func(v *result.Sample, i int) { *v.Threads += int32(i) },
		"goroutines from 70500 to 250500":  func(v *result.Sample, i int) { *v.Goroutines += 10_000 * i },
		"CPU from 0.85 to 1.75 processors": func(v *result.Sample, i int) { *v.ServerCPU += float64(i) / 20 },
	} {
		if got := TrendOf(held(30, change)); got == nil || got.Flat || !slices.Equal(got.Rising, []string{says}) {
			t.Errorf("%+v, want only %q", got, says)
		}
	}
}

func TestTrendIsAShareOfTheFirstThird(t *testing.T) {
	got := TrendOf(held(30, func(v *result.Sample, i int) {
		if i >= 21 {
			*v.RSSBytes *= 2
		}
	}))
	if got.RSS == nil || *got.RSS != 1 || got.P99 == nil || *got.P99 != 0 || !slices.Equal(got.Rising, []string{"RSS from 100 to 200 MiB"}) {
		t.Errorf("%+v; want memory doubled, from 100 to 200 MiB", got)
	}
}

func TestTrendOfTooFewSamples(t *testing.T) {
	if got := TrendOf(held(8, nil)); got != nil {
		t.Errorf("of 8 samples: %+v, want nil", got)
	}
	if got := TrendOf(held(9, nil)); got == nil {
		t.Error("of 9 samples: nil")
	}
	if got := TrendOf(nil); got != nil {
		t.Errorf("of none: %+v, want nil", got)
	}
}

func TestTrendOfWhatWasNotMeasured(t *testing.T) {
	got := TrendOf(held(30, func(v *result.Sample, _ int) { v.RSSBytes, v.LatencyMS, v.Goroutines = nil, nil, nil }))
	if got.RSS != nil || got.P99 != nil || got.Goroutines != nil || got.CPU == nil || !got.Flat {
		t.Errorf("%+v; want nothing of memory, latency and goroutines", got)
	}
}
