package server_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

func TestStatsSayTheState(t *testing.T) {
	t.Parallel()
	hub := newHub(t, server.Config{})
	is := func(want string) {
		t.Helper()
		if got := hub.Stats().State; got != want {
			t.Errorf("state %q, want %q", got, want)
		}
	}
	is("open")
	hub.Drain(context.Background())
	is("draining")
	hub.Close(context.Background())
	is("closed")
}

func TestStatsHaveTheLimits(t *testing.T) {
	t.Parallel()
	s := newHub(t, server.Config{MaxSubscribers: 12, MaxHistoryBytes: 34}).Stats()
	if s.MaxSubscribers != 12 || s.MaxHistoryBytes != 34 {
		t.Errorf("%+v", s)
	}
	if n := newHub(t, server.Config{MaxSubscribers: -1}).Stats().MaxSubscribers; n != 0 {
		t.Errorf("without a limit: %d", n)
	}
}

// Also where a stream is sent both in one write: what was published before it opened and
// what came during OnOpen.
func TestReplayedAreTheEventsFromBeforeTheStreamOpened(t *testing.T) {
	t.Parallel()
	forEachKind(t, append(twoKinds, followTCP), func(t *testing.T, kind connKind) {
		for _, topics := range [][]string{{"t/a"}, {"t/a", "t/b"}, {"t/*"}} {
			var h *harness
			h = newHarness(t, kind, setup{subscribe: server.SubscribeOptions{
				OnOpen: func(_ server.Subscriber, w *streamwriter.Writer) error {
					if w.LastEventID() != "" {
						h.publish("t/a", numbers(9, 10)...)
					}
					return nil
				},
			}})
			fresh := h.open(topics...)
			ids := h.publish("t/a", numbers(1, 8)...)
			h.ephemeral("t/a", "not replayed")
			fresh.expect(numbers(1, 8)...)
			back := h.resume(ids[2], topics...)
			delivered := int64(8 + 1 + 5)
			if kind.path != followTCP.path { // Follow has no OnOpen
				delivered += 2 + 2
				back.expect(numbers(4, 10)...)
			} else {
				back.expect(numbers(4, 8)...)
			}
			testkit.Eventually(t, "all are counted", func() bool { return h.hub.Stats().Delivered == delivered })
			if s := h.hub.Stats(); s.Replayed != 5 {
				t.Errorf("%v: %d of %d are said to be replayed, want 5", topics, s.Replayed, s.Delivered)
			}
		}
	})
}

// A write that takes only a part of what is replayed counts that part.
func TestReplayedEventsThatAreTakenInPartsCountOnce(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{Retention: []server.Retention{{Topics: "*", Bytes: 64 << 20}}}})
		first := h.publish("a", "1")[0]
		for i := 2; i <= manyLarge; i++ {
			h.publish("a", largeEvent(i))
		}
		c := h.resume(first, "a")
		h.publish("a", "live")
		for range manyLarge - 1 {
			c.next()
		}
		c.expect("live")
		testkit.Eventually(t, "all are counted", func() bool { return h.hub.Stats().Delivered == manyLarge })
		if n := h.hub.Stats().Replayed; n != manyLarge-1 {
			t.Errorf("%d were replayed, want %d", n, manyLarge-1)
		}
	})
}

func TestStatsSayHowManyStreamsLagAndHowFar(t *testing.T) {
	t.Parallel()
	forEachKind(t, append(twoKinds, followTCP), func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{
			Heartbeat: 100 * time.Millisecond, WriteTimeout: -1, Shards: 2,
			Retention: []server.Retention{{Topics: "*", Bytes: 64 << 20}},
		}})
		healthy := h.open("b")
		one, two := h.stall("a"), h.stall("c")
		testkit.Eventually(t, "two streams lag", func() bool { return h.hub.Stats().Lagging == 2 })
		h.publish("b", numbers(1, 1000)...) // events of other topics count
		healthy.expect(numbers(1, 1000)...)
		testkit.Eventually(t, "the furthest is behind by more than these", func() bool {
			// It has some of its own, of what was published before c's and b's.
			s := h.hub.Stats()
			return s.Lagging == 2 && s.Behind > 1000+manyLarge && s.Behind <= 1000+2*manyLarge
		})
		for range manyLarge {
			one.next()
		}
		testkit.Eventually(t, "one has caught up", func() bool {
			s := h.hub.Stats()
			return s.Lagging == 1 && s.Behind > 1000 && s.Behind <= 1000+manyLarge
		})
		two.leave()
		testkit.Eventually(t, "none lags", func() bool {
			s := h.hub.Stats()
			return s.Lagging == 0 && s.Behind == 0
		})
	})
}

// Without streams nobody sweeps: the figures must not stay as they were.
func TestNoStreamLagsWhenAllHaveEnded(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{
			Heartbeat: 100 * time.Millisecond, WriteTimeout: -1, Retention: []server.Retention{{Topics: "*", Bytes: 64 << 20}},
		}})
		c := h.stall("a")
		testkit.Eventually(t, "it lags", func() bool { return h.hub.Stats().Lagging == 1 })
		c.leave()
		testkit.Eventually(t, "no loop runs", func() bool { return h.hub.ShardsRunning() == 0 })
		if s := h.hub.Stats(); s.Lagging != 0 || s.Behind != 0 {
			t.Errorf("%d lag, %d behind", s.Lagging, s.Behind)
		}
	})
}

func TestStatsCountWhoHasNotClosedYet(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{MaxSubscribers: 3}})
		var clients []*client
		for range 3 {
			clients = append(clients, h.open("a"))
		}
		clients = append(clients, h.send(request{topics: []string{"a"}})) // refused
		h.hub.KickTopic("a")
		for _, c := range clients {
			c.ends()
		}
		testkit.Eventually(t, "four linger", func() bool { return h.hub.Stats().Lingering == 4 })
		for _, c := range clients {
			c.leave()
		}
		testkit.Eventually(t, "none lingers", func() bool { return h.hub.Stats().Lingering == 0 })
	})
}

// The keys of the maps are there before anything is counted, so that a rate can be taken.
func TestStatsHaveTheirKeysFromTheStart(t *testing.T) {
	t.Parallel()
	s := newHub(t, server.Config{}).Stats()
	var reasons []string
	for r := server.ReasonClient; r <= server.ReasonRefused; r++ {
		reasons = append(reasons, r.String())
	}
	for name, tt := range map[string]struct {
		got  map[string]int64
		want []string
	}{
		"Ended":         {s.Ended, reasons},
		"RefusedWhy":    {s.RefusedWhy, server.RefusalNames()},
		"PublishErrors": {s.PublishErrors, server.PublishErrorNames()},
	} {
		if got := slices.Sorted(maps.Keys(tt.got)); !slices.Equal(got, slices.Sorted(slices.Values(tt.want))) || total(tt.got) != 0 {
			t.Errorf("%s: %v, want zeros for %v", name, tt.got, tt.want)
		}
	}
}

func TestEveryErrorInPublishingIsCountedOnce(t *testing.T) {
	t.Parallel()
	anyone := server.PublishOptions{AllowAnyone: true}
	hook := func(err error) server.PublishOptions {
		return server.PublishOptions{Authorize: func(*fasthttp.RequestCtx, []server.Message) error { return err }}
	}
	post := func(o server.PublishOptions, line, body string, headers ...string) func(*server.Hub) {
		return func(h *server.Hub) { call(h.PublishHandler(o), line, body, headers...) }
	}
	closed := func(do func(*server.Hub)) func(*server.Hub) {
		return func(h *server.Hub) { h.Close(context.Background()); do(h) }
	}
	tests := map[string]map[string]func(*server.Hub){
		"invalid": {
			"a topic":           func(h *server.Hub) { h.Publish("a*", streamwriter.Event{}) },
			"a large event":     func(h *server.Hub) { h.Publish("a", streamwriter.Event{Data: make([]byte, 11)}) },
			"one of two":        func(h *server.Hub) { h.PublishAll([]server.Message{{Topic: "a"}, {}}) },
			"JSON and data":     func(h *server.Hub) { h.PublishJSON("a", streamwriter.Event{Data: []byte("x")}, 1) },
			"JSON of a channel": func(h *server.Hub) { h.PublishJSON("a", streamwriter.Event{}, make(chan int)) },
			"JSON to no topic":  func(h *server.Hub) { h.PublishJSON("", streamwriter.Event{}, 1) },
			"a parameter":       post(anyone, "POST /?topic=a&x=y", "1"),
			"a large body":      post(anyone, "POST /?topic=a", "12345678901"),
			"an encoding":       post(anyone, "POST /?topic=a", "1", "Content-Encoding: gzip"),
			"an empty array":    post(anyone, "POST /", "[]", "Content-Type: application/json"),
		},
		"unauthorized": {
			"no token":   post(server.PublishOptions{Token: "t"}, "POST /?topic=a", "1"),
			"off":        post(server.PublishOptions{}, "POST /?topic=a", "1"),
			"a bad body": post(server.PublishOptions{Token: "t"}, "POST /", "1"),
			"Authorize":  post(hook(&server.StatusError{Code: 404}), "POST /?topic=a", "1"),
		},
		"hook": {"Authorize": post(hook(errors.New("not now")), "POST /?topic=a", "1")},
		"closed": {
			"Publish":     closed(func(h *server.Hub) { h.Publish("a", streamwriter.Event{}) }),
			"PublishJSON": closed(func(h *server.Hub) { h.PublishJSON("a", streamwriter.Event{}, 1) }),
			"PublishAll":  closed(func(h *server.Hub) { h.PublishAll([]server.Message{{Topic: "a"}}) }),
			"POST":        closed(post(anyone, "POST /?topic=a", "1")),
		},
	}
	for _, kind := range server.PublishErrorNames() {
		if len(tests[kind]) == 0 {
			t.Errorf("%q is not tested", kind)
		}
		for name, do := range tests[kind] {
			hub := newHub(t, server.Config{MaxEventBytes: 10, Logger: &testLog{}})
			do(hub)
			if s := hub.Stats(); s.PublishErrors[kind] != 1 || total(s.PublishErrors) != 1 || s.Published != 0 {
				t.Errorf("%s: %v, %d published; want one %q", name, s.PublishErrors, s.Published, kind)
			}
		}
	}
}

// Other methods publish nothing, and are no errors in publishing.
func TestWhatIsNoPublishIsNoPublishError(t *testing.T) {
	t.Parallel()
	hub := newHub(t, server.Config{})
	publish := hub.PublishHandler(server.PublishOptions{AllowAnyone: true})
	for _, line := range []string{"GET /?topic=a", "OPTIONS /?topic=a", "POST /?topic=a"} {
		call(publish, line, "1")
	}
	hub.PublishAll(nil)
	hub.Publish("a", streamwriter.Event{Data: []byte(strings.Repeat("x", 10))})
	if s := hub.Stats(); total(s.PublishErrors) != 0 || s.Published != 2 {
		t.Errorf("%v, %d published", s.PublishErrors, s.Published)
	}
}
