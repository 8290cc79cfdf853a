package server

import (
	"sync/atomic"
	"time"
)

// opens limits how many streams open per second, with a burst of one second's worth. It
// needs no timer: it stores only when the last stream would have been due, had they come
// evenly. The zero value has no limit. Its methods may be called by any goroutine.
type opens struct {
	every time.Duration // between two streams that come evenly; zero: no limit
	burst time.Duration // how far ahead of the clock due may be

	due atomic.Int64 // when the next stream is due, in nanoseconds of the hub's clock
}

// limit sets how many streams may open per second; zero: no limit.
func (o *opens) limit(perSecond int) {
	if perSecond > 0 {
		o.every = time.Second / time.Duration(perSecond)
		o.burst = o.every * time.Duration(perSecond)
	}
}

// take reports whether a stream may open now, and counts it if so. now is the time on the
// hub's clock.
func (o *opens) take(now time.Duration) bool {
	if o.every == 0 {
		return true
	}
	for {
		was := o.due.Load()
		next := max(time.Duration(was), now) + o.every
		if next-now > o.burst {
			return false
		}
		if o.due.CompareAndSwap(was, int64(next)) {
			return true
		}
	}
}
