package server

import (
	"sync/atomic"

	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/delivery"
)

// Stats are the figures of a hub. They are read one after the other, not all at once. The
// JSON names, and the keys of the maps, can serve as labels of metrics. Maps have all their
// keys from the start, unless they say otherwise. Package server/metrics makes metrics of
// the figures.
type Stats struct {
	State string `json:"state"` // "open", "draining" or "closed"

	Subscribers int64 `json:"subscribers"` // open streams: Parked + Streamed
	Parked      int64 `json:"parked"`      // those without a goroutine
	Streamed    int64 `json:"streamed"`    // those with a goroutine each

	// MaxSubscribers is Config.MaxSubscribers as it is used: 0 means no limit.
	MaxSubscribers int64 `json:"max_subscribers"`

	// StreamedWhy counts the streams that were ever streamed, by why they were not
	// parked: "tls", "not_a_socket", "wrapped", "follow", "configured",
	// "platform", "failed". Those that were not counted yet are left out.
	StreamedWhy map[string]int64 `json:"streamed_why"`

	// Closing counts streams that have ended and whose OnClose has not returned yet.
	// They are not in Subscribers, but they count for Config.MaxSubscribers.
	Closing int64 `json:"closing"`

	// Lingering counts connections on which everything is sent, of streams that have
	// ended and of refused clients, and which wait for their clients to close, 5 s at
	// most.
	Lingering int64 `json:"lingering"`

	// Lagging counts the subscribers that cannot be written to at present: the socket is
	// full, or a write has been waiting for a quarter of a second. Behind is how many
	// events the furthest of these is behind, as the hub numbers them: events of topics
	// that it does not have count, too. Both are summed up by going round all streams
	// once per quarter of Config.Heartbeat, and at least every 3.75 s. What they say is
	// true of some moment within the last two rounds.
	Lagging int64 `json:"lagging"`
	Behind  int64 `json:"behind"`

	Opened  int64            `json:"opened"`  // streams ever opened
	Refused int64            `json:"refused"` // requests told to come back later: the sum of RefusedWhy
	Ended   map[string]int64 `json:"ended"`   // streams ever ended, by Reason

	// RefusedWhy counts the requests, and calls of Follow, that were told to come back
	// later, by why: "full" (Config.MaxSubscribers), "per_ip" (MaxSubscribersPerIP),
	// "rate" (MaxOpensPerSecond), "draining", "closed", and "hook" (Authorize or OnOpen
	// failed). What was answered with 4xx, 5xx or 204 is not counted.
	RefusedWhy map[string]int64 `json:"refused_why"`

	Topics          int   `json:"topics"`            // topics that hold events or have subscribers, without subtrees
	HistoryBytes    int64 `json:"history_bytes"`     // memory of all events and indexes: see Config.MaxHistoryBytes
	MaxHistoryBytes int64 `json:"max_history_bytes"` // Config.MaxHistoryBytes as it is used
	Published       int64 `json:"published"`         // events published
	Delivered       int64 `json:"delivered"`         // events written, summed over subscribers
	Replayed        int64 `json:"replayed"`          // those of Delivered that were published before their subscriber opened
	Gaps            int64 `json:"gaps"`              // gap events sent
	Aborted         int64 `json:"aborted"`           // streams that the hub cut inside an event: see Config.SlowSubscribers and WriteTimeout, Kick, Drain, Close

	// PublishErrors counts the calls of Publish, PublishJSON and PublishAll, and the POST
	// requests, that have published nothing, by why: "invalid" (the event, topic or
	// request is not valid), "unauthorized" (401 or 403, or Authorize returned a
	// *StatusError), "hook" (Authorize returned another error), "closed" (the hub is
	// closed).
	//
	// With a Config.Backplane also "backplane": the broker has not stored it, or it is not
	// known whether it has. That key, and the same of RefusedWhy (what a client has missed
	// could not be read from the broker), are there from the first time on.
	PublishErrors map[string]int64 `json:"publish_errors"`

	// Backplane has the figures of Config.Backplane; nil: the hub is alone.
	Backplane *BackplaneStats `json:"backplane,omitempty"`
}

// BackplaneStats are the figures of a hub's connection to its broker. An entry is what one
// PublishAll stores.
type BackplaneStats struct {
	Connected  bool  `json:"connected"`  // entries are being read as they come
	Behind     int64 `json:"behind"`     // entries that the hub knows of and does not have yet
	Reconnects int64 `json:"reconnects"` // how often reading began again after it had failed
	ReadBacks  int64 `json:"read_backs"` // streams that began with events from the broker, not from memory
	Losses     int64 `json:"losses"`     // how often all streams were told of a gap: entries were dropped before the hub read them, or could not be decoded
	Epochs     int64 `json:"epochs"`     // how often the broker's stream was found to be another one
}

// counters are counted directly by the goroutine that sees the event; package delivery has
// counts of its own.
type counters struct {
	published atomic.Int64
	opened    atomic.Int64
	refused   refusalCounts
	gaps      atomic.Int64 // gap events that streams began with
	closing   atomic.Int64
	ended     [cursor.Reasons]atomic.Int64

	publishErrors publishErrorCounts

	readBack, readBackReplayed atomic.Int64 // events that were read back and written, as Delivered and Replayed
}

// Stats returns the hub's figures. The caller owns the maps.
func (h *Hub) Stats() Stats {
	c := &h.counters
	closing := c.closing.Load()
	d, history := h.deliveryStats(), h.current().history
	s := Stats{
		State:           h.stateName(),
		Subscribers:     max(h.streams.Load()-closing, 0),
		MaxSubscribers:  int64(h.cfg.MaxSubscribers),
		Closing:         closing,
		Lingering:       h.lingeringNow(),
		Parked:          d.Parked,
		StreamedWhy:     d.WhyPumped,
		Lagging:         d.Lagging,
		Behind:          d.Behind,
		Opened:          c.opened.Load(),
		Ended:           c.endedWhy(),
		Topics:          history.Topics(),
		HistoryBytes:    history.Bytes(),
		MaxHistoryBytes: h.cfg.MaxHistoryBytes,
		Published:       c.published.Load(),
		Delivered:       d.Delivered + c.readBack.Load(),
		Replayed:        d.Replayed + c.readBackReplayed.Load(),
		Gaps:            c.gaps.Load() + d.Gaps,
		Aborted:         d.Aborted,
		PublishErrors:   c.publishErrors.read(),
	}
	s.Streamed = max(s.Subscribers-s.Parked, 0)
	s.RefusedWhy, s.Refused = c.refused.read()
	if h.relay != nil {
		s.Backplane = h.relay.stats()
	}
	return s
}

// stateName returns Stats.State.
func (h *Hub) stateName() string {
	switch delivery.State(h.state.Load()) {
	case delivery.Open:
		return "open"
	case delivery.Closed:
		return "closed"
	}
	return "draining"
}

// endedWhy returns Stats.Ended.
func (c *counters) endedWhy() map[string]int64 {
	ended := make(map[string]int64, cursor.Reasons)
	for r := cursor.NoReason + 1; r < cursor.Reasons; r++ {
		ended[Reason(r).String()] = c.ended[r].Load()
	}
	return ended
}
