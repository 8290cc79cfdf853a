package client

import (
	"time"

	"github.com/fastsse/fastsse/internal/backoff"
)

// leastRetry is the shortest reconnection time that is taken from a server: with "retry: 0" a
// browser connects again at once, for ever.
const leastRetry = 100 * time.Millisecond

// wait says how long a client waits between attempts.
type wait struct {
	base     time.Duration // the reconnection time
	most     time.Duration // of a wait that grows
	byServer bool          // base is what the server has sent
	failures int           // attempts that have failed since one has not
}

// told takes a reconnection time of the server.
func (w *wait) told(retry time.Duration) {
	w.base, w.byServer = max(retry, leastRetry), true
}

// next is how long to wait after an attempt that has ended as e: the reconnection time, exactly
// if the server has sent one, for it may have drawn it so that clients come back evenly.
// Otherwise a random part is added, and while attempts fail the wait doubles.
func (w *wait) next(e end) time.Duration {
	if w.failures++; e.healthy {
		w.failures = 0
	}
	d := w.base
	if w.failures > 0 || !w.byServer {
		d = backoff.Retry(w.grown())
	}
	return max(d, e.after)
}

// grown is the reconnection time, doubled for each failure but the first, to half of most.
func (w *wait) grown() time.Duration {
	d := w.base
	for range w.failures - 1 {
		if d >= w.most/4 {
			return max(d, w.most/2)
		}
		d *= 2
	}
	return d
}
