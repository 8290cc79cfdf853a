package load

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestCountsAreThoseOfTheHistogram(t *testing.T) {
	rng, c, got, want := rand.New(rand.NewPCG(1, 2)), new(counts), newHistogram(), newHistogram()
	each := []time.Duration{-time.Second, 0, 999, time.Hour, 600 * time.Second, 600*time.Second + 1, 600*time.Second - 1}
	for shift := range 40 {
		for range 200 {
			each = append(each, time.Duration(rng.Int64N(1<<shift))*time.Microsecond, time.Duration(1<<shift-rng.Int64N(2))*time.Microsecond)
		}
	}
	for _, latency := range each {
		c.record(latency)
		record(want, latency)
	}
	c.addTo(got)
	if !got.Equals(want) {
		t.Errorf("%d counts, %v; want %d, %v", got.TotalCount(), got.CumulativeDistribution(), want.TotalCount(), want.CumulativeDistribution())
	}
}
