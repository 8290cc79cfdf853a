package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// isCut checks that the stream ends here, without the last chunk. Over HTTP/1.0 there is
// none.
func (c *client) isCut() {
	c.t.Helper()
	if e, err := c.read(); err != io.ErrUnexpectedEOF {
		c.t.Fatalf("got %+v, %v; want a cut", e, err)
	}
}

// endsAs is ends or isCut.
func (c *client) endsAs(clean bool) {
	c.t.Helper()
	if clean {
		c.ends()
	} else {
		c.isCut()
	}
}

// hubEnds are the ways a hub ends a stream.
var hubEnds = map[string]struct {
	config server.Config
	end    func(h *harness)
	why    server.Reason
}{
	"Kick": {server.Config{}, func(h *harness) { h.hub.KickTopic("a") }, server.ReasonKicked},
	"Drain": {server.Config{}, func(h *harness) {
		if err := h.hub.Drain(timeout(h.t, patience)); err != nil {
			h.t.Error(err)
		}
	}, server.ReasonDrain},
	"Close":  {server.Config{}, func(h *harness) { h.hub.Close(context.Background()) }, server.ReasonClosed},
	"MaxAge": {server.Config{MaxAge: 2 * time.Second}, func(*harness) {}, server.ReasonMaxAge},
}

func TestAutoEndsAnEventSourceCleanAndCutsOthers(t *testing.T) {
	t.Parallel()
	for name, end := range hubEnds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			allConns(t, func(t *testing.T, kind connKind) {
				end.config.Retry = 200 * time.Millisecond
				h := newHarness(t, kind, setup{config: end.config})
				source, other := h.open("a"), h.openWith(request{topics: []string{"a"}, other: true})
				h.publish("a", "1", "2")
				source.expect("1", "2")
				other.expect("1", "2")
				var ending sync.WaitGroup
				ending.Go(func() { end.end(h) })
				for c, clean := range map[*client]bool{source: true, other: false} {
					c.expectDrained(200*time.Millisecond, func() { c.endsAs(clean) })
					c.leave()
				}
				ending.Wait()
				h.ended(end.why, 2)
			})
		})
	}
}

// notNow are the reasons for which a client is told to come back later.
var notNow = map[string]struct {
	setup  setup
	before func(h *harness)
	logs   bool
}{
	"full": {setup{config: server.Config{MaxSubscribers: 1}}, func(h *harness) { h.open("a") }, false},
	"draining": {setup{}, func(h *harness) {
		if err := h.hub.Drain(timeout(h.t, patience)); err != nil {
			h.t.Error(err)
		}
	}, false},
	"closed":          {setup{}, func(h *harness) { h.hub.Close(context.Background()) }, false},
	"Authorize fails": {setup{subscribe: server.SubscribeOptions{Authorize: func(*fasthttp.RequestCtx, *server.Subscription) error { return errors.New("hunter2") }}}, nil, true},
	"OnOpen fails": {setup{subscribe: server.SubscribeOptions{OnOpen: func(server.Subscriber, *streamwriter.Writer) error {
		return errors.New("hunter2")
	}}}, nil, true},
	"OnOpen asks to reconnect": {setup{subscribe: server.SubscribeOptions{OnOpen: func(_ server.Subscriber, w *streamwriter.Writer) error {
		return w.Reconnect()
	}}}, nil, false},
}

func TestLaterIsACutForOthersThanAnEventSource(t *testing.T) {
	t.Parallel()
	for name, tt := range notNow {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			allConns(t, func(t *testing.T, kind connKind) {
				hooks := tt.setup.subscribe
				if kind.path == followTCP.path && (hooks.Authorize != nil || hooks.OnOpen != nil) {
					t.Skip("Follow calls no hooks")
				}
				h := newHarness(t, kind, tt.setup)
				if tt.before != nil {
					tt.before(h)
				}
				for _, clean := range []bool{true, false} {
					c := h.send(request{topics: []string{"a"}, other: !clean})
					c.expectRetry(3*time.Second, func() { c.endsAs(clean) })
				}
				if logged := h.log.has("server:"); logged != tt.logs {
					t.Errorf("logged: %v, want %v", logged, tt.logs)
				}
			})
		})
	}
}

func TestEndCleanAndEndCutHoldForEveryClient(t *testing.T) {
	t.Parallel()
	for end, clean := range map[streamwriter.End]bool{streamwriter.EndClean: true, streamwriter.EndCut: false} {
		twoWays(t, func(t *testing.T, kind connKind) {
			h := newHarness(t, kind, setup{config: server.Config{End: end}})
			for _, other := range []bool{false, true} {
				c := h.openWith(request{topics: []string{"a"}, other: other})
				h.hub.KickTopic("a")
				c.endsAs(clean)
			}
			if err := h.hub.Drain(timeout(t, patience)); err != nil {
				t.Error(err)
			}
			for _, other := range []bool{false, true} {
				h.send(request{topics: []string{"a"}, other: other}).endsAs(clean)
			}
		})
	}
}

func TestHTTP10EndsWithItsConnectionWhateverEndSays(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{Retry: 200 * time.Millisecond, End: streamwriter.EndCut}})
		for n, other := range []bool{false, true} {
			c := h.openWith(request{topics: []string{"a"}, proto: "HTTP/1.0", other: other})
			h.publish("a", "1")
			c.expect("1")
			h.kick(int64(n+1), func(server.Subscriber) bool { return true })
			c.expectRetry(200*time.Millisecond, c.ends)
		}
	})
}

// Closing a connection with unread input would reset it, and destroy what was sent.
func TestACutArrivesWholeThoughTheClientHasSentMore(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		if kind.name == "in memory" {
			t.Skip("it takes no more input than is read")
		}
		h := newHarness(t, kind, setup{config: server.Config{Retry: 200 * time.Millisecond}})
		c := h.openWith(request{topics: []string{"a"}, other: true})
		if _, err := c.conn.Write([]byte(strings.Repeat("x", 20_000))); err != nil {
			t.Fatal(err)
		}
		h.publish("a", numbers(1, 50)...)
		c.expectDrained(200*time.Millisecond, func() {
			if err := h.hub.Drain(timeout(t, patience)); err != nil {
				t.Error(err)
			}
			c.expect(numbers(1, 50)...)
			c.isCut()
		})
	})
}

func TestAnUnknownEndIsRefused(t *testing.T) {
	t.Parallel()
	_, err := server.New(server.Config{End: streamwriter.EndCut + 1})
	if f, ok := errors.AsType[*streamwriter.FieldError](err); !ok || f.Field != "End" {
		t.Errorf("got %v", err)
	}
}

// Some clients take a reconnection time only in a block with data, and others take a
// block without data for an empty event.
func TestTheReconnectionTimeIsInTheFirstBlockWithData(t *testing.T) {
	t.Parallel()
	state := func(_ server.Subscriber, w *streamwriter.Writer) error {
		return errors.Join(w.Comment("a state"), w.SendString("state", "0"))
	}
	comment := func(_ server.Subscriber, w *streamwriter.Writer) error { return w.Comment("welcome") }
	tests := map[string]struct {
		setup  setup
		lastID string // "newest": the newest event's
		blocks []string
	}{
		"fresh":                       {setup{}, "", []string{"id", "retry 1"}},
		"resumed":                     {setup{}, "newest", []string{"retry 1"}},
		"gap":                         {setup{}, "never-seen", []string{"retry gap", "0", "1"}},
		"OnOpen":                      {setup{subscribe: server.SubscribeOptions{OnOpen: state}}, "newest", []string{"retry state", "1"}},
		"OnOpen that only comments":   {setup{subscribe: server.SubscribeOptions{OnOpen: comment}}, "newest", []string{"retry 1"}},
		"without a reconnection time": {setup{config: server.Config{Retry: -1}}, "", []string{"id", "1"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			twoWays(t, func(t *testing.T, kind connKind) {
				h := newHarness(t, kind, tt.setup)
				h.publish("a", "0")
				lastID := tt.lastID
				if lastID == "newest" {
					lastID = h.hub.LastID()
				}
				c := h.resume(lastID, "a")
				h.publish("a", "1")
				for _, want := range tt.blocks {
					if got := c.block(); got != want {
						t.Fatalf("got block %q, want %q", got, want)
					}
				}
			})
		})
	}
}

// block reads a block, and returns what it has: "retry" if it sets the reconnection time,
// and its type, its data or "id".
func (c *client) block() string {
	c.t.Helper()
	c.dec.OnID = func(string) bool { return true }
	c.dec.Retry = ""
	e := c.next()
	what := e.Data
	switch e.Type {
	case "":
		what = "id"
	case "message":
	default:
		what = e.Type
	}
	if c.dec.Retry != "" {
		what = fmt.Sprint("retry ", what)
	}
	return what
}

// When the hub ends a stream of Follow, nothing more can be sent on it.
func TestFollowEndsTheWriterWhenTheHubEndsTheStream(t *testing.T) {
	t.Parallel()
	hub := newHub(t, server.Config{})
	for _, take := range []func() error{
		func() error { hub.KickTopic("a"); return nil },
		func() error { return hub.Drain(timeout(t, patience)) },
		func() error { return nil }, // it is draining, and cannot take the stream
		func() error { return hub.Close(context.Background()) },
		func() error { return nil }, // it is closed
	} {
		var wire wire
		w, err := streamwriter.NewWriter(&wire, streamwriter.Options{Heartbeat: -1, Retry: -1}) // the hub's time counts
		if err != nil {
			t.Fatal(err)
		}
		opened, ended := hub.Stats().Opened+hub.Stats().Refused, make(chan error, 1)
		go func() { ended <- hub.Follow(w, "a") }()
		testkit.Eventually(t, "Follow begins", func() bool { s := hub.Stats(); return s.Opened+s.Refused > opened })
		if err := take(); err != nil {
			t.Error(err)
		}
		if err := testkit.Receive(t, "Follow returns", ended); err != streamwriter.ErrReconnect {
			t.Errorf("Follow: %v", err)
		}
		if err := w.SendString("", "more"); err != streamwriter.ErrReconnect {
			t.Errorf("a send afterwards: %v", err)
		}
		if strings.Contains(wire.String(), "retry") {
			t.Errorf("the hub has sent a reconnection time: %q", wire.String())
		}
		if err := w.Close(); err != nil || strings.Count(wire.String(), "retry: ") != 1 {
			t.Errorf("Close: %v, wire %q", err, wire.String())
		}
	}
}

// wire is an io.Writer that may be read meanwhile.
type wire struct {
	mu  sync.Mutex // guards got
	got strings.Builder
}

func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.got.Write(p)
}

func (w *wire) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.got.String()
}

// The time counts from the call of Drain, for streams of Follow as well.
func TestDrainSpreadsTheReturnOfClients(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{Retry: 10 * time.Second, DrainSpread: 100 * time.Second}})
		var clients []*client
		for range 30 {
			clients = append(clients, h.open("a"))
		}
		var draining sync.WaitGroup
		draining.Go(func() {
			if err := h.hub.Drain(timeout(t, patience)); err != nil {
				t.Error(err)
			}
		})
		var latest time.Duration
		for _, c := range clients {
			c.expectRetryFrom(10*time.Second/4, 110*time.Second, c.ends)
			latest = max(latest, c.retry())
			c.leave()
		}
		if draining.Wait(); latest < 25*time.Second { // of 30 drawn from 10 to 110
			t.Errorf("the latest comes back after %v", latest)
		}
	})
}
