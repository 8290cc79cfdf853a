package server

import (
	"context"
	"fmt"

	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/delivery"
)

// Drain ends every stream, each between two events, after it has got what was
// published before and a reconnection time drawn at random; newcomers are told
// to come back later. It returns when all have ended and their OnClose hooks have
// returned, or ctx is done: then the rest is cut, and the error says how many.
// Publishing goes on until Close. It must not be called from a hook, which it
// waits for.
func (h *Hub) Drain(ctx context.Context) error {
	if !h.state.CompareAndSwap(int32(delivery.Open), int32(delivery.Draining)) && h.is(delivery.Closed) {
		return nil
	}
	h.delivery.Drain(h.history.Newest())
	if h.streams.wait(ctx) {
		return nil
	}
	s := h.Stats()
	h.state.CompareAndSwap(int32(delivery.Draining), int32(delivery.Cutting)) // those that are still to be seated
	h.delivery.Cut(cursor.Drained)
	if s.Subscribers == 0 {
		return fmt.Errorf("server: drain: every stream has ended, but the OnClose hooks of %d had not returned when time was up: %w; make them quicker, or give them more", s.Closing, context.Cause(ctx))
	}
	return fmt.Errorf("server: drain: %d streams had not taken all that was published for them when time was up, and were cut: %w; give them more", s.Subscribers, context.Cause(ctx))
}

// Close ends every stream at once, between two events where its reader takes
// what it has begun, and refuses everything from now on. To lose nothing, Drain
// first.
//
// It returns nil when nothing of the hub runs any more: no goroutine, and no
// hook, so that what hooks use can be closed next. (Requests that come later are
// still answered, without a hook.) If ctx is done before, it returns an error
// that says what it waited for; all of it ends by itself once the hooks return,
// and another Close waits for it again. It must not be called from a hook.
func (h *Hub) Close(ctx context.Context) error {
	if h.state.Swap(int32(delivery.Closed)) != int32(delivery.Closed) {
		h.delivery.Cut(cursor.HubClosed)
	}
	if h.work.wait(ctx) {
		return nil
	}
	s := h.Stats()
	return fmt.Errorf("server: close: still waiting for %d streams to end and %d hooks (Authorize, OnOpen, OnClose) to return when time was up: %w; call Close again to wait for them",
		s.Subscribers, h.hooks.Load()+s.Closing, context.Cause(ctx))
}
