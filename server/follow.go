package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/fastsse/fastsse/streamwriter"
)

// Follow goes on with the hub's topics on a stream of the application's own,
// after its own authentication and first events: in the callback of
// streamwriter.Serve, or with any other Writer. It resumes from w.LastEventID.
//
// It returns context.Cause of the Writer's Context when that is done, and nil
// when the hub has ended the stream (Drain, Kick, Close) or cannot take it now:
// the client has been told when to come back, and the callback should return.
// Heartbeats and maximum age are the Writer's, and so is the write timeout, until
// the hub ends the stream: a write that waits for its reader is then given up
// after 5 s, or at once when Close or Drain's deadline cut it. For that Follow uses
// w.SetWriteDeadline, and takes the deadline off before it returns. A Writer over
// an io.Writer that has no write deadline cannot be cut: Close waits for its
// write.
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
	n := h.admission(topics, w.LastEventID(), embedded)
	d := &handle{wake: make(chan struct{}, 1), bound: w.SetWriteDeadline}
	n.handle, n.began = d, began
	n.stream.dies = 0 // the Writer knows its age
	v := h.newPump(d, n)
	v.write, v.clientGone = w.SendEncoded, w.Context().Done()
	sh := h.pickShard()
	if err := sh.admit(n); err != nil {
		h.abandon(n, h.notAdmitted(sh, err))
		if err == ErrClosed {
			return w.SendEncoded(appendFarewell(nil, embedded, h.cfg.Retry))
		}
		return fmt.Errorf("server: follow: start shard %d: %w", sh.index, err)
	}
	h.counters.streamed("follow")
	d.reason = ReasonError // of a panic: run returns any other
	defer sh.pumpDone(d)
	d.reason = v.run(h.appendPosition(nil, n, w.LastEventID()))
	if d.reason == ReasonClient {
		d.reason = v.whyWriterEnded(w)
	}
	if _, bound := d.detach(); bound {
		_ = w.SetWriteDeadline(time.Time{}) // fails only where it is not needed any more
	}
	return context.Cause(w.Context())
}

// followLater tells a client that cannot follow now when to come back.
func (h *Hub) followLater(w *streamwriter.Writer) error {
	h.counters.refused.Add(1)
	return w.SendEncoded(streamwriter.AppendRetry(nil, streamwriter.Spread(max(h.cfg.Retry, defaultRetry))))
}

// whyWriterEnded names the end of an application's stream.
func (v *pump) whyWriterEnded(w *streamwriter.Writer) Reason {
	switch cause := context.Cause(w.Context()); {
	case errors.Is(cause, os.ErrDeadlineExceeded): // before ErrClientGone, which it is as well
		return v.gaveUp()
	case errors.Is(cause, streamwriter.ErrClientGone):
		return ReasonClient
	case errors.Is(cause, streamwriter.ErrMaxAge):
		return ReasonMaxAge
	}
	return ReasonFollower
}
