package result

import "github.com/HdrHistogram/hdrhistogram-go"

// Of returns the percentiles of a histogram of microseconds, in milliseconds, or nil
// if it is empty.
func Of(h *hdrhistogram.Histogram) *Percentiles {
	if h == nil || h.TotalCount() == 0 {
		return nil
	}
	ms := func(percentile float64) float64 { return float64(h.ValueAtPercentile(percentile)) / 1000 }
	return &Percentiles{
		P50: ms(50), P90: ms(90), P99: ms(99), P999: ms(99.9),
		Max: float64(h.Max()) / 1000, Mean: h.Mean() / 1000, Count: h.TotalCount(),
	}
}

// SpectrumOf returns a histogram of microseconds as a curve whose points get closer
// together towards 100%.
func SpectrumOf(h *hdrhistogram.Histogram) []Quantum {
	if h == nil || h.TotalCount() == 0 {
		return []Quantum{}
	}
	var curve []Quantum
	for _, b := range h.CumulativeDistributionWithTicks(5) {
		curve = append(curve, Quantum{Percentile: b.Quantile, MS: float64(b.ValueAt) / 1000})
	}
	return curve
}
