package server

import (
	"sync"

	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/delivery"
	"github.com/fastsse/fastsse/internal/queue"
)

// closings calls OnClose hooks, off the shards' goroutines. It has a goroutine
// while there are calls to make. Each call is for a stream that is still counted
// by Hub.streams, so that MaxStreams bounds them.
type closings struct {
	mu      sync.Mutex // guards all below
	calls   queue.Queue[onCloseCall]
	running bool
}

// onCloseCall is a call to make.
type onCloseCall struct {
	hook       func(Subscriber, Reason)
	subscriber Subscriber
	why        Reason
}

// streamEnded counts a stream out, when its OnClose, if there is one, has returned.
func (h *Hub) streamEnded(p *delivery.HookData, topics []string, why cursor.Reason) {
	h.counters.ended[why].Add(1)
	if !p.Owned() {
		h.streams.done()
		return
	}
	h.counters.closing.Add(1)
	c := &h.closings
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls.Push(onCloseCall{p.Owner.(*subscribeHandler).OnClose, Subscriber{Topics: topics, User: p.User, addr: delivery.KnownAddress(p.RemoteAddr)}, Reason(why)})
	if !c.running {
		c.running = true
		h.work.Add(1)
		go h.runClosings()
	}
}

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

// next takes the call that has waited longest.
func (c *closings) next() (call onCloseCall, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls.Len() == 0 {
		c.running, c.calls = false, queue.Queue[onCloseCall]{}
		return onCloseCall{}, false
	}
	return c.calls.Pop(), true
}

func (h *Hub) callClosing(c *onCloseCall) {
	defer func() {
		h.counters.closing.Add(-1)
		h.streams.done()
	}()
	defer delivery.RecoverHook(h.logger(), "OnClose")
	c.hook(c.subscriber, c.why)
}
