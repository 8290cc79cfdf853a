package server_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
)

// backplaneKinds are the kinds of connections that read back differently.
var backplaneKinds = []connKind{parkedTCP, streamedTCP, followTCP, connKinds[4]}

func eachBackplaneKind(t *testing.T, f func(t *testing.T, kind connKind)) {
	t.Helper()
	t.Parallel()
	forEachKind(t, backplaneKinds, f)
}

// on makes a hub on a feed.
func on(t *testing.T, f *feed, kind connKind, c server.Config) *harness {
	t.Helper()
	c.Backplane = f
	return newHarness(t, kind, setup{config: c, publish: server.PublishOptions{AllowAnyone: true}})
}

// reaches waits until the hub has an event.
func (h *harness) reaches(id string) {
	h.t.Helper()
	testkit.Eventually(h.t, "the hub has "+id, func() bool { return h.hub.LastID() == id })
}

func TestSeveralHubsAreOneFeed(t *testing.T) {
	eachBackplaneKind(t, func(t *testing.T, kind connKind) {
		f := newFeed(t)
		one, two := on(t, f, kind, server.Config{}), on(t, f, kind, server.Config{})
		c, d := one.open("a"), two.open("a")
		ids := one.publish("a", "1")
		ids = append(ids, two.publish("a", "2")...)
		ids = append(ids, one.publish("a", "3")...)
		c.expect("1", "2", "3")
		d.expect("1", "2", "3")
		if ids[0] != f.id(1) || ids[2] != f.id(3) || one.hub.LastID() != ids[2] {
			t.Errorf("ids %v, and the last %s", ids, one.hub.LastID())
		}
		two.reaches(ids[2])
		one.resume(ids[0], "a").expect("2", "3")
		two.resume(ids[0], "a").expect("2", "3")
		three := on(t, f, kind, server.Config{}) // started later
		three.resume(ids[0], "a").expect("2", "3")
		three.resume(f.id(0), "a").expect("1", "2", "3")
		if three.hub.LastID() != ids[2] || three.hub.Stats().Gaps != 0 {
			t.Errorf("the last id is %s, with %d gaps", three.hub.LastID(), three.hub.Stats().Gaps)
		}
		fresh := three.open("a")
		one.publish("a", "4")
		fresh.expect("4")
	})
}

// Whatever is published where and when, a stream that resumes at either hub gets each event
// once, in the order of all others.
func TestAnyIDResumesAtAnyHub(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	keep := server.Config{Retention: []server.Retention{{Topics: "*", Events: 20}}}
	hubs := []*harness{on(t, f, parkedTCP, keep), on(t, f, streamedTCP, keep)}
	const each, publishers = 150, 4
	clients := []*client{hubs[0].open("a", "b/*"), hubs[1].open("a", "b/*")}
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			for i := range each {
				_, err := hubs[p%2].hub.PublishAll([]server.Message{
					{Topic: "a", Event: streamwriter.Event{Data: fmt.Appendf(nil, "%d-%d a", p, i)}},
					{Topic: "b/" + fmt.Sprint(i%5), Event: streamwriter.Event{Data: fmt.Appendf(nil, "%d-%d b", p, i)}},
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	const total = 2 * each * publishers
	var orders [2][]string
	for k, c := range clients {
		wg.Go(func() {
			last := ""
			for at := k; len(orders[k]) < total; {
				e, err := c.read()
				last = or(c.dec.LastID, last)
				if err != nil || len(orders[k])%37 == 36 && e.Data != "" { // go to the other hub
					if err == nil {
						orders[k] = append(orders[k], e.Data)
					}
					c.leave()
					at = 1 - at
					c = hubs[at].resume(last, "a", "b/*")
					continue
				}
				if e.Type == "gap" {
					t.Errorf("gap: %+v", e)
					return
				}
				orders[k] = append(orders[k], e.Data)
			}
		})
	}
	testkit.Within(t, "all is published and read", wg.Wait)
	if !slices.Equal(orders[0], orders[1]) {
		t.Error("two streams have different orders")
	}
	next := map[string]int{}
	for i := 0; i < total; i += 2 {
		var p, n int
		if _, err := fmt.Sscanf(orders[0][i], "%d-%d a", &p, &n); err != nil || orders[0][i+1] != fmt.Sprintf("%d-%d b", p, n) {
			t.Fatalf("event %d is %q, and then %q", i, orders[0][i], orders[0][i+1])
		}
		if who := fmt.Sprint(p); next[who] != n {
			t.Fatalf("publisher %d: %d, want %d", p, n, next[who])
		} else {
			next[who]++
		}
	}
	if f.readsSeen() == 0 {
		t.Error("nothing was read back")
	}
}

// An event's age counts from when it was published, whenever the hub was started.
func TestAnEventsAgeHoldsAcrossRestarts(t *testing.T) {
	eachBackplaneKind(t, func(t *testing.T, kind connKind) {
		f := newFeed(t)
		for i, age := range []time.Duration{10 * time.Minute, 6 * time.Minute, time.Minute, -time.Hour} { // one clock is wrong
			f.put(server.EntryAt(time.Now().Add(-age), []server.Message{{Topic: "a", Event: streamwriter.Event{Data: fmt.Append(nil, i)}}}))
		}
		h := on(t, f, kind, server.Config{})
		c := h.resume(f.id(0), "a")
		c.expectGap("evicted")
		c.expect("2", "3")
		long := on(t, f, kind, server.Config{Retention: []server.Retention{{Topics: "*", Age: time.Hour}}})
		long.resume(f.id(0), "a").expect("0", "1", "2", "3")
		if n := long.hub.Stats().Gaps; n != 0 {
			t.Errorf("%d gaps", n)
		}
	})
}

// What comes is for the streams that are open, however old it is by the publisher's clock.
func TestAPublisherWhoseClockIsSlow(t *testing.T) {
	eachBackplaneKind(t, func(t *testing.T, kind connKind) {
		f := newFeed(t)
		h := on(t, f, kind, server.Config{})
		c := h.open("a")
		for i := range 100 {
			f.put(server.EntryAt(time.Now().Add(-time.Hour), []server.Message{{Topic: "a", Event: streamwriter.Event{Data: fmt.Append(nil, i)}}}))
			h.publish("b", "whose clock is right")
		}
		c.expect(numbers(0, 99)...)
		h.resume(f.id(1), "a").expect(numbers(1, 99)...)
		if s := h.hub.Stats(); s.Gaps != 0 || s.Ended["slow"] != 0 {
			t.Errorf("%d gaps, ended: %v", s.Gaps, s.Ended)
		}
	})
}
