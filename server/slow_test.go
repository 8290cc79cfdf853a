package server_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
)

// largeEvent is the data of a numbered event, 32 KiB: a few hundred fill every buffer of
// the kernel.
func largeEvent(i int) string { return strconv.Itoa(i) + "|" + strings.Repeat("x", 32<<10) }

func numberOf(t *testing.T, e testkit.Event) int {
	t.Helper()
	n, _, _ := strings.Cut(e.Data, "|")
	i, err := strconv.Atoi(n)
	if err != nil {
		t.Fatalf("got %.100v, which has no number", e)
	}
	return i
}

// contiguous checks that the events are from first on, without a hole, and
// returns the number after the last.
func contiguous(t *testing.T, events []testkit.Event, first int) int {
	t.Helper()
	for i, e := range events {
		if n := numberOf(t, e); n != first+i {
			t.Fatalf("got %d after %d", n, first+i-1)
		}
	}
	return first + len(events)
}

// smallWindow is a hub that forgets fast and looks at its streams often.
func smallWindow(p server.SlowSubscriberPolicy) server.Config {
	return server.Config{
		SlowSubscribers: p,
		Heartbeat:       40 * time.Millisecond,
		Retention:       []server.Retention{{Topics: "*", Events: 8}},
	}
}

const manyLarge = 320 // 10 MiB: loopback's buffers take 4 from a writer whose reader reads nothing

// stall opens a stream on topic and publishes while its reader reads nothing,
// more than the kernel takes.
func (h *harness) stall(topic string) (stalled *client) {
	h.t.Helper()
	stalled = h.open(topic)
	for i := 1; i <= manyLarge; i++ {
		h.publish(topic, largeEvent(i))
	}
	return stalled
}

func TestSlowReaderIsDisconnected(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		for _, topics := range [][]string{{"a"}, {"a", "b"}} {
			h := newHarness(t, kind, setup{config: smallWindow(server.Disconnect)})
			c := h.stall("a")
			if kind.parked {
				h.ended(server.ReasonSlow, 1) // although it reads nothing
			}
			got, clean := c.rest()
			last := contiguous(t, got, 1)
			if last > manyLarge {
				t.Fatal("nothing was left out: the test did not stall the reader")
			}
			h.ended(server.ReasonSlow, 1)
			h.streams(0)
			if aborted := h.hub.Stats().Aborted == 1; aborted == clean {
				t.Errorf("a clean end: %v; counted as aborted: %v", clean, aborted)
			}
			back := h.resume(c.dec.LastID, topics...)
			back.expectGap("evicted")
			for i := manyLarge - 7; i <= manyLarge; i++ {
				if n := numberOf(t, back.next()); n != i {
					t.Fatalf("got %d after the gap, want %d", n, i)
				}
			}
		}
	})
}

func TestSlowReaderSkips(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		if kind.name == "in memory" {
			t.Skip("its buffers have no end: nobody is slow")
		}
		h := newHarness(t, kind, setup{config: smallWindow(server.Skip)})
		c := h.stall("a")
		want, gaps := 1, 0
		for want <= manyLarge {
			e := c.next()
			if e.Type == "gap" {
				for ; e.Type == "gap"; e = c.next() { // more may be forgotten at any time
					gaps++
					if !strings.Contains(e.Data, `"reason":"slow"`) {
						t.Errorf("got %+v", e)
					}
				}
				if n := numberOf(t, e); n <= want {
					t.Fatalf("got %d after a gap, want one after %d", n, want)
				}
				want = numberOf(t, e)
			}
			want = contiguous(t, []testkit.Event{e}, want)
		}
		if gaps == 0 {
			t.Error("nothing was left out: the test did not stall the reader")
		}
		testkit.Eventually(t, "the gaps are counted", func() bool { return h.hub.Stats().Gaps == int64(gaps) })
		h.publish("a", largeEvent(want))
		contiguous(t, []testkit.Event{c.next()}, want)
	})
}

// One event that no buffer holds: the reader is inside it when it falls off.
func TestSlowReaderInsideAnEvent(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		for _, policy := range []server.SlowSubscriberPolicy{server.Disconnect, server.Skip} {
			for _, topics := range [][]string{{"a"}, {"a", "b"}} {
				t.Run(fmt.Sprintf("policy %d, %d topics", policy, len(topics)), func(t *testing.T) {
					config := smallWindow(policy)
					config.MaxEventBytes = len(huge)
					config.Retention = []server.Retention{{Topics: "*", Events: 1}}
					h := newHarness(t, kind, setup{config: config})
					c := h.open(topics...)
					h.publish("a", "0|")
					contiguous(t, []testkit.Event{c.next()}, 0)
					h.publish("a", huge)
					// Go on only when it, not a few heartbeats, has begun to
					// arrive: else the reader falls off between two events.
					if _, err := c.r.Peek(c.r.Buffered() + 500); err != nil {
						t.Fatal(err)
					}
					h.publish("a", "2|", "3|")
					if policy == server.Disconnect && kind.parked {
						h.ended(server.ReasonSlow, 1)
						if got, clean := c.rest(); len(got) != 0 || clean || c.dec.LastID == "" {
							t.Errorf("got %d events, a clean end: %v", len(got), clean)
						}
						if n := h.hub.Stats().Aborted; n != 1 {
							t.Errorf("%d are counted as aborted", n)
						}
						return
					}
					contiguous(t, []testkit.Event{c.next()}, 1) // a goroutine finishes what it began
					if policy == server.Disconnect {
						c.ends()
						h.ended(server.ReasonSlow, 1)
						return
					}
					c.expectGap("slow")
					contiguous(t, []testkit.Event{c.next()}, 3)
				})
			}
		}
	})
}

// A streamed write that nobody takes is given up after Config.WriteTimeout.
func TestWriteTimeoutCutsAStalledStreamedReader(t *testing.T) {
	t.Parallel()
	forEachKind(t, []connKind{streamedTCP, followTCP}, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{
			WriteTimeout: 200 * time.Millisecond,
			Retention:    []server.Retention{{Topics: "*", Bytes: 64 << 20}},
		}})
		c := h.stall("a")
		h.ended(server.ReasonTimeout, 1)
		got, clean := c.rest()
		if contiguous(t, got, 1) > manyLarge || clean {
			t.Errorf("got %d events, a clean end: %v", len(got), clean)
		}
		h.resume(c.dec.LastID, "a").next()
	})
}

// A parked stream that is to end, and whose reader does not even take its last
// words, is not kept for ever.
func TestAStalledReaderThatIsToLeaveIsCut(t *testing.T) {
	t.Parallel()
	h := newHarness(t, parkedTCP, setup{config: server.Config{
		Heartbeat: 100 * time.Millisecond,
		Retention: []server.Retention{{Topics: "*", Bytes: 64 << 20}},
	}})
	stalled := h.stall("a")
	h.streams(1)
	h.hub.Kick(func(server.Subscriber) bool { return true })
	h.ended(server.ReasonKicked, 1)
	h.streams(0)
	got, _ := stalled.rest()
	contiguous(t, got, 1)
}
