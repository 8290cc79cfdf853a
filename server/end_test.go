package server_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

func timeout(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestDrainDeliversWhatWasPublishedAndEndsCleanly(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{Retry: 200 * time.Millisecond}})
		from := h.hub.LastID()
		live, two, idle := h.open("a"), h.open("a", "b"), h.open("quiet")
		h.publish("a", numbers(1, 500)...)
		replaying := h.resume(from, "a")
		drained := make(chan error, 1)
		go func() { drained <- h.hub.Drain(timeout(t, patience)) }()
		for _, c := range []*client{live, two, replaying} {
			c.expectDrained(200*time.Millisecond, func() {
				c.expect(numbers(1, 500)...)
				c.ends()
			})
			c.leave()
		}
		idle.expectDrained(200*time.Millisecond, idle.ends)
		idle.leave()
		if err := <-drained; err != nil {
			t.Error(err)
		}
		s := h.hub.Stats()
		if s.Subscribers != 0 || s.Ended["drain"] != 4 {
			t.Errorf("%d streams are left, ended: %v", s.Subscribers, s.Ended)
		}
		h.publish("a", "501") // publishing goes on
	})
}

func TestDrainingTurnsNewStreamsAway(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{})
		if err := h.hub.Drain(timeout(t, patience)); err != nil {
			t.Fatal(err)
		}
		c := h.send(request{topics: []string{"a"}})
		if c.status != "HTTP/1.1 200 OK" {
			t.Errorf("answered %q: an EventSource would never come back", c.status)
		}
		c.expectRetry(3*time.Second, c.ends)
		s := h.hub.Stats()
		if s.Refused != 1 || s.Opened != 0 || s.Subscribers != 0 {
			t.Errorf("%+v", s)
		}
		if err := h.hub.Drain(timeout(t, patience)); err != nil {
			t.Errorf("a second Drain: %v", err)
		}
	})
}

// A client that keeps its end of the connection open is not waited for.
func TestDrainDoesNotWaitForClientsToClose(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{})
		c := h.open("a")
		start := time.Now()
		if err := h.hub.Drain(timeout(t, patience)); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("Drain took %v", took)
		}
		c.ends()
	})
}

// Streams that come while a drain begins are either turned away, or get all
// that they missed before they are ended.
func TestDrainAndNewStreamsAtOnce(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		for range 10 {
			h := newHarness(t, kind, setup{config: server.Config{Shards: 4}})
			from := h.hub.LastID()
			h.publish("a", numbers(1, 20)...)
			var clients sync.WaitGroup
			for range 8 {
				clients.Go(func() {
					c, err := h.try(request{topics: []string{"a"}, lastID: from})
					if err != nil {
						t.Error(err)
						return
					}
					defer c.leave()
					got, clean := c.rest()
					if !clean || (len(got) != 0 && len(got) != 20) {
						t.Errorf("got %d events, a clean end: %v", len(got), clean)
					}
				})
			}
			if err := h.hub.Drain(timeout(t, patience)); err != nil {
				t.Error(err)
			}
			clients.Wait()
		}
	})
}

func TestCloseEndsEverything(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{})
		a, b := h.open("a"), h.open("b")
		h.publish("a", "1")
		a.expect("1")
		testkit.Within(t, "Close", func() { h.hub.Close(context.Background()) })
		a.ends()
		b.ends()
		if s := h.hub.Stats(); s.Subscribers != 0 || s.Ended["closed"] != 2 {
			t.Errorf("%+v", s)
		}
		if _, err := h.hub.Publish("a", streamwriter.Event{}); !errors.Is(err, server.ErrClosed) {
			t.Errorf("Publish: %v", err)
		}
		c := h.send(request{topics: []string{"a"}})
		c.expectRetry(3*time.Second, c.ends)
		if err := h.hub.Close(context.Background()); err != nil {
			t.Errorf("a second Close: %v", err)
		}
		if err := h.hub.Drain(timeout(t, patience)); err != nil {
			t.Errorf("Drain after Close: %v", err)
		}
	})
}

func TestCloseAndNewStreamsAtOnce(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		for range 20 {
			h := newHarness(t, kind, setup{})
			var clients sync.WaitGroup
			for range 4 {
				clients.Go(func() {
					if c, err := h.try(request{topics: []string{"a"}}); err == nil {
						c.rest()
						c.leave()
					}
				})
			}
			testkit.Within(t, "Close", func() { h.hub.Close(context.Background()) })
			clients.Wait()
			testkit.Eventually(t, "the counters agree", func() bool {
				s := h.hub.Stats()
				return s.Subscribers == 0 && s.Opened == total(s.Ended)
			})
		}
	})
}

func total(m map[string]int64) (n int64) {
	for _, v := range m {
		n += v
	}
	return n
}

// kick kicks until n streams in all have been: a stream whose head has arrived may
// be about to reach its shard.
func (h *harness) kick(n int64, pick func(server.Subscriber) bool) {
	h.t.Helper()
	testkit.Eventually(h.t, "the streams are kicked", func() bool {
		h.hub.Kick(pick)
		return h.hub.Stats().Ended[server.ReasonKicked.String()] >= n
	})
}

func TestKickByTopic(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{Retry: 100 * time.Millisecond}})
		a, b, both := h.open("a"), h.open("b"), h.open("b", "a")
		h.publish("a", "1")
		a.expect("1")
		both.expect("1")
		h.kick(2, func(s server.Subscriber) bool { return slices.Contains(s.Topics, "a") })
		for _, c := range []*client{a, both} {
			c.expectRetry(100*time.Millisecond, c.ends)
		}
		h.streams(1)
		h.publish("b", "2")
		b.expect("2")
	})
}

func TestKickByUser(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{subscribe: server.SubscribeOptions{
			Authorize: func(ctx *fasthttp.RequestCtx, s *server.Subscription) error {
				s.User = string(ctx.QueryArgs().Peek("user"))
				return nil
			},
		}})
		ann := h.openWith(request{topics: []string{"a"}, query: "user=ann"})
		bob := h.openWith(request{topics: []string{"a"}, query: "user=bob"})
		h.kick(1, func(s server.Subscriber) bool { return s.User == "ann" })
		ann.ends()
		h.publish("a", "1")
		bob.expect("1")
	})
}

// A stream without hooks or user is known to Kick by its address all the same.
func TestKickByAddress(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{})
		a, b := h.open("a"), h.open("a")
		h.kick(1, func(s server.Subscriber) bool { return s.RemoteAddr() == a.conn.LocalAddr().String() })
		a.ends()
		h.publish("a", "1")
		b.expect("1")
	})
}

func TestDisconnectIsNoticedAtOnce(t *testing.T) {
	t.Parallel()
	tcp := func(c *client) *net.TCPConn {
		if n, ok := c.conn.(interface{ NetConn() net.Conn }); ok {
			return n.NetConn().(*net.TCPConn)
		}
		return c.conn.(*net.TCPConn)
	}
	leaves := []struct {
		name  string
		leave func(c *client)
	}{
		{"FIN", func(c *client) { c.conn.Close() }},
		{"half-close", func(c *client) {
			if u, ok := c.conn.(*net.UnixConn); ok {
				u.CloseWrite()
				return
			}
			tcp(c).CloseWrite()
		}},
		{"RST", func(c *client) {
			if _, ok := c.conn.(*net.UnixConn); !ok {
				tcp(c).SetLinger(0)
				tcp(c).Close()
			}
			c.conn.Close()
		}},
	}
	allConns(t, func(t *testing.T, kind connKind) {
		if kind.name == "in memory" || (!kind.parked && runtime.GOOS != "linux") {
			t.Skip("nothing tells before the next write")
		}
		for _, l := range leaves {
			t.Run(l.name, func(t *testing.T) {
				h := newHarness(t, kind, setup{})
				c, other := h.open("a", "b"), h.open("a")
				if a, b := h.hub.Subscribers("a"), h.hub.Subscribers("b"); a != 2 || b != 1 {
					t.Errorf("%d and %d readers, want 2 and 1", a, b)
				}
				start := time.Now()
				l.leave(c)
				h.streams(1)
				if took := time.Since(start); took > 2*time.Second {
					t.Errorf("noticed after %v", took)
				}
				h.ended(server.ReasonClient, 1)
				if a, b := h.hub.Subscribers("a"), h.hub.Subscribers("b"); a != 1 || b != 0 {
					t.Errorf("%d and %d readers, want 1 and 0", a, b)
				}
				h.publish("a", "1")
				other.expect("1")
			})
		}
	})
}

// Where nothing else tells, the next write does.
func TestDisconnectInMemoryIsNoticedByHeartbeat(t *testing.T) {
	t.Parallel()
	for _, kind := range connKinds {
		if kind.name != "in memory" {
			continue
		}
		h := newHarness(t, kind, setup{config: server.Config{Heartbeat: 30 * time.Millisecond}})
		h.open("a").leave()
		h.ended(server.ReasonClient, 1)
		h.streams(0)
	}
}

// Streams that leave while they are being delivered to leave the others alone.
func TestLeavingAmidDeliveries(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{Shards: 1, Heartbeat: 100 * time.Millisecond}})
		keeper := h.open("a")
		var leavers []*client
		for i := range 60 {
			leavers = append(leavers, h.open([]string{"a", "b"}[i%2:]...)) // two feeds
		}
		late := h.open("a")
		for i, c := range leavers {
			h.publish("a", fmt.Sprint(i))
			h.publish("b", "x")
			c.leave()
		}
		for _, c := range []*client{keeper, late} {
			for i := range leavers {
				c.expect(fmt.Sprint(i))
			}
		}
		h.streams(2)
		if a, b := h.hub.Subscribers("a"), h.hub.Subscribers("b"); a != 2 || b != 0 {
			t.Errorf("%d and %d readers, want 2 and 0", a, b)
		}
	})
}

// A shard that stops with its last stream, while something is published, is
// told of news again when it starts.
func TestNewsReachAShardThatHasJustStarted(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{
			Shards: 1, SlowSubscribers: server.Skip,
			Heartbeat: time.Hour, // or a sweep finds what the shard was not told of
		}})
		stop := make(chan struct{})
		var publishing sync.WaitGroup
		for range 2 {
			publishing.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						h.publish("a", "x")
						runtime.Gosched()
					}
				}
			})
		}
		defer publishing.Wait()
		defer close(stop)
		for range 150 {
			c := h.open("a")
			for range 3 {
				c.next() // an event, or a gap: it is too much for anybody
			}
			c.leave()
			h.streams(0)
		}
	})
}
