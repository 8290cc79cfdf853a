package soak_test

import (
	"context"
	"time"
)

// sample is what the broker held at a time.
type sample struct {
	at    time.Duration
	epoch string
	first uint64 // the oldest entry
}

// observe asks the broker all the time what it holds, until the round's end.
func (r *round) observe() {
	if r.broker.Broker == "embedded" {
		return
	}
	b, done := r.broker.look()
	defer done()
	for b != nil && !r.stopped.Load() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		st, err := b.State(ctx)
		cancel()
		if at := r.clock(); err == nil { // the state is of some time before
			r.mu.Lock()
			r.samples = append(r.samples, sample{at, st.Epoch, st.First})
			r.mu.Unlock()
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// dropped says whether an entry may have been dropped by a time.
func (r *round) dropped(epoch string, entry uint64, at time.Duration) bool {
	for _, s := range r.samples {
		if s.epoch != epoch {
			continue
		}
		if s.first > entry {
			return true
		}
		if s.at > at+10*time.Millisecond+sampled {
			return false
		}
	}
	return true // it was not asked since
}

// sampled is how long an answer of the broker may be under way.
const sampled = 500 * time.Millisecond
