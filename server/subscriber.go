package server

import (
	"runtime/debug"
	"sync"

	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// Subscriber is an open stream, as hooks and Kick see it. It is a copy.
type Subscriber struct {
	Topics     []string // sorted
	RemoteAddr string   // of the connection, which may be a proxy's
	User       any      // what Authorize set
}

// Subscription is what a client asks for. Authorize may change it.
type Subscription struct {
	Topics      []string // topics and subtrees, valid ones
	LastEventID string   // the client's word; empty: from now on
	User        any      // for OnOpen, OnClose and Kick; not sent anywhere
}

// SubscribeOptions are the settings of a subscribe handler. The zero value lets
// everybody subscribe to everything, from pages of the same origin.
type SubscribeOptions struct {
	// Authorize decides on a request: it may narrow or rename s.Topics, set
	// s.User, or refuse. What it leaves in s.Topics is checked again.
	//
	// An error that is, or wraps, a *Refusal is answered as that says: an
	// EventSource gives up for ever after it. Any other error means that nobody
	// could tell: it is logged, and the client is told to come back later (200, a
	// reconnection time and the end), as if the hub were full. Nothing of such an
	// error's text is sent.
	Authorize func(ctx *fasthttp.RequestCtx, s *Subscription) error

	// OnOpen may send the stream's first events. They go out with the head of
	// the stream, before any of its topics' events; they should be short, since
	// all of them are held until then. They bear no ids, since the id that the
	// client resumes from is the hub's: Send refuses an event that has one, and
	// SendEncoded an id line. A *Refusal is answered as it says, as one of
	// Authorize is. Any other error is logged, and the client is told to come
	// back later; nothing of the error's text is sent.
	OnOpen func(s Subscriber, w *streamwriter.Writer) error

	// OnClose hears, on a goroutine of the hub's own and one at a time, that a
	// stream has ended and why.
	OnClose func(s Subscriber, why Reason)

	// CORS lets pages of other origins subscribe.
	CORS CORS
}

// party is what a subscriber's handler wants known when it leaves or is asked
// about. Most streams have none.
type party struct {
	user       any
	remoteAddr string
	onClose    func(Subscriber, Reason)
}

// closings calls OnClose hooks, off the shards' goroutines. It has a goroutine
// while there are calls to make.
type closings struct {
	logger fasthttp.Logger

	mu      sync.Mutex // guards all below
	calls   []func()
	running bool
}

func (c *closings) add(p *party, s Subscriber, why Reason) {
	if p.onClose == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, func() {
		defer survive(c.logger, "OnClose")
		p.onClose(s, why)
	})
	if !c.running {
		c.running = true
		go c.run()
	}
}

func (c *closings) run() {
	for {
		c.mu.Lock()
		calls := c.calls
		c.calls = nil
		c.running = len(calls) > 0
		c.mu.Unlock()
		if len(calls) == 0 {
			return
		}
		for _, call := range calls {
			call()
		}
	}
}

// survive is deferred around an application's hook: a panic in it is logged, and
// ends nothing else.
func survive(logger fasthttp.Logger, hook string) {
	if r := recover(); r != nil {
		logger.Printf("server: panic in %s: %v\n%s", hook, r, debug.Stack())
	}
}
