package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/fastsse/fastsse/internal/backoff"
	"github.com/fastsse/fastsse/internal/cursor"
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
	began := h.delivery.Era()
	if !h.begin() {
		return h.followLater(w)
	}
	defer h.work.done()
	if !h.enter() {
		return h.followLater(w)
	}
	a, gap := h.admission(&Subscription{Topics: topics, LastEventID: w.LastEventID()}, cursor.Embedded)
	a.Began = began
	a.Stream.Dies = 0 // the Writer knows its age
	a.Rest = h.appendPosition(nil, a.Stream.Next, gap, w.LastEventID())
	not, err := h.delivery.Follow(w, a, whyWriterEnded)
	if not != nil {
		h.abandon(a, not.Why)
		if err != nil {
			return fmt.Errorf("server: follow: %w", err)
		}
		return w.SendEncoded(not.Rest)
	}
	return context.Cause(w.Context())
}

// followLater tells a client that cannot follow now when to come back.
func (h *Hub) followLater(w *streamwriter.Writer) error {
	h.counters.refused.Add(1)
	return w.SendEncoded(streamwriter.AppendRetry(nil, backoff.Retry(max(h.cfg.Retry, defaultRetry))))
}

// whyWriterEnded names the end of an application's stream.
func whyWriterEnded(cause error) cursor.Reason {
	switch {
	case errors.Is(cause, streamwriter.ErrClientGone):
		return cursor.Client
	case errors.Is(cause, streamwriter.ErrMaxAge):
		return cursor.MaxAge
	}
	return cursor.Follower
}
