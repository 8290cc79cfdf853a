package server_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/servertest"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// hubGoroutines counts the goroutines that are inside package server or internal/delivery,
// or watch sockets for them.
func hubGoroutines() (n int, stacks string) {
	buf := make([]byte, 16<<20)
	for _, stack := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(stack, "fastsse/server.") || strings.Contains(stack, "fastsse/internal/delivery.") || strings.Contains(stack, "(*watcher).run") {
			n++
			stacks += stack + "\n\n"
		}
	}
	return n, stacks
}

func noGoroutines(t *testing.T) {
	t.Helper()
	if !testkit.Soon(patience, func() bool { n, _ := hubGoroutines(); return n == 0 }) {
		n, stacks := hubGoroutines()
		t.Errorf("%d goroutines are left:\n%s", n, stacks)
	}
}

// Not parallel: it counts the process's goroutines.
func TestAHubWithoutStreamsHasNoGoroutine(t *testing.T) {
	noGoroutines(t)
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{
			config:    server.Config{Heartbeat: 50 * time.Millisecond},
			subscribe: server.SubscribeOptions{OnClose: func(server.Subscriber, server.Reason) {}},
		})
		h.publish("a", "1")
		noGoroutines(t)
		for range 3 { // and the next stream starts it again
			a, b := h.open("a", "b/*"), h.open("a")
			h.publish("a", "2")
			a.expect("2")
			b.expect("2")
			if n := h.hub.ShardsRunning(); n == 0 {
				t.Error("no shard runs")
			}
			a.leave()
			b.leave()
			h.streams(0)
			testkit.Eventually(t, "the shards stop", func() bool { return h.hub.ShardsRunning() == 0 })
			noGoroutines(t)
		}
		h.open("a")
		testkit.Within(t, "Close", func() { h.hub.Close(context.Background()) })
		noGoroutines(t)
	})
}

// Not parallel: it counts the process's descriptors.
func TestNoDescriptorIsLeft(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("nothing tells which descriptors are open")
	}
	count := func() int {
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip(err)
		}
		return len(fds)
	}
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{})
		h.open("a").leave()
		sweepOut := func() {
			testkit.Eventually(t, "the streams end", func() bool {
				if kind.name == "in memory" { // it learns from a write that its client left
					h.publish("a", "x")
				}
				return h.hub.Stats().Subscribers == 0
			})
		}
		sweepOut()
		testkit.Eventually(t, "the shards stop", func() bool { return h.hub.ShardsRunning() == 0 })
		var before int
		testkit.Eventually(t, "the number of descriptors settles", func() bool {
			was := before
			before = count()
			return was == before
		})
		for i := range 20 {
			a, b := h.open("a"), h.open("b")
			h.kick(int64(i+1), func(s server.Subscriber) bool { return s.Topics[0] == "b" })
			b.ends()
			a.leave()
			b.leave()
			sweepOut()
		}
		if !testkit.Soon(patience, func() bool { return count() <= before }) {
			t.Errorf("%d descriptors are open, %d were", count(), before)
		}
	})
}

func TestASubscriptionAloneKeepsNothing(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{})
		var clients []*client
		for i := range 20 {
			clients = append(clients, h.open(fmt.Sprintf("t/%d", i), fmt.Sprintf("t/%d/*", i), "t/*"))
		}
		if n := h.hub.Stats().Topics; n != 20 { // subtrees are not counted
			t.Errorf("%d topics while they are read", n)
		}
		for _, c := range clients {
			c.leave()
		}
		testkit.Eventually(t, "the topics go", func() bool { return h.hub.TopicsHeld() == 0 })
		if s := h.hub.Stats(); s.HistoryBytes != 0 {
			t.Errorf("%d bytes of history", s.HistoryBytes)
		}
	})
}

func TestRefusedEventsAndStreamsKeepNothing(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, server.Config{MaxSubscribers: 1})
	s.Open("a")
	s.Open("b").ExpectEnd()
	if _, err := s.Hub.Publish("c", streamwriter.Event{Type: "a\nb"}); err == nil {
		t.Error("a type with a newline is accepted")
	}
	testkit.Within(t, "Close", func() { s.Hub.Close(context.Background()) })
	if _, err := s.Hub.Publish("d", streamwriter.Event{}); err == nil {
		t.Error("a closed hub takes events")
	}
	testkit.Eventually(t, "the topics go", func() bool { return s.Hub.TopicsHeld() == 0 })
}

func TestMaxHistoryBytesHolds(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		const most = 512 << 10
		h := newHarness(t, kind, setup{config: server.Config{MaxHistoryBytes: most}})
		c := h.open("t/*") // a log of its own, with every event
		data := strings.Repeat("x", 1000)
		var first, last string
		for i := range 2000 {
			id := h.publish(fmt.Sprintf("t/%d", i%100), data)[0]
			if i == 0 {
				first = id
			}
			last = id
			if s := h.hub.Stats(); s.HistoryBytes > most {
				t.Fatalf("%d bytes after %d events", s.HistoryBytes, i)
			}
			c.next()
		}
		if n := h.hub.Stats().Topics; n > 100 {
			t.Errorf("%d topics", n)
		}
		h.resume(first, "t/0").expectGap("evicted")
		h.resume(first, "t/*").expectGap("evicted")
		newest := h.resume(last, "t/99")
		h.publish("t/99", "on")
		newest.expect("on")
	})
}

// One topic with a subtree is all there is: both are cut down.
func TestMaxHistoryBytesHoldsForOneTopic(t *testing.T) {
	t.Parallel()
	const most = 300 << 10
	s := servertest.New(t, server.Config{MaxHistoryBytes: most})
	s.Open("t/a/*").Leave()
	s.Open("t/*")
	for i := range 1500 {
		s.Publish("t/a/b", strings.Repeat("x", 1000))
		if held := s.Hub.Stats().HistoryBytes; held > most {
			t.Fatalf("%d bytes after %d events", held, i)
		}
	}
}

// A topic that was evicted and dropped leaves a tombstone: a stream that resumes on it, or
// on a subtree above it, is told of the gap.
func TestEvictedTopicsLeaveATombstone(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{MaxHistoryBytes: 64 << 10}})
		from := h.hub.LastID()
		id := h.publish("old/one", "1", "2")[0]
		for i := range 400 {
			h.publish(fmt.Sprintf("new/%d", i), strings.Repeat("x", 1000))
		}
		if n := h.hub.TopicsHeld(); n > 60 {
			t.Fatalf("%d topics are held: nothing was evicted", n)
		}
		h.resume(id, "old/one").expectGap("evicted")
		h.resume(from, "old/one").expectGap("evicted")
		h.resume(id, "old/*").expectGap("evicted")
		h.resume(id, "old/two", "old/one").expectGap("evicted")
		up := h.resume(h.hub.LastID(), "old/one", "old/*")
		fresh := h.open("old/one")
		h.publish("old/one", "3")
		up.expect("3")
		fresh.expect("3")
	})
}

func TestOldEventsAreForgotten(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, server.Config{Retention: []server.Retention{{Topics: "*", Age: time.Second}}})
	id := s.Publish("a", "1", "2")[0]
	held := s.Hub.TopicsHeld()
	testkit.Eventually(t, "the topic goes", func() bool {
		s.Publish("b", "x") // there is no timer: publishing sweeps
		return s.Hub.TopicsHeld() == held
	})
	c := s.Resume(id, "a")
	c.ExpectGap("evicted")
	s.Publish("a", "3")
	c.Expect("3")
}

func TestStatsSayHowStreamsAreHeld(t *testing.T) {
	t.Parallel()
	list := append([]connKind{
		{name: "MaxConnsPerIP", why: "wrapped", path: "/events", listen: listenTCP},
		{name: "MaxConnsPerIP TLS", why: "tls", path: "/events", listen: listenTLS},
	}, connKinds...)
	forEachKind(t, list, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{server: func(s *fasthttp.Server) {
			if strings.HasPrefix(kind.name, "MaxConns") {
				s.MaxConnsPerIP = 10
			}
		}})
		a, b := h.open("a"), h.open("a")
		h.publish("a", "1", "2")
		for _, c := range []*client{a, b} {
			c.expect("1", "2")
		}
		parked, why := int64(2), map[string]int64{}
		if kind.parked && runtime.GOOS != "linux" {
			kind.parked, kind.why = false, "platform"
		}
		if !kind.parked {
			parked, why = 0, map[string]int64{kind.why: 2}
		}
		s := h.hub.Stats()
		if s.Subscribers != 2 || s.Parked != parked || s.Streamed != 2-parked || !maps.Equal(s.StreamedWhy, why) {
			t.Errorf("%d streams, %d parked, %d streamed %v; want %d parked, %v", s.Subscribers, s.Parked, s.Streamed, s.StreamedWhy, parked, why)
		}
		if s.Published != 2 || s.Opened != 2 || s.Topics != 1 || s.HistoryBytes == 0 {
			t.Errorf("%+v", s)
		}
		testkit.Eventually(t, "the deliveries are counted", func() bool { return h.hub.Stats().Delivered == 4 })
		testkit.Within(t, "Close", func() { h.hub.Close(context.Background()) })
		s = h.hub.Stats()
		if s.Subscribers != 0 || s.Parked != 0 || s.Streamed != 0 || s.Ended["closed"] != 2 || s.Delivered != 4 {
			t.Errorf("after Close: %+v", s)
		}
	})
}

// Not parallel: it sets a variable of the environment.
func TestPreforkIsWarnedOf(t *testing.T) {
	log := &testLog{}
	newHub := func() {
		hub, err := server.New(server.Config{Logger: log})
		if err != nil {
			t.Fatal(err)
		}
		hub.Close(context.Background())
	}
	newHub()
	if log.has("") && log.has("prefork") {
		t.Errorf("warned without reason: %q", log.lines)
	}
	t.Setenv("FASTHTTP_PREFORK_CHILD", "1")
	newHub()
	if !log.has("prefork") {
		t.Errorf("not warned: %q", log.lines)
	}
}
