// Package backoff draws times at random, so that clients which were cut together do
// not come back together: browsers add no jitter of their own.
package backoff

import (
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

// Retry draws from d to twice d: the reconnection time of a stream that this side
// ends. What is not above zero stays as it is.
func Retry(d time.Duration) time.Duration {
	if d <= 0 {
		return d
	}
	return d + rand.N(d)
}
