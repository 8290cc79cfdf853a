package server_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
)

// One test for each promise of the package.

// Within a topic every reader sees publish order. A stream of several topics
// sees one order, that of Publish.
func TestPromise1Order(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{})
		const publishers, each = 4, 150
		one, other := h.open("a"), h.open("a")
		both, tree := h.open("a", "b"), h.open("t/*", "b", "a")
		var publishing sync.WaitGroup
		for p := range publishers {
			publishing.Go(func() {
				for i := range each {
					h.publish("a", fmt.Sprintf("a %d %d", p, i))
					h.publish("b", fmt.Sprintf("b %d %d", p, i))
				}
			})
		}
		publishing.Wait()
		read := func(c *client, n int) (events []testkit.Event) {
			t.Helper()
			for range n {
				events = append(events, c.next())
			}
			return events
		}
		onA, onAToo := read(one, publishers*each), read(other, publishers*each)
		onBoth, onTree := read(both, 2*publishers*each), read(tree, 2*publishers*each)
		if !slices.Equal(onA, onAToo) {
			t.Error("two readers of a topic saw different orders")
		}
		if !slices.Equal(onBoth, onTree) {
			t.Error("two readers of several topics saw different orders")
		}
		ofA := slices.DeleteFunc(slices.Clone(onBoth), func(e testkit.Event) bool { return e.Data[0] != 'a' })
		if !slices.Equal(ofA, onA) {
			t.Error("a topic's order depends on what it is read with")
		}
		// Of one publisher, a stream of both topics sees the order of its calls.
		next := map[string]int{}
		for i, e := range onBoth {
			var topic string
			var p, n int
			if _, err := fmt.Sscan(e.Data, &topic, &p, &n); err != nil {
				t.Fatal(err)
			}
			step := 2 * n
			if topic == "b" {
				step++
			}
			who := fmt.Sprint(p)
			if next[who] != step {
				t.Fatalf("event %d: publisher %d's step %d, want %d", i, p, step, next[who])
			}
			next[who]++
			if i > 0 && seqOf(t, onBoth[i-1].ID) >= seqOf(t, e.ID) {
				t.Fatalf("id %s after %s", e.ID, onBoth[i-1].ID)
			}
		}
	})
}

// Every event has an id <epoch>-<seq>. seq is hub-wide, so one Last-Event-ID
// resumes a stream of several topics. A publisher's own id is sent instead.
func TestPromise2Ids(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[A-Za-z0-9_.:-]+-[0-9]+$`)
	epochs := map[string]bool{}
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{})
		c := h.open("a", "b", "c")
		var ids []string
		for i := range 30 {
			ids = append(ids, h.publish([]string{"a", "b", "c"}[i%3], fmt.Sprint(i))...)
		}
		for i, id := range ids {
			if e := c.next(); e.ID != id || len(id) > 128 || !form.MatchString(id) || seqOf(t, id) != uint64(i+1) {
				t.Fatalf("event %d is %+v, published as %s", i, e, id)
			}
		}
		h.resume(ids[9], "c", "a", "b").expect(numbers(10, 29)...)
		h.publishAs("a", "goal-of-the-day", "30")
		h.publish("b", "31")
		if e := c.next(); e.ID != "goal-of-the-day" {
			t.Errorf("got %+v", e)
		}
		h.resume("goal-of-the-day", "a", "b").expect("31")
		epoch, _, _ := strings.Cut(ids[0], "-")
		if epochs[epoch] {
			t.Errorf("epoch %s is not fresh", epoch)
		}
		epochs[epoch] = true
	})
}

// A stream that resumes gets exactly what it missed, once, in order, or is first
// told that this is no longer possible.
func TestPromise3NothingLostSilently(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		const n, keeps = 60, 20
		h := newHarness(t, kind, setup{config: server.Config{Retention: []server.Retention{{Topics: "*", Events: keeps}}}})
		from := h.hub.LastID()
		ids := append([]string{from}, h.publish("a", numbers(1, n)...)...)
		for _, topics := range [][]string{{"a"}, {"a", "b"}} {
			for seen, id := range ids {
				c := h.resume(id, topics...)
				if seen < n-keeps {
					c.expectGap("evicted")
					seen = n - keeps
				}
				c.expect(numbers(seen+1, n)...)
				c.leave()
			}
		}
		fresh := h.open("a")
		foreign := h.resume("anothers-1", "a")
		foreign.expectGap("epoch")
		foreign.expect(numbers(n-keeps+1, n)...)
		h.publish("a", "last")
		fresh.expect("last")
		foreign.expect("last")
	})
}

// A stalled reader costs the others nothing: not latency, not memory, not
// heartbeats.
func TestPromise4NobodyWaitsForAnybody(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		const window = 4 << 20
		h := newHarness(t, kind, setup{config: server.Config{
			Shards:          1, // all of them side by side
			Heartbeat:       100 * time.Millisecond,
			SlowSubscribers: server.Skip,
			Retention:       []server.Retention{{Topics: "*", Bytes: window}},
		}})
		for range 5 {
			h.open("a")
		}
		healthy, quiet := h.open("a"), h.open("quiet")
		var slowest time.Duration
		for i := 1; i <= manyLarge; i++ {
			start := time.Now()
			h.publish("a", largeEvent(i))
			contiguous(t, []testkit.Event{healthy.next()}, i)
			slowest = max(slowest, time.Since(start))
		}
		if slowest > 3*time.Second {
			t.Errorf("an event took %v", slowest)
		}
		if held := h.hub.Stats().HistoryBytes; held > window*2 { // segments have room to spare
			t.Errorf("%d bytes are held for a window of %d", held, window)
		}
		if n := h.hub.Stats().Subscribers; n != 7 {
			t.Errorf("%d streams, want 7: nobody was to be cut", n)
		}
		if n := quiet.listen(time.Second); n < 4 {
			t.Errorf("%d heartbeats in ten intervals", n)
		}
	})
}

// A comment at most every Heartbeat of silence. (That a peer which vanished is
// noticed: TestPromise5VanishedPeerIsNoticed.)
func TestPromise5QuietIsToldFromDead(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		const heartbeat = 300 * time.Millisecond
		h := newHarness(t, kind, setup{config: server.Config{Heartbeat: heartbeat, Shards: 1}})
		h.stall("a") // one that takes nothing delays nobody's
		c := h.open("quiet")
		buf := make([]byte, 4096)
		last, late := time.Now(), 0
		for range 6 {
			if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			if _, err := c.conn.Read(buf); err != nil {
				t.Fatal(err)
			}
			if time.Since(last) > 4*heartbeat { // of which three are a busy machine's
				late++
			}
			last = time.Now()
		}
		if late > 2 {
			t.Errorf("silent for more than %v %d times of 6", 4*heartbeat, late)
		}
	})
}

// Publish takes what it takes, whatever readers do.
func TestPromise6PublishNeverBlocksOnReaders(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{SlowSubscribers: server.Skip, Heartbeat: 50 * time.Millisecond}})
		for range 3 {
			h.open("a", "b")
			h.stall("a")
		}
		testkit.Within(t, "2,000 events are published", func() {
			for i := range 2000 {
				start := time.Now()
				if _, err := h.hub.Publish("a", streamwriter.Event{Data: []byte(largeEvent(i))}); err != nil {
					t.Error(err)
				}
				if took := time.Since(start); took > 2*time.Second {
					t.Errorf("an event took %v to publish", took)
				}
			}
		})
	})
}

// Draining ends every stream between two events, after a reconnection time
// drawn at random for it; it loses nothing that was published before.
func TestPromise7Drain(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		const streams, retry = 40, time.Second
		h := newHarness(t, kind, setup{config: server.Config{Retry: retry}})
		var clients []*client
		for i := range streams {
			clients = append(clients, h.open([]string{"a", "b"}[i%2:]...)) // a and b, or b alone
		}
		for i := range 200 {
			h.publish([]string{"a", "b"}[i%2], fmt.Sprint(i))
		}
		start := time.Now()
		if err := h.hub.Drain(timeout(t, patience)); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > patience/2 {
			t.Errorf("took %v", took)
		}
		times := map[time.Duration]bool{}
		for i, c := range clients {
			c.expectDrained(retry, func() {
				for n := range 200 {
					if i%2 == 0 || n%2 == 1 {
						c.expect(fmt.Sprint(n))
					}
				}
				c.ends()
			})
			times[c.retry()] = true
		}
		if len(times) < streams/4 {
			t.Errorf("%d streams come back at %d times", streams, len(times))
		}
		late := h.send(request{topics: []string{"a"}})
		late.expectRetry(3*time.Second, late.ends)
	})
}
