package server

import (
	"context"
	"fmt"

	"github.com/fastsse/fastsse/internal/backoff"
	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/delivery"
)

// Drain ends every stream: each between two events, after it has been sent everything
// that was published before the call, and a reconnection time such that the clients come
// back evenly over Config.DrainSpread. From then on, clients that want a stream are told to
// come back later. Events can be published until Close. [Run] calls Drain.
//
// Drain returns nil when all streams have ended and their OnClose hooks have returned. If
// ctx is done first, it cuts the other streams and returns an error that says how many.
// Do not call it from a hook: it would wait for that hook.
func (h *Hub) Drain(ctx context.Context) error {
	if !h.state.CompareAndSwap(int32(delivery.Open), int32(delivery.Draining)) && h.is(delivery.Closed) {
		return nil
	}
	e := h.current()
	e.delivery.Drain(h.drain(e))
	if h.streams.wait(ctx) {
		return nil
	}
	s := h.Stats()
	h.state.CompareAndSwap(int32(delivery.Draining), int32(delivery.Cutting)) // for streams that have no slot yet
	h.cut(cursor.Drained)
	if s.Subscribers == 0 {
		return fmt.Errorf("server: drain: every stream has ended, but OnClose had not returned for %d of them when time was up: %w; make the hook faster, or give it more time", s.Closing, context.Cause(ctx))
	}
	return fmt.Errorf("server: drain: %d streams had not taken everything when time was up, and were cut: %w; give them more time", s.Subscribers, context.Cause(ctx))
}

// drain says how the streams of an epoch end that are drained from now on.
func (h *Hub) drain(e *epoch) cursor.Drain {
	return cursor.Drain{
		Until: e.history.Newest(),
		Back:  backoff.Window{From: h.now() + h.cfg.Retry.Milliseconds(), Over: h.cfg.DrainSpread.Milliseconds()},
	}
}

// Close ends every stream at once: between two events if the socket takes the rest of
// the event that is being written, and otherwise inside it. From then on Publish returns
// ErrClosed, and clients are told to come back later. To lose nothing, call Drain first.
//
// Close returns nil when none of the hub's goroutines and hooks runs any more, so that
// what the hooks use can be closed next. (Later requests are still answered, without
// calling a hook.) If ctx is done first, it returns an error that says what it waited
// for; that ends by itself once the hooks return, and Close can be called again to wait
// for it. Do not call it from a hook.
func (h *Hub) Close(ctx context.Context) error {
	if h.state.Swap(int32(delivery.Closed)) != int32(delivery.Closed) {
		h.cut(cursor.HubClosed)
		if h.relay != nil {
			h.relay.stop()
		}
	}
	if h.work.wait(ctx) {
		return nil
	}
	s := h.Stats()
	return notClosed(s.Subscribers, h.hooks.Load()+s.Closing, context.Cause(ctx))
}

// notClosed is what Close waited for when time was up.
func notClosed(streams, hooks int64, cause error) error {
	if streams == 0 && hooks == 0 { // time was up at once, say
		return fmt.Errorf("server: close: the hub's goroutines had not all ended when time was up: %w; call Close again to wait for them", cause)
	}
	return fmt.Errorf("server: close: still waiting for %d streams to end and %d hooks (Authorize, OnOpen, OnClose) to return when time was up: %w; call Close again to wait for them",
		streams, hooks, cause)
}
