package server

import (
	"sync/atomic"

	"github.com/fastsse/fastsse/internal/cursor"
)

// Stats is a hub at a moment. The figures are taken one after the other, not
// all at once.
type Stats struct {
	Subscribers int64 `json:"subscribers"` // open, however they are held
	Parked      int64 `json:"parked"`      // …as a seat in a shard
	Streamed    int64 `json:"streamed"`    // …with a goroutine each

	// StreamedWhy counts, of all streams ever streamed, why they were not
	// parked: "tls", "not_a_socket", "wrapped", "follow", "configured",
	// "platform", "failed".
	StreamedWhy map[string]int64 `json:"streamed_why"`

	// Closing counts streams that have ended and whose OnClose has not returned.
	// They are in none of the above, but they count for MaxStreams.
	Closing int64 `json:"closing"`

	Opened  int64            `json:"opened"`  // streams ever opened
	Refused int64            `json:"refused"` // told to come back later: full, draining
	Ended   map[string]int64 `json:"ended"`   // streams that ended, by Reason

	Topics       int   `json:"topics"`        // that hold events or are read; subtrees not counted
	HistoryBytes int64 `json:"history_bytes"` // memory of all logs
	Published    int64 `json:"published"`     // events
	Delivered    int64 `json:"delivered"`     // events that streams have taken
	Gaps         int64 `json:"gaps"`          // gap events sent
	Aborted      int64 `json:"aborted"`       // streams that this side cut inside an event: see Config.SlowReaders and WriteTimeout, Kick, Drain, Close
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
		Subscribers:  max(h.streams.Load()-closing, 0),
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
	s.Streamed = max(s.Subscribers-s.Parked, 0)
	for r := range c.ended {
		if n := c.ended[r].Load(); n > 0 {
			s.Ended[Reason(r).String()] = n
		}
	}
	return s
}
