package load

import (
	"context"
	"time"
)

// at is when the i-th of rate things per second is due, after the first.
func at(i int, rate float64) time.Duration {
	return time.Duration(float64(i) / rate * float64(time.Second))
}

// sleepUntil waits until a time of the process's clock, and returns false if ctx ends
// first.
func sleepUntil(ctx context.Context, at time.Duration) bool {
	d := at - Now()
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
