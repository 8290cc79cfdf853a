package load

import (
	"context"
	"time"
)

// at is when the i-th of rate things per second is due, after the first.
func at(i int, rate float64) time.Duration {
	return time.Duration(float64(i) / rate * float64(time.Second))
}

// coarse is how long before a time a timer of Go is asked to end: when the process has nothing
// else to do it may be late by more than two milliseconds.
const coarse = 4 * time.Millisecond

// sleepPrecisely waits until a time, as sleepUntil does, but the last of it in the system.
func sleepPrecisely(ctx context.Context, at time.Duration) bool {
	if !sleepUntil(ctx, at-coarse) {
		return false
	}
	if d := at - Now(); d > 0 {
		nap(d)
	}
	return sleepUntil(ctx, at)
}

// Pause waits for some time, and returns false if ctx ends first.
func Pause(ctx context.Context, d time.Duration) bool { return sleepUntil(ctx, Now()+d) }

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
