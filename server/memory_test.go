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

	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/servertest"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// hubGoroutines counts the goroutines that are inside package server, or watch
// sockets for it.
func hubGoroutines() (n int, stacks string) {
	buf := make([]byte, 16<<20)
	for _, stack := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(stack, "fastsse/server.") || strings.Contains(stack, "(*watcher).run") {
			n++
			stacks += stack + "\n\n"
		}
	}
	return n, stacks
}

func noGoroutines(t *testing.T) {
	t.Helper()
	if !soon(patience, func() bool { n, _ := hubGoroutines(); return n == 0 }) {
		n, stacks := hubGoroutines()
		t.Errorf("%d goroutines are left:\n%s", n, stacks)
	}
}

// Not parallel: it counts the process's goroutines.
func TestAHubWithoutStreamsHasNoGoroutine(t *testing.T) {
	noGoroutines(t)
	overVenues(t, func(t *testing.T, v venue) {
		r := newRig(t, v, rigging{
			config:    server.Config{Heartbeat: 50 * time.Millisecond},
			subscribe: server.SubscribeOptions{OnClose: func(server.Subscriber, server.Reason) {}},
		})
		r.publish("a", "1")
		noGoroutines(t)
		for range 3 { // and the next stream starts it again
			a, b := r.open("a", "b/*"), r.open("a")
			r.publish("a", "2")
			a.expect("2")
			b.expect("2")
			if n := r.hub.ShardsRunning(); n == 0 {
				t.Error("no shard runs")
			}
			a.leave()
			b.leave()
			r.streams(0)
			eventually(t, "the shards stop", func() bool { return r.hub.ShardsRunning() == 0 })
			noGoroutines(t)
		}
		r.open("a")
		within(t, "Close", func() { r.hub.Close(context.Background()) })
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
	overVenues(t, func(t *testing.T, v venue) {
		r := newRig(t, v, rigging{})
		r.open("a").leave()
		sweepOut := func() {
			eventually(t, "the streams end", func() bool {
				if v.name == "in memory" { // it learns from a write that its client left
					r.publish("a", "x")
				}
				return r.hub.Stats().Subscribers == 0
			})
		}
		sweepOut()
		eventually(t, "the shards stop", func() bool { return r.hub.ShardsRunning() == 0 })
		var before int
		eventually(t, "the number of descriptors settles", func() bool {
			was := before
			before = count()
			return was == before
		})
		for i := range 20 {
			a, b := r.open("a"), r.open("b")
			r.kick(int64(i+1), func(s server.Subscriber) bool { return s.Topics[0] == "b" })
			b.ends()
			a.leave()
			b.leave()
			sweepOut()
		}
		if !soon(patience, func() bool { return count() <= before }) {
			t.Errorf("%d descriptors are open, %d were", count(), before)
		}
	})
}

func TestASubscriptionAloneKeepsNothing(t *testing.T) {
	t.Parallel()
	overWays(t, func(t *testing.T, v venue) {
		r := newRig(t, v, rigging{})
		var clients []*client
		for i := range 20 {
			clients = append(clients, r.open(fmt.Sprintf("t/%d", i), fmt.Sprintf("t/%d/*", i), "t/*"))
		}
		if n := r.hub.Stats().Topics; n != 20 { // subtrees are not counted
			t.Errorf("%d topics while they are read", n)
		}
		for _, c := range clients {
			c.leave()
		}
		eventually(t, "the topics go", func() bool { return r.hub.TopicsHeld() == 0 })
		if s := r.hub.Stats(); s.HistoryBytes != 0 {
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
	within(t, "Close", func() { s.Hub.Close(context.Background()) })
	if _, err := s.Hub.Publish("d", streamwriter.Event{}); err == nil {
		t.Error("a closed hub takes events")
	}
	eventually(t, "the topics go", func() bool { return s.Hub.TopicsHeld() == 0 })
}

func TestMaxHistoryBytesHolds(t *testing.T) {
	t.Parallel()
	overWays(t, func(t *testing.T, v venue) {
		const most = 512 << 10
		r := newRig(t, v, rigging{config: server.Config{MaxHistoryBytes: most}})
		c := r.open("t/*") // a log of its own, with every event
		data := strings.Repeat("x", 1000)
		var first, last string
		for i := range 2000 {
			id := r.publish(fmt.Sprintf("t/%d", i%100), data)[0]
			if i == 0 {
				first = id
			}
			last = id
			if s := r.hub.Stats(); s.HistoryBytes > most {
				t.Fatalf("%d bytes after %d events", s.HistoryBytes, i)
			}
			c.next()
		}
		if n := r.hub.Stats().Topics; n > 100 {
			t.Errorf("%d topics", n)
		}
		r.resume(first, "t/0").expectGap("evicted")
		r.resume(first, "t/*").expectGap("evicted")
		newest := r.resume(last, "t/99")
		r.publish("t/99", "on")
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

// A topic that was evicted and dropped leaves a trace: who comes back to it, or
// to a subtree above it, is told.
func TestEvictedTopicsLeaveATrace(t *testing.T) {
	t.Parallel()
	overWays(t, func(t *testing.T, v venue) {
		r := newRig(t, v, rigging{config: server.Config{MaxHistoryBytes: 64 << 10}})
		from := r.hub.LastID()
		id := r.publish("old/one", "1", "2")[0]
		for i := range 400 {
			r.publish(fmt.Sprintf("new/%d", i), strings.Repeat("x", 1000))
		}
		if n := r.hub.TopicsHeld(); n > 60 {
			t.Fatalf("%d topics are held: nothing was evicted", n)
		}
		r.resume(id, "old/one").expectGap("evicted")
		r.resume(from, "old/one").expectGap("evicted")
		r.resume(id, "old/*").expectGap("evicted")
		r.resume(id, "old/two", "old/one").expectGap("evicted")
		up := r.resume(r.hub.LastID(), "old/one", "old/*")
		fresh := r.open("old/one")
		r.publish("old/one", "3")
		up.expect("3")
		fresh.expect("3")
	})
}

func TestOldEventsAreForgotten(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, server.Config{Retention: []server.Retention{{Topics: "*", Age: time.Second}}})
	id := s.Publish("a", "1", "2")[0]
	held := s.Hub.TopicsHeld()
	eventually(t, "the topic goes", func() bool {
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
	list := append([]venue{
		{name: "MaxConnsPerIP", why: "wrapped", path: "/events", listen: listenTCP},
		{name: "MaxConnsPerIP TLS", why: "tls", path: "/events", listen: listenTLS},
	}, venues...)
	overAll(t, list, func(t *testing.T, v venue) {
		r := newRig(t, v, rigging{server: func(s *fasthttp.Server) {
			if strings.HasPrefix(v.name, "MaxConns") {
				s.MaxConnsPerIP = 10
			}
		}})
		a, b := r.open("a"), r.open("a")
		r.publish("a", "1", "2")
		for _, c := range []*client{a, b} {
			c.expect("1", "2")
		}
		parked, why := int64(2), map[string]int64{}
		if v.parked && runtime.GOOS != "linux" {
			v.parked, v.why = false, "platform"
		}
		if !v.parked {
			parked, why = 0, map[string]int64{v.why: 2}
		}
		s := r.hub.Stats()
		if s.Subscribers != 2 || s.Parked != parked || s.Streamed != 2-parked || !maps.Equal(s.StreamedWhy, why) {
			t.Errorf("%d streams, %d parked, %d streamed %v; want %d parked, %v", s.Subscribers, s.Parked, s.Streamed, s.StreamedWhy, parked, why)
		}
		if s.Published != 2 || s.Opened != 2 || s.Topics != 1 || s.HistoryBytes == 0 {
			t.Errorf("%+v", s)
		}
		eventually(t, "the deliveries are counted", func() bool { return r.hub.Stats().Delivered == 4 })
		within(t, "Close", func() { r.hub.Close(context.Background()) })
		s = r.hub.Stats()
		if s.Subscribers != 0 || s.Parked != 0 || s.Streamed != 0 || s.Ended["closed"] != 2 || s.Delivered != 4 {
			t.Errorf("after Close: %+v", s)
		}
	})
}

// Not parallel: it sets a variable of the environment.
func TestPreforkIsWarnedOf(t *testing.T) {
	log := &logbook{}
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
