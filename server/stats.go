package server

import (
	"sync/atomic"

	"github.com/fastsse/fastsse/internal/cursor"
)

// Stats are the figures of a hub. They are read one after the other, not all at once. The
// JSON names, and the keys of the maps, can serve as labels of metrics.
type Stats struct {
	Subscribers int64 `json:"subscribers"` // open streams: Parked + Streamed
	Parked      int64 `json:"parked"`      // those without a goroutine
	Streamed    int64 `json:"streamed"`    // those with a goroutine each

	// StreamedWhy counts the streams that were ever streamed, by why they were not
	// parked: "tls", "not_a_socket", "wrapped", "follow", "configured",
	// "platform", "failed".
	StreamedWhy map[string]int64 `json:"streamed_why"`

	// Closing counts streams that have ended and whose OnClose has not returned yet.
	// They are not in Subscribers, but they count for Config.MaxSubscribers.
	Closing int64 `json:"closing"`

	Opened  int64            `json:"opened"`  // streams ever opened
	Refused int64            `json:"refused"` // requests told to come back later
	Ended   map[string]int64 `json:"ended"`   // streams ever ended, by Reason

	Topics       int   `json:"topics"`        // topics that hold events or have subscribers, without subtrees
	HistoryBytes int64 `json:"history_bytes"` // memory of all events and indexes: see Config.MaxHistoryBytes
	Published    int64 `json:"published"`     // events published
	Delivered    int64 `json:"delivered"`     // events written, summed over subscribers
	Gaps         int64 `json:"gaps"`          // gap events sent
	Aborted      int64 `json:"aborted"`       // streams that the hub cut inside an event: see Config.SlowSubscribers and WriteTimeout, Kick, Drain, Close
}

// counters are counted directly by the goroutine that sees the event; package delivery has
// counts of its own.
type counters struct {
	published atomic.Int64
	opened    atomic.Int64
	refused   atomic.Int64
	gaps      atomic.Int64 // gap events that streams began with
	closing   atomic.Int64
	ended     [cursor.Reasons]atomic.Int64
}

// Stats returns the hub's figures. The caller owns the maps.
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
