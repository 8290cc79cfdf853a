package server

import (
	"sync"

	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/delivery"
	"github.com/fastsse/fastsse/internal/queue"
)

// closings calls OnClose hooks, on a goroutine of its own that exists while there are
// calls to make. Each waiting call is for a stream that Hub.streams still counts, so
// MaxSubscribers bounds their number.
type closings struct {
	mu      sync.Mutex // guards all below
	calls   queue.Queue[onCloseCall]
	running bool
}

// onCloseCall is a call of OnClose to be made.
type onCloseCall struct {
	hook       func(Subscriber, Reason)
	subscriber Subscriber
	why        Reason
}

// streamEnded notes the end of a stream. The stream is counted until its OnClose, if it
// has one, has returned.
func (h *Hub) streamEnded(hooks *delivery.HookData, topics []string, why cursor.Reason) {
	h.counters.ended[why].Add(1)
	if hooks != nil && hooks.Client != nil {
		h.clients.leave(*hooks.Client)
	}
	if !hooks.Owned() {
		h.streams.done()
		return
	}
	h.counters.closing.Add(1)
	c := &h.closings
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls.Push(onCloseCall{
		hook:       hooks.Owner.(*subscribeHandler).OnClose,
		subscriber: Subscriber{Topics: topics, User: hooks.User, addr: delivery.KnownAddress(hooks.RemoteAddr)},
		why:        Reason(why),
	})
	if !c.running {
		c.running = true
		h.work.Add(1)
		go h.runClosings()
	}
}

// runClosings makes the calls, and returns when there are none left.
func (h *Hub) runClosings() {
	all := false
	defer func() {
		if !all { // a hook has ended the goroutine: runtime.Goexit
			go h.runClosings()
			return
		}
		h.work.done()
	}()
	for {
		call, ok := h.closings.next()
		if !ok {
			all = true
			return
		}
		h.callClosing(&call)
	}
}

// next returns the call that has waited longest; ok is false if there is none, and the
// goroutine must end.
func (c *closings) next() (call onCloseCall, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls.Len() == 0 {
		c.running, c.calls = false, queue.Queue[onCloseCall]{}
		return onCloseCall{}, false
	}
	return c.calls.Pop(), true
}

// callClosing makes one call.
func (h *Hub) callClosing(c *onCloseCall) {
	defer func() {
		h.counters.closing.Add(-1)
		h.streams.done()
	}()
	defer delivery.RecoverHook(h.logger(), "OnClose")
	c.hook(c.subscriber, c.why)
}
