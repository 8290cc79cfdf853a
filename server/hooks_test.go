package server_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// ends counts OnClose by reason.
type ends struct {
	mu sync.Mutex // guards by
	by map[server.Reason]int
}

func (e *ends) onClose(_ server.Subscriber, why server.Reason) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.by == nil {
		e.by = map[server.Reason]int{}
	}
	e.by[why]++
}

func (e *ends) all() (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.by {
		n += c
	}
	return n
}

func (e *ends) of(why server.Reason) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.by[why]
}

// abandon sends a request on a connection of its own, and returns a function that
// resets it.
func (h *harness) abandon() (reset func()) {
	h.t.Helper()
	conn, err := h.dial()
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	if _, err := conn.Write(request{path: h.kind.path, topics: []string{"a"}}.bytes()); err != nil {
		h.t.Fatal(err)
	}
	return func() {
		conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	}
}

func TestOnCloseFollowsOnOpenAlsoAfterAReset(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		var closed ends
		var opening, opened atomic.Int64
		goOn := make(chan struct{})
		h := newHarness(t, kind, setup{subscribe: server.SubscribeOptions{
			OnOpen: func(server.Subscriber, *streamwriter.Writer) error {
				n := opening.Add(1)
				<-goOn
				if n%2 == 0 {
					return errors.New("no")
				}
				opened.Add(1)
				return nil
			},
			OnClose: closed.onClose,
		}})
		const clients = 20
		for range clients {
			reset := h.abandon()
			defer reset()
		}
		testkit.Eventually(t, "all are in OnOpen", func() bool { return opening.Load() == clients })
		for range clients {
			h.abandon()() // while the first ones are in OnOpen, and before that
		}
		close(goOn)
		testkit.Within(t, "the hub closes", func() { h.hub.Close(context.Background()) })
		if n := closed.all(); n == 0 || int64(n) != opened.Load() {
			t.Errorf("OnOpen returned nil %d times, OnClose was called %d times: %v", opened.Load(), n, closed.by)
		}
	})
}

func TestOnCloseHearsOfClientsThatResetInOnOpen(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		var closed ends
		opening, goOn := make(chan struct{}), make(chan struct{})
		h := newHarness(t, kind, setup{subscribe: server.SubscribeOptions{
			OnOpen: func(server.Subscriber, *streamwriter.Writer) error {
				opening <- struct{}{}
				<-goOn
				return nil
			},
			OnClose: closed.onClose,
		}})
		const clients = 20
		for range clients {
			reset := h.abandon()
			testkit.Within(t, "OnOpen is called", func() { <-opening })
			reset()
		}
		close(goOn)
		testkit.Eventually(t, "OnClose is called for each", func() bool { return closed.of(server.ReasonClient) == clients })
		h.streams(0)
		if n := closed.all(); n != clients {
			t.Errorf("OnClose was called %d times for %d streams", n, clients)
		}
	})
}

func TestOnCloseIsCalledForEveryOpenedStream(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		var closed ends
		h := newHarness(t, kind, setup{subscribe: server.SubscribeOptions{OnClose: closed.onClose}})
		for range 50 {
			h.abandon()()
		}
		h.open("a")
		testkit.Within(t, "the hub closes", func() { h.hub.Close(context.Background()) })
		if s := h.hub.Stats(); int64(closed.all()) != s.Opened {
			t.Errorf("%d streams were opened, OnClose was called %d times", s.Opened, closed.all())
		}
	})
}

// The hub closes while OnOpen runs: the stream is not taken any more.
func TestOnCloseFollowsOnOpenAlsoWhenTheHubCloses(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		var closed ends
		opening, goOn := make(chan struct{}), make(chan struct{})
		h := newHarness(t, kind, setup{subscribe: server.SubscribeOptions{
			OnOpen: func(server.Subscriber, *streamwriter.Writer) error {
				opening <- struct{}{}
				<-goOn
				return nil
			},
			OnClose: closed.onClose,
		}})
		h.abandon()
		testkit.Within(t, "OnOpen is called", func() { <-opening })
		done := make(chan error, 1)
		go func() { done <- h.hub.Close(timeout(t, patience)) }()
		h.closing()
		close(goOn)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if closed.of(server.ReasonClosed) != 1 || closed.all() != 1 {
			t.Errorf("OnClose was called with %v", closed.by)
		}
	})
}

// closing waits until the hub refuses everything.
func (h *harness) closing() {
	h.t.Helper()
	testkit.Eventually(h.t, "the hub is closed", func() bool {
		_, err := h.hub.Publish("a", streamwriter.Event{})
		return errors.Is(err, server.ErrClosed)
	})
}

// bomb is a connection whose writes panic.
type bomb struct{ net.Conn }

func (bomb) Write([]byte) (int, error) { panic("out of order") }

type bombs struct{ net.Listener }

func (b bombs) Accept() (net.Conn, error) {
	c, err := b.Listener.Accept()
	return bomb{c}, err
}

func TestOnCloseFollowsOnOpenAlsoAfterAPanic(t *testing.T) {
	t.Parallel()
	var closed ends
	kind := connKind{name: "bomb", path: "/events", listen: func(t *testing.T) (net.Listener, dialer) {
		ln, dial := listenTCP(t)
		return bombs{ln}, dial
	}}
	h := newHarness(t, kind, setup{subscribe: server.SubscribeOptions{
		OnOpen:  func(server.Subscriber, *streamwriter.Writer) error { return nil },
		OnClose: closed.onClose,
	}})
	if _, err := h.try(request{topics: []string{"a"}}); err == nil {
		t.Error("the stream opened")
	}
	testkit.Eventually(t, "OnClose is called", func() bool { return closed.of(server.ReasonError) == 1 })
	h.streams(0)
	if n := closed.all(); n != 1 || !h.log.has("out of order") {
		t.Errorf("OnClose was called %d times; the log says %q", n, h.log.lines)
	}
}

func TestAuthorizeIsNotAskedWhenNobodyCanBeLetIn(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		var asked atomic.Int64
		h := newHarness(t, kind, setup{
			config: server.Config{MaxSubscribers: 1},
			subscribe: server.SubscribeOptions{Authorize: func(*fasthttp.RequestCtx, *server.Subscription) error {
				asked.Add(1)
				return nil
			}},
		})
		h.open("a")
		refused := func() {
			t.Helper()
			c := h.send(request{topics: []string{"a"}})
			c.expectRetry(3*time.Second, c.ends)
			c.leave()
		}
		refused()
		if err := h.hub.Drain(timeout(t, patience)); err != nil {
			t.Error(err)
		}
		refused()
		testkit.Within(t, "the hub closes", func() { h.hub.Close(context.Background()) })
		refused()
		if n := asked.Load(); n != 1 {
			t.Errorf("Authorize ran %d times for one stream that there was room for", n)
		}
		if s := h.hub.Stats(); s.Refused != 3 || s.Opened != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// A hook that does not keep up is no unbounded queue: its streams count.
func TestAStreamCountsUntilItsOnCloseHasReturned(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		goOn := make(chan struct{})
		h := newHarness(t, kind, setup{
			config:    server.Config{MaxSubscribers: 2},
			subscribe: server.SubscribeOptions{OnClose: func(server.Subscriber, server.Reason) { <-goOn }},
		})
		a, b := h.open("a"), h.open("a")
		a.leave()
		b.leave()
		testkit.Eventually(t, "both streams have ended", func() bool { return h.hub.Stats().Closing == 2 })
		if s := h.hub.Stats(); s.Subscribers != 0 || s.Parked != 0 || s.Streamed != 0 || s.Ended["client"] != 2 {
			t.Errorf("%+v", s)
		}
		c := h.send(request{topics: []string{"a"}})
		c.expectRetry(3*time.Second, c.ends)
		close(goOn)
		testkit.Eventually(t, "the hooks return", func() bool { return h.hub.Stats().Closing == 0 })
		h.open("a")
	})
}

// A hook that ends its goroutine, as t.FailNow does, ends neither the other hooks nor
// the deliveries.
func TestAHookThatEndsItsGoroutineEndsNothingElse(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		var closed atomic.Int64
		h := newHarness(t, kind, setup{subscribe: server.SubscribeOptions{
			OnClose: func(server.Subscriber, server.Reason) {
				closed.Add(1)
				runtime.Goexit()
			},
		}})
		for range 5 {
			h.open("a").leave()
		}
		testkit.Eventually(t, "OnClose is called for each", func() bool { return closed.Load() == 5 })
		stays := h.open("b")
		h.hub.Kick(func(server.Subscriber) bool { runtime.Goexit(); return false })
		h.publish("b", "1")
		stays.expect("1")
	})
}

// A stream whose ticket runs out is ended, and comes back to Authorize.
func TestAStreamEndsWhenItsTicketExpires(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		tickets := []time.Duration{-time.Hour, 150 * time.Millisecond, time.Hour}
		h := newHarness(t, kind, setup{config: server.Config{Heartbeat: 100 * time.Millisecond}, subscribe: server.SubscribeOptions{
			Authorize: func(_ *fasthttp.RequestCtx, s *server.Subscription) error {
				s.Expires = time.Now().Add(tickets[0])
				tickets = tickets[1:]
				return nil
			},
		}})
		for range 2 {
			h.open("a").ends()
		}
		h.ended(server.ReasonMaxAge, 2)
		h.open("a")
		h.streams(1)
	})
}
