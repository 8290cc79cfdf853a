package server

import (
	"sync/atomic"

	"github.com/fastsse/fastsse/internal/cursor"
)

// Stats is a hub at a moment. The figures are taken one after the other, not
// all at once.
type Stats struct {
	Streams  int64 // open, however they are held
	Parked   int64 // …as a seat in a shard
	Streamed int64 // …with a goroutine each

	// StreamedWhy counts, of all streams ever streamed, why they were not
	// parked: "tls", "not a socket", "wrapped", "follow", "configured",
	// "platform", "failed".
	StreamedWhy map[string]int64

	// Closing counts streams that have ended and whose OnClose has not returned.
	// They are in none of the above, but they count for MaxStreams.
	Closing int64

	Opened  int64            // streams ever opened
	Refused int64            // told to come back later: full, draining
	Ended   map[string]int64 // streams that ended, by Reason

	Topics       int   // that hold events or are read; subtrees not counted
	HistoryBytes int64 // memory of all logs
	Published    int64 // events
	Delivered    int64 // events that streams have taken
	Gaps         int64 // gap events sent
	Aborted      int64 // streams that this side cut inside an event: see Config.SlowReaders and WriteTimeout, Kick, Drain, Close
}

// counters are what is counted by whoever it happens to.
type counters struct {
	published atomic.Int64
	opened    atomic.Int64
	refused   atomic.Int64
	gaps      atomic.Int64 // of openings
	closing   atomic.Int64
	ended     [cursor.Reasons]atomic.Int64
}

// Stats returns the hub's figures.
func (h *Hub) Stats() Stats {
	c := &h.counters
	closing := c.closing.Load()
	d := h.delivery.Stats()
	s := Stats{
		Streams:      max(h.streams.Load()-closing, 0),
		Closing:      closing,
		Parked:       d.Parked,
		StreamedWhy:  d.WhyPumped,
		Opened:       c.opened.Load(),
		Refused:      c.refused.Load(),
		Ended:        map[string]int64{},
		Topics:       h.history.Topics(),
		HistoryBytes: h.history.Bytes(),
		Published:    c.published.Load(),
		Delivered:    d.Delivered,
		Gaps:         c.gaps.Load() + d.Gaps,
		Aborted:      d.Aborted,
	}
	s.Streamed = max(s.Streams-s.Parked, 0)
	for r := range c.ended {
		if n := c.ended[r].Load(); n > 0 {
			s.Ended[Reason(r).String()] = n
		}
	}
	return s
}
