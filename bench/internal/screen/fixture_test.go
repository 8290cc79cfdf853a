package screen

import (
	"math"
	"time"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// second is what a run of 10,000 streams looks like in its n-th second.
func second(n int) result.Sample {
	v := result.Sample{
		At: float64(n), Phase: "open", Streams: min(10_000, 2_500*n), Connecting: max(0, 100-25*n),
		ServerCPU: new(0.26), RSSBytes: new(uint64(31 << 20)), Descriptors: new(int32(10_021)), Threads: new(int32(9)),
		ToolCPU: 0.3, TimerLagMS: 0.4,
	}
	if n > 4 {
		v.Phase, v.Published, v.Delivered = "publish", 5, 50_000
		p99 := 40 + 20*math.Sin(float64(n)/6)
		v.LatencyMS = &result.Percentiles{P50: p99 / 5, P99: p99, Max: 2 * p99, Count: 50_000}
	}
	return v
}

// after is the picture after the given seconds of 40.
func after(seconds int) picture {
	p := picture{asked: 10_000, total: 40 * time.Second}
	for n := range seconds {
		p = p.with(second(n + 1))
	}
	return p
}
