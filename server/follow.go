package server

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/delivery"
	"github.com/fastsse/fastsse/streamwriter"
)

// Follow sends the events of topics and subtrees on a stream that the application has
// opened, and authenticated, itself: in the callback of streamwriter.Serve, or with any
// other Writer. The application may send events of its own before it. Follow begins
// after w.LastEventID, or at the present if that is empty, and counts as a subscriber
// until it returns, but not for Config.MaxSubscribersPerIP: a Writer does not know its
// client's address. It calls no hooks. w must not have streamwriter.Options.NoIDs.
//
// Follow returns context.Cause of the Writer's Context when that is done. When the hub has
// ended the stream (Drain, Kick, Close, a slow subscriber) or cannot take it now (it is
// full, draining or closed), Follow calls w.ReconnectAfter and returns its error,
// streamwriter.ErrReconnect: nothing more can be sent, and the callback should return that
// error. Serve, or Close of another Writer, then tells the client the time that the hub's
// other streams are told (if Config.Retry is negative, that of the Writer), and Serve ends
// the stream as its Options.End says.
//
// Heartbeats, maximum age and write timeout are those of the Writer. But when the hub
// ends the stream, a write that waits for its reader gets at most 5 s more, or none if
// Close or the end of Drain's time cuts the stream. For this Follow calls
// w.SetWriteDeadline, and removes the deadline before it returns. A write to an io.Writer
// without write deadlines cannot be ended: Close waits for it.
func (h *Hub) Follow(w *streamwriter.Writer, topics ...string) error {
	return h.FollowWith(w, FollowOptions{}, topics...)
}

// FollowOptions are the settings of one call of FollowWith.
type FollowOptions struct {
	// Gap says how the client is told that some of what it has missed is lost.
	Gap GapEvent
}

// FollowWith is Follow with options. If they are not valid, it returns an error at once.
func (h *Hub) FollowWith(w *streamwriter.Writer, o FollowOptions, topics ...string) error {
	form, err := o.Gap.form("FollowOptions.Gap", &h.cfg)
	if err != nil {
		return err
	}
	if err := h.checkTopics(topics); err != nil {
		return fmt.Errorf("server: follow: %w", err)
	}
	e := h.current()
	began := e.delivery.Era()
	if why := h.mayOpen(netip.Addr{}, true); why != noRefusal {
		return h.followLater(w, why)
	}
	if !h.begin() {
		return h.followLater(w, refusedClosed)
	}
	defer h.work.done()
	if why := h.enter(netip.Addr{}); why != noRefusal {
		return h.followLater(w, why)
	}
	a, gap := h.admission(e, &Subscription{Topics: topics, LastEventID: w.LastEventID()}, cursor.Embedded)
	a.Began, a.Gap = began, form
	if w.ForEventSource() {
		a.Stream.Client = cursor.EventSource
	}
	a.Stream.Dies = 0 // the Writer has a maximum age of its own
	if ended, err := h.followBack(w, e, a, gap); ended {
		return err
	}
	comeBack, notHeld, err := e.delivery.Follow(w, a, whyWriterEnded)
	if notHeld != nil {
		h.abandon(e, a, notHeld.Why)
		if err != nil {
			return fmt.Errorf("server: follow: %w", err)
		}
		return w.ReconnectAfter(h.comeBackAfter())
	}
	if cause := context.Cause(w.Context()); cause != nil {
		return cause
	}
	return w.ReconnectAfter(comeBack) // the hub has ended the stream
}

// followLater ends a stream that cannot follow now, for its client to come back.
func (h *Hub) followLater(w *streamwriter.Writer, why refusal) error {
	h.counters.refused.add(why)
	return w.ReconnectAfter(h.comeBackAfter())
}

// whyWriterEnded maps the cause of a Writer's Context to a reason.
func whyWriterEnded(cause error) cursor.Reason {
	switch {
	case errors.Is(cause, streamwriter.ErrClientGone):
		return cursor.Client
	case errors.Is(cause, streamwriter.ErrMaxAge):
		return cursor.MaxAge
	}
	return cursor.Follower
}

// followBack begins a stream of Follow, whose gap would be that, with what is read back for
// it. It returns true if the stream has ended, and what Follow returns then.
func (h *Hub) followBack(w *streamwriter.Writer, e *epoch, a *delivery.Admission, gap string) (ended bool, err error) {
	back, gap, err := h.behind(e, a, gap, w.LastEventID())
	if err != nil {
		h.abandon(e, a, cursor.Failed)
		return true, h.followLater(w, refusedBackplane)
	}
	a.Rest = e.appendPosition(nil, a.Stream.Next, w.LastEventID())
	a.Rest = h.appendGap(e, a.Rest, a, a.Stream.Next, gap, w.LastEventID())
	if back == nil {
		return false, nil
	}
	back.begin()
	back.gone = func() bool { return w.Context().Err() != nil }
	writes := &bound{set: w.SetWriteDeadline}
	stop := context.AfterFunc(h.relay.reading, func() { writes.cut(time.Now().Add(cutWithin)) })
	why := back.run(w.SendEncoded)
	if !stop() {
		writes.release()
	}
	if why == cursor.NoReason {
		return false, nil
	}
	cause := context.Cause(w.Context())
	if why == cursor.Client && cause != nil {
		why = whyWriterEnded(cause)
	}
	h.abandon(e, a, why)
	if cause != nil {
		return true, cause
	}
	return true, w.ReconnectAfter(h.comeBackAfter())
}
