package scenario

import (
	"fmt"
	"slices"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// TrendOf says whether a measurement stayed flat. The first tenth is left out, because
// servers warm up. It is nil if there are too few samples to tell.
func TrendOf(samples []result.Sample) *result.Trend {
	held := slices.DeleteFunc(slices.Clone(samples), func(v result.Sample) bool {
		return v.Phase != "publish" && v.Phase != "hold"
	})
	held = held[len(held)/10:]
	if len(held) < 9 {
		return nil
	}
	t := &result.Trend{Flat: true, Rising: []string{}}
	for _, g := range gauges {
		g.note(t, held)
	}
	return t
}

// gauge is a figure that should stay flat.
type gauge struct {
	name string
	of   func(*result.Sample) *float64
	into func(*result.Trend) (share **float64, perHour **result.Slope)
	// It rises if in an hour it would grow by more than share of what it was, and by more
	// than least; and if in the soak itself it grew by an eighth of least.
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
	}, func(t *result.Trend) (**float64, **result.Slope) { return &t.P99, &t.PerHour.P99MS }, 0.5, 5, 1, " ms"},
	{"RSS", func(v *result.Sample) *float64 { return float(v.RSSBytes) },
		func(t *result.Trend) (**float64, **result.Slope) { return &t.RSS, &t.PerHour.RSSBytes }, 0.1, 8 << 20, 1 << 20, " MiB"},
	{"descriptors", func(v *result.Sample) *float64 { return float(v.Descriptors) },
		func(t *result.Trend) (**float64, **result.Slope) { return &t.Descriptors, &t.PerHour.Descriptors }, 0.02, 5, 1, ""},
	{"threads", func(v *result.Sample) *float64 { return float(v.Threads) },
		func(t *result.Trend) (**float64, **result.Slope) { return &t.Threads, &t.PerHour.Threads }, 0.1, 3, 1, ""},
	{"goroutines", func(v *result.Sample) *float64 { return float(v.Goroutines) },
		func(t *result.Trend) (**float64, **result.Slope) { return &t.Goroutines, &t.PerHour.Goroutines }, 0.02, 10, 1, ""},
	{"CPU", func(v *result.Sample) *float64 { return v.ServerCPU },
		func(t *result.Trend) (**float64, **result.Slope) { return &t.CPU, &t.PerHour.CPU }, 0.25, 0.05, 1, " processors"},
}

// note notes how a gauge went.
func (g *gauge) note(t *result.Trend, samples []result.Sample) {
	var hours, values []float64
	for i := range samples {
		if v := g.of(&samples[i]); v != nil {
			hours, values = append(hours, samples[i].At/3600), append(values, *v)
		}
	}
	if len(values) < 9 {
		return
	}
	share, perHour := g.into(t)
	third := len(values) / 3
	first, last := median(values[:third]), median(values[len(values)-third:])
	if first > 0 {
		change := (last - first) / first
		*share = &change
	}
	l := fit(hours, values)
	*perHour = &result.Slope{Value: l.slope, Error: l.err}
	if g.rises(hours, values, l) {
		t.Flat = false
		t.Rising = append(t.Rising, fmt.Sprintf("%s from %s to %s%s, by %s ± %s%s per hour", g.name, figure(first/g.per), figure(last/g.per), g.unit,
			figure(l.slope/g.per), figure(l.err/g.per), g.unit))
	}
}

// rises reports whether a gauge rises beyond its bounds, for certain, and all the time: what
// grows once, or at first, does so in one half alone.
func (g *gauge) rises(hours, values []float64, l line) bool {
	took, half := hours[len(hours)-1]-hours[0], len(hours)/2
	return l.slope > max(g.least, g.share*l.level) && l.slope*took > g.least/8 && l.slope > 3*l.err &&
		fit(hours[:half], values[:half]).slope > l.slope/4 && fit(hours[half:], values[half:]).slope > l.slope/4
}

func float[T int | int32 | uint64](v *T) *float64 {
	if v == nil {
		return nil
	}
	f := float64(*v)
	return &f
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// figure writes a number with three digits, or all before the point if that is more.
func figure(v float64) string {
	return fmt.Sprintf(map[bool]string{true: "%.0f", false: "%.3g"}[v >= 1000], v)
}
