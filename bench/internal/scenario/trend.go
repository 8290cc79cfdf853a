package scenario

import (
	"fmt"
	"slices"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// TrendOf says whether a measurement stayed flat from its first third to its last. The
// first tenth is left out, because servers warm up. It is nil if there are too few
// samples to tell.
func TrendOf(samples []result.Sample) *result.Trend {
	held := slices.DeleteFunc(slices.Clone(samples), func(v result.Sample) bool {
		return v.Phase != "publish" && v.Phase != "hold"
	})
	held = held[len(held)/10:]
	third := len(held) / 3
	if third < 3 {
		return nil
	}
	t := &result.Trend{Flat: true, Rising: []string{}}
	for _, g := range gauges {
		note(t, &g, medianOf(held[:third], g.of), medianOf(held[len(held)-third:], g.of))
	}
	return t
}

// gauge is a figure that should stay flat.
type gauge struct {
	name string
	of   func(*result.Sample) *float64
	into func(*result.Trend) **float64
	// It has risen if it grew by more than share of the first third, and by more than least.
	share, least float64
	per          float64 // divisor that gives the unit
	unit         string
}

var gauges = []gauge{
	{"p99", func(v *result.Sample) *float64 {
		if v.LatencyMS == nil {
			return nil
		}
		return &v.LatencyMS.P99
	}, func(t *result.Trend) **float64 { return &t.P99 }, 0.5, 5, 1, " ms"},
	{"RSS", func(v *result.Sample) *float64 { return float(v.RSSBytes) },
		func(t *result.Trend) **float64 { return &t.RSS }, 0.1, 8 << 20, 1 << 20, " MiB"},
	{"descriptors", func(v *result.Sample) *float64 { return float(v.Descriptors) },
		func(t *result.Trend) **float64 { return &t.Descriptors }, 0.02, 5, 1, ""},
	{"threads", func(v *result.Sample) *float64 { return float(v.Threads) },
		func(t *result.Trend) **float64 { return &t.Threads }, 0.1, 3, 1, ""},
	{"goroutines", func(v *result.Sample) *float64 { return float(v.Goroutines) },
		func(t *result.Trend) **float64 { return &t.Goroutines }, 0.02, 10, 1, ""},
	{"CPU", func(v *result.Sample) *float64 { return v.ServerCPU },
		func(t *result.Trend) **float64 { return &t.CPU }, 0.25, 0.05, 1, " processors"},
}

func float[T int | int32 | uint64](v *T) *float64 {
	if v == nil {
		return nil
	}
	f := float64(*v)
	return &f
}

// note notes a gauge's change.
func note(t *result.Trend, g *gauge, first, last *float64) {
	if first == nil || last == nil {
		return
	}
	rise := *last - *first
	if *first > 0 {
		share := rise / *first
		*g.into(t) = &share
	}
	if rise > g.least && rise > g.share**first {
		t.Flat = false
		t.Rising = append(t.Rising, fmt.Sprintf("%s from %s to %s%s", g.name, figure(*first/g.per), figure(*last/g.per), g.unit))
	}
}

// medianOf is nil if there were no values.
func medianOf(samples []result.Sample, of func(*result.Sample) *float64) *float64 {
	var values []float64
	for i := range samples {
		if v := of(&samples[i]); v != nil {
			values = append(values, *v)
		}
	}
	if len(values) == 0 {
		return nil
	}
	slices.Sort(values)
	return &values[len(values)/2]
}

// figure writes a number with four digits, or all before the point if that is more.
func figure(v float64) string {
	if v >= 1000 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.4g", v)
}
