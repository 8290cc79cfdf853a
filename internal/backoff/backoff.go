// Package backoff draws times at random, so that clients which were cut together do
// not come back together: browsers add no jitter of their own.
package backoff

import (
	"math"
	"math/rand/v2"
	"time"
)

// Age draws from the last tenth of d: streams that began together do not end
// together, and none ends later than d.
func Age(d time.Duration) time.Duration {
	if d < 10 {
		return d
	}
	return d - rand.N(d/10)
}

// Window is a stretch of time, in milliseconds, over which clients are to come back
// evenly.
type Window struct {
	From int64 // when the first may come back
	Over int64 // how long after it the last may
}

// Retry draws the reconnection time of a client whose stream ends now, such that it comes
// back within the window. If little is left of that, it draws as the function Retry does.
func (w Window) Retry(d time.Duration, now int64) time.Duration {
	if d <= 0 {
		return d
	}
	if wait := milliseconds(w.at() - now); wait > d/4 {
		return wait
	}
	return Retry(d)
}

// longest is the longest Duration.
const longest = time.Duration(math.MaxInt64)

// milliseconds returns so many milliseconds, or longest.
func milliseconds(n int64) time.Duration {
	return time.Duration(min(n, longest.Milliseconds())) * time.Millisecond
}

// at draws a time from the window.
func (w Window) at() int64 {
	if w.Over <= 0 {
		return w.From
	}
	return w.From + rand.N(w.Over)
}

// Retry draws from d to twice d: the reconnection time of a stream that this side
// ends. What is not above zero stays as it is, as does what would be too long.
func Retry(d time.Duration) time.Duration {
	if d <= 0 || d > longest/2 {
		return d
	}
	return d + rand.N(d)
}
