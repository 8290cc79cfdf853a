package result

import (
	"fmt"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Of returns the percentiles of a histogram of microseconds, in milliseconds, with the
// histogram itself, or nil if it is empty.
func Of(h *hdrhistogram.Histogram) *Percentiles {
	p := Brief(h)
	if p != nil {
		raw, _ := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase) // a buffer takes all
		p.HDR = string(raw)
	}
	return p
}

// Brief is Of without the histogram.
func Brief(h *hdrhistogram.Histogram) *Percentiles {
	if h == nil || h.TotalCount() == 0 {
		return nil
	}
	ms := func(percentile float64) float64 { return float64(h.ValueAtPercentile(percentile)) / 1000 }
	return &Percentiles{
		P50: ms(50), P90: ms(90), P99: ms(99), P999: ms(99.9),
		Max: float64(h.Max()) / 1000, Mean: h.Mean() / 1000, Count: h.TotalCount(),
	}
}

// Histogram is the histogram of microseconds that p is of.
func (p *Percentiles) Histogram() (*hdrhistogram.Histogram, error) {
	if p.HDR == "" {
		return nil, fmt.Errorf("no raw histogram is saved (hdr); measure again, with this version of ssebench")
	}
	h, err := hdrhistogram.Decode([]byte(p.HDR))
	if err != nil {
		return nil, fmt.Errorf("the raw histogram (hdr) cannot be read: %w", err)
	}
	return h, nil
}

// SpectrumOf returns a histogram of microseconds as a curve whose points get closer
// together towards 100%.
func SpectrumOf(h *hdrhistogram.Histogram) []Quantum {
	curve := []Quantum{}
	if h == nil || h.TotalCount() == 0 {
		return curve
	}
	for _, b := range h.CumulativeDistributionWithTicks(5) {
		curve = append(curve, Quantum{Percentile: b.Quantile, MS: float64(b.ValueAt) / 1000})
	}
	return curve
}
