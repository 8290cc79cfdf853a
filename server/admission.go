package server

import (
	"net/netip"
	"time"

	"github.com/fastsse/fastsse/internal/backoff"
	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/delivery"
	"github.com/fastsse/fastsse/internal/eventlog"
)

// Counting streams and goroutines, and preparing a stream for delivery.

// begin counts a goroutine that works for the hub, for which Close waits until
// work.done is called. It fails once the hub is closed.
func (h *Hub) begin() bool {
	h.work.Add(1)
	if h.is(delivery.Closed) {
		h.work.done()
		return false
	}
	return true
}

// mayOpen returns why a stream may not open now, before Authorize is called. counts says
// that the stream, if it may open, counts for Config.MaxOpensPerSecond. client is the zero
// Addr if the client's streams are not counted.
func (h *Hub) mayOpen(client netip.Addr, counts bool) refusal {
	if why := h.refusal(h.streams.Load() + 1); why != noRefusal {
		return why
	}
	if client.IsValid() && !h.clients.hasRoom(client, h.cfg.MaxSubscribersPerIP) {
		return refusedPerIP
	}
	if counts && !h.opens.take(time.Since(h.born)) {
		return refusedRate
	}
	return noRefusal
}

// enter counts a stream, until streams.done and clients.leave are called (by streamEnded),
// unless it returns why there may not be one more.
func (h *Hub) enter(client netip.Addr) refusal {
	why := h.refusal(h.streams.Add(1))
	if why == noRefusal && client.IsValid() && !h.clients.enter(client, h.cfg.MaxSubscribersPerIP) {
		why = refusedPerIP
	}
	if why != noRefusal {
		h.streams.done()
	}
	return why
}

// refusal returns why there may not be so many streams now.
func (h *Hub) refusal(streams int64) refusal {
	switch delivery.State(h.state.Load()) {
	case delivery.Open:
	case delivery.Closed:
		return refusedClosed
	default:
		return refusedDraining
	}
	if most := int64(h.cfg.MaxSubscribers); most > 0 && streams+h.current().delivery.Lingering() > most {
		return refusedFull
	}
	return noRefusal
}

// admission acquires the topics of a stream that enter has counted, and finds where it
// begins. gap is why it begins with a gap event; empty: it does not.
func (h *Hub) admission(e *epoch, sub *Subscription, fr cursor.Framing) (a *delivery.Admission, gap string) {
	topics := e.history.Acquire(sub.Topics)
	now := h.now()
	from := cursor.Resume(e.history, sub.LastEventID, topics, now)
	for _, t := range topics { // after Resume: the stream gets what is published from here on
		t.Readers.Add(1)
	}
	a = &delivery.Admission{
		Stream: cursor.Stream{Next: from.Next, Live: from.Live, Wrote: now},
		Topics: topics, Framing: fr, ToldLost: from.ToldLost,
	}
	if h.cfg.MaxAge > 0 {
		a.Stream.Dies = max(now+backoff.Age(h.cfg.MaxAge).Milliseconds(), 1) // 0 would be never
	}
	if !sub.Expires.IsZero() {
		left := max(time.Until(sub.Expires).Milliseconds(), 0)
		if a.Stream.Dies == 0 || now+left < a.Stream.Dies {
			a.Stream.Dies = max(now+left, 1)
		}
	}
	h.counters.opened.Add(1)
	return a, from.Gap
}

// abandon undoes admission and enter, for a stream that could not be opened. OnClose is
// called if OnOpen has returned nil.
func (h *Hub) abandon(e *epoch, a *delivery.Admission, why cursor.Reason) {
	a.Settled = true
	var names []string
	if a.Hooks.Owned() {
		names = eventlog.Names(a.Topics)
	}
	for _, t := range a.Topics {
		t.Readers.Add(-1)
	}
	e.history.Release(a.Topics)
	h.streamEnded(a.Hooks, names, why)
}
