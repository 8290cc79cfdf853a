package load

import (
	"math/bits"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// longest is the longest latency that is told apart, in µs: ten minutes.
const longest = 600_000_000

// newHistogram counts microseconds up to ten minutes, to three figures.
func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, longest, 3) }

// record counts a latency; what is beyond ten minutes counts as ten minutes.
func record(h *hdrhistogram.Histogram, latency time.Duration) { _ = h.RecordValue(micros(latency)) }

func micros(latency time.Duration) int64 {
	return min(max(int64(latency/time.Microsecond), 1), longest)
}

// counts has the buckets of newHistogram, and is faster to count in: 2,048 of a microsecond
// each, then 1,024 of twice as much, and so on. A bucket has room for the seconds that an
// interval is long.
type counts [20*1024 + 1024]uint32

func (c *counts) record(latency time.Duration) {
	v := uint(micros(latency))
	shift := max(bits.Len(v), 11) - 11
	c[uint(shift)<<10+v>>shift]++
}

func (c *counts) addTo(h *hdrhistogram.Histogram) {
	if c == nil {
		return
	}
	for i, n := range c {
		if n > 0 {
			shift := max(i>>10, 1) - 1
			_ = h.RecordValues(int64(i-shift<<10)<<shift, int64(n))
		}
	}
}
