package server_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/backplane/backplanetest"
	"github.com/fastsse/fastsse/streamwriter"
)

func TestWhatTheLogsNoLongerHoldIsReadBack(t *testing.T) {
	eachBackplaneKind(t, func(t *testing.T, kind connKind) {
		for _, holes := range []uint64{0, 2} {
			f := newFeed(t)
			f.Set(backplanetest.Faults{Holes: holes})
			h := on(t, f, kind, server.Config{Retention: []server.Retention{{Topics: "*", Events: 10}}})
			first := h.publish("a", "0")[0]
			h.ephemeral("a", "never replayed")
			var want []string
			for i := 1; i <= 1000; i++ {
				if i%2 == 0 {
					h.publish("other", "x")
				}
				h.publish("a", fmt.Sprint(i))
				want = append(want, fmt.Sprint(i))
			}
			h.publishAs("a", "own", "1001")
			c := h.resume(first, "a")
			h.publish("a", "1002")
			c.expect(append(want, "1001", "1002")...)
			testkit.Eventually(t, "1002 are delivered", func() bool { return h.hub.Stats().Delivered == 1002 })
			if s := h.hub.Stats(); s.Gaps != 0 || s.Backplane.ReadBacks != 1 || f.readsSeen() < 5 {
				t.Errorf("%d gaps, %+v, %d reads", s.Gaps, s.Backplane, f.readsSeen())
			}
			sub := h.resume(first, "a/*", "other")
			for range 500 {
				sub.expect("x")
			}
		}
	})
}

// What comes while a stream is being read back is neither lost nor doubled, ephemeral
// events included.
func TestReadBackMeetsWhatIsPublishedMeanwhile(t *testing.T) {
	eachBackplaneKind(t, func(t *testing.T, kind connKind) {
		f := newFeed(t)
		h := on(t, f, kind, server.Config{Retention: []server.Retention{{Topics: "*", Events: 5}}})
		first := h.publish("a", "0")[0]
		h.publish("a", numbers(1, 300)...)
		n, reads := 300, 0 // the opening's goroutine owns them
		f.whenRead(func() {
			if reads++; reads > 2 {
				return
			}
			for i := range 21 {
				if n++; i == 0 {
					h.ephemeral("a", fmt.Sprint(n))
				} else {
					h.publish("a", fmt.Sprint(n))
				}
			}
		})
		c := h.resume(first, "a")
		c.expect(numbers(1, 342)...)
		h.publish("a", "343")
		c.expect("343")
		if h.hub.Stats().Gaps != 0 {
			t.Error("a gap")
		}
	})
}

func TestAGapIsWhatTheBrokerNoLongerHas(t *testing.T) {
	eachBackplaneKind(t, func(t *testing.T, kind connKind) {
		f := newFeed(t)
		h := on(t, f, kind, server.Config{Retention: []server.Retention{{Topics: "*", Events: 5}}})
		ids := h.publish("a", numbers(1, 100)...)
		f.memory.Drop(50)
		c := h.resume(ids[9], "a")
		if gap := c.expectGap("evicted"); gap.ID != ids[9] {
			t.Errorf("the gap has id %s, want %s", gap.ID, ids[9])
		}
		c.expect(numbers(51, 100)...)
		h.resume(ids[59], "a").expect(numbers(61, 100)...)
		f.memory.Drop(0)
		none := h.resume(ids[9], "a")
		none.expectGap("evicted")
		none.expect(numbers(96, 100)...) // which the logs hold
		h.publish("a", "101")
		none.expect("101")
	})
}

func TestAnIDThatTheHubHasNotReached(t *testing.T) {
	eachBackplaneKind(t, func(t *testing.T, kind connKind) {
		f := newFeed(t)
		h := on(t, f, kind, server.Config{})
		ids := h.publish("a", "1")
		h.resume(f.id(9999), "a").expectGap("ahead")
		h.resume("x"+f.id(1)[1:], "a").expectGap("epoch")
		h.resume("feed-2-1024", "a").expectGap("unknown")
		f.setDown(true)
		c := h.resume(f.id(2), "a")
		if all, _ := c.rest(); len(all) != 0 || c.retry() == 0 {
			t.Errorf("got %+v", all)
		}
		h.resume(ids[0], "a") // which needs no broker
		if h.hub.Stats().RefusedWhy["backplane"] != 1 {
			t.Errorf("refused: %v", h.hub.Stats().RefusedWhy)
		}
	})
}

func TestReadBacksEndWithTheHubAndByKick(t *testing.T) {
	eachBackplaneKind(t, func(t *testing.T, kind connKind) {
		for name, end := range map[string]func(h *harness){
			"drain": func(h *harness) { go h.hub.Drain(context.Background()) },
			"close": func(h *harness) { go h.hub.Close(context.Background()) },
			"kick":  func(h *harness) { h.hub.KickTopic("a") },
		} {
			f := newFeed(t)
			h := on(t, f, kind, server.Config{Retention: []server.Retention{{Topics: "*", Events: 5}}})
			first := h.publish("a", "0")[0]
			h.publish("a", numbers(1, 600)...)
			var once sync.Once
			n := 0
			f.whenRead(func() {
				if n++; n == 2 {
					once.Do(func() { end(h) })
					testkit.Eventually(t, name, func() bool { return name == "kick" || h.hub.Stats().State != "open" })
				}
			})
			c := h.resume(first, "a")
			all, _ := c.rest()
			if len(all) == 0 || len(all) > 550 || c.retry() == 0 && kind.path != "/follow" {
				t.Errorf("%s: %d events, retry %v", name, len(all), c.retry())
			}
			for i, e := range all {
				if e.Data != fmt.Sprint(i+1) {
					t.Fatalf("event %d: %+v", i, e)
				}
			}
			h.ended(map[string]server.Reason{"drain": server.ReasonDrain, "close": server.ReasonClosed, "kick": server.ReasonKicked}[name], 1)
			if err := h.hub.Close(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
}

// A slow reader that was disconnected has lost nothing when it comes back.
func TestASlowReaderResumesWithoutLoss(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	h := on(t, f, parkedTCP, server.Config{Retention: []server.Retention{{Topics: "*", Events: 3}}, SendBuffer: 4096})
	c := h.open("a")
	big := strings.Repeat("x", 50<<10)
	for i := range 400 {
		h.publish("a", fmt.Sprint(i, " ", big))
	}
	h.ended(server.ReasonSlow, 1)
	n := 0
	check := func(data string) {
		if !strings.HasPrefix(data, fmt.Sprint(n, " ")) {
			t.Fatalf("got %.20q, want event %d", data, n)
		}
		n++
	}
	all, _ := c.rest()
	for _, e := range all {
		check(e.Data)
	}
	c = h.resume(c.dec.LastID, "a")
	for n < 400 {
		check(c.next().Data)
	}
}

// A hub begins with the newest entries; older ones are read back.
func TestAHubBeginsWithTheNewestEntries(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	const all = 2000
	for i := range all {
		f.put(server.EntryAt(time.Now(), []server.Message{{Topic: "a/" + fmt.Sprint(i%2), Event: streamwriter.Event{Data: fmt.Append(nil, i)}}}))
	}
	h := on(t, f, parkedTCP, server.Config{})
	before := f.readsSeen()
	h.resume(f.id(500), "a/*").expect(numbers(500, all-1)...)
	if n := h.hub.Stats().Backplane.ReadBacks; n != 1 || f.readsSeen()-before > 4 {
		t.Errorf("%d read-backs, %d reads", n, f.readsSeen()-before)
	}
	h.resume(f.id(1500), "a/*").expect(numbers(1500, all-1)...)
	if n := h.hub.Stats().Backplane.ReadBacks; n != 1 {
		t.Errorf("%d read-backs", n)
	}
}
