package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/fastsse/fastsse/streamwriter"
)

// Follow goes on with the hub's topics on a stream of the application's own,
// after its own authentication and first events: in the callback of
// streamwriter.Serve, or with any other Writer. It resumes from w.LastEventID.
//
// It returns context.Cause of the Writer's Context when that is done, and nil
// when the hub has ended the stream (Drain, Kick, Close) or cannot take it now:
// the client has been told when to come back, and the callback should return.
// Heartbeats and maximum age are the Writer's.
func (h *Hub) Follow(w *streamwriter.Writer, topics ...string) error {
	if err := h.checkTopics(topics); err != nil {
		return fmt.Errorf("server: follow: %w", err)
	}
	began := h.kicks.era.Load()
	if !h.begin() {
		return h.followLater(w)
	}
	defer h.work.done()
	if !h.enter() {
		return h.followLater(w)
	}
	n := h.newcomer(topics, w.LastEventID(), inner)
	d := &driver{bell: make(chan struct{}, 1)}
	n.driver, n.began = d, began
	n.stream.dies = 0 // the Writer knows its age
	v := h.newDrive(d, n)
	v.write, v.gone = w.SendEncoded, w.Context().Done()
	sh := h.pickShard()
	if err := sh.admit(n); err != nil {
		h.turnAway(n, h.notAdmitted(sh, err))
		if err == ErrClosed {
			return w.SendEncoded(appendFarewell(nil, inner, h.cfg.Retry))
		}
		return fmt.Errorf("server: follow: start shard %d: %w", sh.index, err)
	}
	h.counters.streamed("follow")
	d.reason = ReasonError // of a panic: run returns any other
	defer sh.dismiss(d)
	d.reason = v.run(h.appendPosition(nil, n, w.LastEventID()))
	if d.reason == ReasonClient {
		d.reason = whyWriterEnded(w)
	}
	return context.Cause(w.Context())
}

// followLater tells a client that cannot follow now when to come back.
func (h *Hub) followLater(w *streamwriter.Writer) error {
	h.counters.refused.Add(1)
	return w.SendEncoded(streamwriter.AppendRetry(nil, streamwriter.Spread(max(h.cfg.Retry, defaultRetry))))
}

// whyWriterEnded names the end of an application's stream.
func whyWriterEnded(w *streamwriter.Writer) Reason {
	switch cause := context.Cause(w.Context()); {
	case errors.Is(cause, streamwriter.ErrClientGone):
		return ReasonClient
	case errors.Is(cause, streamwriter.ErrMaxAge):
		return ReasonMaxAge
	}
	return ReasonFollower
}
