package server

import (
	"runtime/debug"
	"sync"

	"github.com/valyala/fasthttp"
)

// party is what a subscriber's handler wants known when it leaves or is asked
// about. Most streams have none.
type hookData struct {
	user       any
	remoteAddr string // known where there are hooks
	onClose    func(Subscriber, Reason)
	indexed    bool // its stream can be found by its user

	// Owned by the loop of its stream's shard: the parties of the same user.
	slot       int32
	prev, next *hookData
}

// hears reports whether somebody is to be told of the stream's end.
func (p *hookData) hasOnClose() bool { return p != nil && p.onClose != nil }

// register notes what is to be known of the stream in a seat.
func (s *shard) register(i int32, p *hookData) {
	setLazy(&s.hooks, i, p)
	if !p.indexed {
		return
	}
	p.slot = i
	if p.next = s.byUser[p.user]; p.next != nil {
		p.next.prev = p
	}
	setLazy(&s.byUser, p.user, p)
}

// unregister undoes register.
func (s *shard) unregister(i int32) {
	p := s.hooks[i]
	if p == nil {
		return
	}
	delete(s.hooks, i)
	if !p.indexed {
		return
	}
	if p.next != nil {
		p.next.prev = p.prev
	}
	switch {
	case p.prev != nil:
		p.prev.next = p.next
	case p.next != nil:
		s.byUser[p.user] = p.next
	default:
		delete(s.byUser, p.user)
	}
	p.prev, p.next = nil, nil
}

// closings calls OnClose hooks, off the shards' goroutines. It has a goroutine
// while there are calls to make. Each call is for a stream that is still counted
// by Hub.streams, so that MaxStreams bounds them.
type closings struct {
	mu      sync.Mutex // guards all below
	calls   queue[onCloseCall]
	running bool
}

// closing is a call to make.
type onCloseCall struct {
	hook       func(Subscriber, Reason)
	subscriber Subscriber
	why        Reason
}

// left counts a stream out, when its OnClose, if there is one, has returned.
func (h *Hub) left(p *hookData, topics []string, why Reason) {
	h.counters.ended[why].Add(1)
	if !p.hasOnClose() {
		h.streams.done()
		return
	}
	h.counters.closing.Add(1)
	c := &h.closings
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls.push(onCloseCall{p.onClose, Subscriber{Topics: topics, User: p.user, addr: p.remoteAddr}, why})
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
	if c.calls.len() == 0 {
		c.running, c.calls = false, queue[onCloseCall]{}
		return onCloseCall{}, false
	}
	return c.calls.pop(), true
}

func (h *Hub) callClosing(c *onCloseCall) {
	defer func() {
		h.counters.closing.Add(-1)
		h.streams.done()
	}()
	defer recoverHook(h.logger(), "OnClose")
	c.hook(c.subscriber, c.why)
}

// survive is deferred around an application's hook: a panic in it is logged, and
// ends nothing else.
func recoverHook(logger fasthttp.Logger, hook string) {
	if r := recover(); r != nil {
		logger.Printf("server: panic in %s: %v\n%s", hook, r, debug.Stack())
	}
}
