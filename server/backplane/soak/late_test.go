package soak_test

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// lateAfter is for how long a hub may serve other streams with what was published later, before
// it has sent an event to a client that takes all at once. A shard looks at all of its streams
// every 3.75 seconds, whether or not something was published.
const lateAfter = time.Second

// service is an event that a hub has sent.
type service struct {
	start time.Duration // of its publish
	at    time.Duration // when a client had it
}

// services are those of each hub to clients that take all at once, in the order of time.
func (r *round) services() map[int][]service {
	list := map[int][]service{}
	for _, v := range r.seen {
		for _, got := range v.got {
			if p := r.book.find(got.Data); p != nil && v.quick {
				list[v.node] = append(list[v.node], service{p.start, got.At})
			}
		}
	}
	for _, s := range list {
		slices.SortFunc(s, func(a, b service) int { return int(a.at - b.at) })
	}
	return list
}

// late says which event has come late, or not at all, though the hub had it and the stream was
// there. Neither a hub nor a machine that is stopped or slow makes an event late: what counts
// is that the same hub has served others meanwhile.
func (d *verdict) late() error {
	if !d.v.quick || d.v.lastID != "" && d.v.foreign == "" && d.troubled(d.v.asked, d.v.ended) { // it may be reading back
		return nil
	}
	for _, pattern := range d.v.topics {
		for _, p := range d.book.between(d.epoch, pattern, d.from, math.MaxUint64-1) {
			if !p.stored || !p.has || len(p.entries) > 1 || p.node != d.v.node || p.end < d.opened || !d.isDue(p) {
				continue
			}
			came, has := d.got[p.posting]
			if !has && (d.v.end != "left" || p.seq <= d.reach) {
				continue
			}
			if !has {
				came = d.v.ended
			}
			if served := d.servedMeanwhile(p.end, came-lateAfter); served > 0 {
				return fmt.Errorf("LATE: %v had not come before %v (%v); the hub has sent others %d events meanwhile that were published later", p.posting, came, has, served)
			}
		}
	}
	return nil
}

// servedMeanwhile counts the events, published after a time, that the stream's hub has sent to
// others before another time; 0 if that was not over some time.
func (d *verdict) servedMeanwhile(after, before time.Duration) (n int) {
	last := time.Duration(0)
	for _, s := range d.served[d.v.node] {
		if s.at > before {
			break
		}
		if s.start > after {
			n, last = n+1, s.at
		}
	}
	if n < 3 || last < after+lateAfter/4 {
		return 0
	}
	return n
}

// troubled says whether a hub, the broker or the network were made to fail meanwhile.
func (r *round) troubled(from, to time.Duration) bool {
	return slices.ContainsFunc(r.troubles, func(t trouble) bool { return t.from < to && from < t.to+lateAfter })
}

// trouble is when an act was under way.
type trouble struct{ from, to time.Duration }
