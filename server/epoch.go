package server

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/delivery"
	"github.com/fastsse/fastsse/internal/eventlog"
)

// epoch is a history, and the streams that read it. A hub that is alone has one. With a
// backplane, the hub goes on with another when the broker's stream was made anew. What
// opens a stream or publishes loads the epoch once, and stays with it.
type epoch struct {
	history  *eventlog.History
	delivery *delivery.Delivery
	over     atomic.Bool // the hub has gone on with another
	doubt    atomic.Pointer[doubt]
}

// doubt is a range of sequences, without its ends, under which this hub has sent events that
// the broker has lost: it has, or will have, others there.
type doubt struct{ after, before uint64 }

// doubts reports whether what a client has read up to a sequence may be what was lost.
func (e *epoch) doubts(seq uint64) bool {
	d := e.doubt.Load()
	return d != nil && seq > d.after && seq < d.before
}

// newEpoch makes an epoch without events.
func (h *Hub) newEpoch(name string) *epoch {
	e := &epoch{history: eventlog.New(name, h.cfg.MaxHistoryBytes, h.cfg.rules())}
	e.delivery = delivery.New(h.host(e), h.cfg.Shards)
	return e
}

// state returns the state of the epoch in a hub of that state.
func (e *epoch) state(hub delivery.State) delivery.State {
	if hub == delivery.Open && e.over.Load() {
		return delivery.Draining
	}
	return hub
}

// epochs are the epoch of a hub, and those that are over.
type epochs struct {
	now atomic.Pointer[epoch]

	mu    sync.Mutex     // guards past and ended
	past  []*epoch       // they are over, and may have streams that are ending
	ended delivery.Stats // counts of those that have no streams any more
}

// current returns the epoch that streams open in.
func (h *Hub) current() *epoch { return h.epochs.now.Load() }

// succeed makes next the hub's epoch. From then on, until gone is called, the last one is
// among the past.
func (s *epochs) succeed(next *epoch) (last *epoch) {
	last = s.now.Load()
	s.mu.Lock()
	s.past = append(s.past, last)
	s.mu.Unlock()
	last.over.Store(true)
	s.now.Store(next)
	return last
}

// gone removes an epoch that has no streams any more, and keeps its counts.
func (s *epochs) gone(e *epoch) {
	ended := e.delivery.Stats()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.past = slices.DeleteFunc(s.past, func(p *epoch) bool { return p == e })
	addStats(&s.ended, ended)
}

// deliveries returns the delivery of the present epoch, and those of past epochs that may
// still have streams.
func (h *Hub) deliveries() []*delivery.Delivery {
	list := []*delivery.Delivery{h.current().delivery} // first: the present epoch may become a past one now
	if h.relay == nil {
		return list
	}
	h.epochs.mu.Lock()
	defer h.epochs.mu.Unlock()
	for _, e := range h.epochs.past {
		if e.delivery != list[0] {
			list = append(list, e.delivery)
		}
	}
	return list
}

// cut ends every stream at once, and what reads back for one.
func (h *Hub) cut(why cursor.Reason) {
	if h.relay != nil {
		h.relay.endReadBacks()
	}
	for _, d := range h.deliveries() {
		d.Cut(why)
	}
}

// lingeringNow returns Stats.Lingering.
func (h *Hub) lingeringNow() int64 {
	n := h.lingering.Load()
	for _, d := range h.deliveries() {
		n += d.Lingering()
	}
	return n
}

// deliveryStats returns the figures of all epochs.
func (h *Hub) deliveryStats() delivery.Stats {
	s := h.current().delivery.Stats()
	if h.relay == nil {
		return s
	}
	for _, d := range h.deliveries()[1:] {
		addStats(&s, d.Stats())
	}
	h.epochs.mu.Lock()
	defer h.epochs.mu.Unlock()
	addStats(&s, h.epochs.ended)
	return s
}

// addStats adds the figures of more to s.
func addStats(s *delivery.Stats, more delivery.Stats) {
	s.Delivered += more.Delivered
	s.Replayed += more.Replayed
	s.Gaps += more.Gaps
	s.Aborted += more.Aborted
	s.Parked += more.Parked
	s.Lagging += more.Lagging
	s.Behind = max(s.Behind, more.Behind)
	if s.WhyPumped == nil {
		s.WhyPumped = make(map[string]int64)
	}
	for why, n := range maps.All(more.WhyPumped) {
		s.WhyPumped[why] += n
	}
}
