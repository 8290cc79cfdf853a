package server_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

func TestCloseWaitsForHooks(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		goOn := make(chan struct{})
		var in, out atomic.Int64
		hook := func() {
			in.Add(1)
			<-goOn
			out.Add(1)
		}
		var block atomic.Bool
		h := newHarness(t, kind, setup{subscribe: server.SubscribeOptions{
			Authorize: func(ctx *fasthttp.RequestCtx, _ *server.Subscription) error {
				if string(ctx.QueryArgs().Peek("in")) == "authorize" {
					hook()
				}
				return nil
			},
			OnOpen: func(server.Subscriber, *streamwriter.Writer) error {
				if block.Load() {
					hook()
				}
				return nil
			},
			OnClose: func(server.Subscriber, server.Reason) { hook() },
		}})
		h.open("a")
		h.open("a")
		block.Store(true)
		h.abandon()
		testkit.Eventually(t, "a stream is in OnOpen", func() bool { return in.Load() == 1 })
		go h.try(request{topics: []string{"a"}, query: "in=authorize"})
		testkit.Eventually(t, "a stream is in Authorize", func() bool { return in.Load() == 2 })

		err := h.hub.Close(timeout(t, time.Second))
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "for 1 streams to end and 4 hooks") {
			t.Errorf("two streams are in OnClose, one in OnOpen, one in Authorize; Close says: %v", err)
		}
		close(goOn)
		if err := h.hub.Close(timeout(t, patience)); err != nil {
			t.Errorf("a second Close: %v", err)
		}
		if out.Load() != in.Load() || in.Load() != 5 { // the stream in OnOpen has been told of, too
			t.Errorf("when Close returned, %d hooks had begun and %d returned", in.Load(), out.Load())
		}
	})
}

// A stream that is still on its way when a drain's time is over is not waited for
// by anybody: it is cut, too, when it arrives.
func TestADrainWhoseTimeIsOverCutsLateArrivals(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		in, goOn := make(chan struct{}, 1), make(chan struct{})
		h := newHarness(t, kind, setup{
			config: server.Config{Retention: []server.Retention{{Topics: "*", Bytes: 64 << 20}}},
			subscribe: server.SubscribeOptions{OnOpen: func(server.Subscriber, *streamwriter.Writer) error {
				in <- struct{}{}
				<-goOn
				return nil
			}},
		})
		from := h.hub.LastID()
		for i := range manyLarge { // more than the kernel takes: it will stall
			h.publish("a", largeEvent(i))
		}
		conn, err := h.dial()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write(request{path: kind.path, topics: []string{"a"}, lastID: from}.bytes()); err != nil {
			t.Fatal(err)
		}
		testkit.Within(t, "OnOpen is called", func() { <-in })
		if err := h.hub.Drain(timeout(t, 50*time.Millisecond)); err == nil {
			t.Error("Drain says that all have ended")
		}
		close(goOn)
		h.ended(server.ReasonDrain, 1)
		h.streams(0)
	})
}

// Not parallel: it counts the process's goroutines.
func TestNothingRunsAfterClose(t *testing.T) {
	noGoroutines(t)
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{
			config:    server.Config{MaxSubscribers: 3},
			subscribe: server.SubscribeOptions{OnClose: func(server.Subscriber, server.Reason) { time.Sleep(time.Millisecond) }},
		})
		for range 3 {
			h.open("a", "b")
		}
		for range 3 {
			h.send(request{topics: []string{"a"}}) // refused; it does not close
		}
		if err := h.hub.Close(timeout(t, patience)); err != nil {
			t.Fatal(err)
		}
		// A goroutine that has counted itself out has a few instructions left.
		if !testkit.Soon(time.Second, func() bool { n, _ := hubGoroutines(); return n == 0 }) {
			n, stacks := hubGoroutines()
			t.Errorf("%d goroutines are left:\n%s", n, stacks)
		}
	})
}

// countedConns counts the connections of a listener that are open.
type countedConns struct {
	net.Listener
	open *atomic.Int64
}

func (l countedConns) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.open.Add(1)
	return &countedConn{TCPConn: c.(*net.TCPConn), open: l.open}, nil
}

type countedConn struct {
	*net.TCPConn
	open   *atomic.Int64
	closed atomic.Bool
}

func (c *countedConn) Close() error {
	if !c.closed.Swap(true) {
		c.open.Add(-1)
	}
	return c.TCPConn.Close()
}

// Refused clients that do not close their connections hold few of them.
func TestRefusedClientsHoldFewConnections(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"as usual", "in blocking mode"} {
		t.Run(mode, func(t *testing.T) { refusedClientsHoldFewConnections(t, mode == "in blocking mode") })
	}
}

func refusedClientsHoldFewConnections(t *testing.T, blocking bool) {
	var open atomic.Int64
	kind := connKind{name: "counted", path: "/events", listen: func(t *testing.T) (net.Listener, dialer) {
		ln, dial := listenTCP(t)
		if blocking {
			ln = inBlockingMode{ln}
		}
		return countedConns{ln, &open}, dial
	}}
	h := newHarness(t, kind, setup{config: server.Config{MaxSubscribers: 1}})
	h.open("a")
	const refused, most = 200, 64
	for range refused {
		c := h.send(request{topics: []string{"b"}})
		c.expectRetry(3*time.Second, c.ends) // all of them get their answer
	}
	if n := h.hub.Stats().Refused; n != refused {
		t.Fatalf("%d were refused, want %d", n, refused)
	}
	if !testkit.Soon(time.Second, func() bool { return open.Load() <= 1+most }) {
		t.Errorf("%d connections are open, want at most %d", open.Load(), 1+most)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := h.hub.Close(ctx); err != nil { // although their clients stay
		t.Error(err)
	}
}

// inBlockingMode hands out connections as an application leaves them that has asked for
// their descriptor.
type inBlockingMode struct{ net.Listener }

func (l inBlockingMode) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if f, err := c.(*net.TCPConn).File(); err == nil {
		f.Fd()
		f.Close()
	}
	return c, nil
}

// Streams that have ended count until their connections are closed: clients that keep
// their end open do not make the hub hold more descriptors than it may.
func TestEndedStreamsCountUntilTheirConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		const most = 5
		h := newHarness(t, kind, setup{config: server.Config{MaxSubscribers: most}})
		var clients []*client
		for range most {
			clients = append(clients, h.open("a"))
		}
		h.hub.KickTopic("a")
		for _, c := range clients {
			c.ends()
		}
		h.streams(0)
		refused := h.send(request{topics: []string{"a"}})
		refused.expectRetry(3*time.Second, refused.ends)
		for _, c := range clients {
			c.leave()
		}
		testkit.Eventually(t, "there is room again", func() bool {
			before := h.hub.Stats().Refused
			c := h.send(request{topics: []string{"a"}})
			defer c.leave()
			return h.hub.Stats().Refused == before
		})
	})
}
