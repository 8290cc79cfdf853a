package client

import (
	"testing"
	"time"
)

// wants checks that each of many draws is within [from, to).
func wants(t *testing.T, what string, w wait, e end, from, to time.Duration) {
	t.Helper()
	for range 200 {
		w := w
		if d := w.next(e); d < from || d >= to && d != from {
			t.Fatalf("%s: waits for %v, want from %v to %v", what, d, from, to)
		}
	}
}

func TestWaitsDoubleWhileAttemptsFail(t *testing.T) {
	const second = time.Second
	fresh := wait{base: 3 * second, most: 30 * second}
	wants(t, "healthy", fresh, end{healthy: true}, 3*second, 6*second)
	for failures, from := range []time.Duration{3 * second, 6 * second, 12 * second, 15 * second, 15 * second} {
		w := fresh
		w.failures = failures
		wants(t, "failed", w, end{}, from, 2*from)
		wants(t, "healthy after failures", w, end{healthy: true}, 3*second, 6*second)
	}
	long := fresh
	long.failures = 1 << 20
	wants(t, "a million failures", long, end{}, 15*second, 30*second)
}

func TestReconnectionTimeOfTheServerIsExactAndAFloor(t *testing.T) {
	w := wait{base: 3 * time.Second, most: 30 * time.Second}
	w.told(time.Minute)
	wants(t, "healthy", w, end{healthy: true}, time.Minute, time.Minute)
	wants(t, "failed", w, end{}, time.Minute, 2*time.Minute)
	w.failures = 9
	wants(t, "failed often", w, end{}, time.Minute, 2*time.Minute)
	w.told(0)
	wants(t, "retry: 0", w, end{healthy: true}, leastRetry, leastRetry)
	wants(t, "Retry-After", w, end{after: time.Hour}, time.Hour, time.Hour)
	w.told(1 << 62)
	wants(t, "for ever", w, end{}, 1<<62, 1<<63-1)
}
