package server_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/backplane"
	"github.com/fastsse/fastsse/server/backplane/backplanetest"
	"github.com/fastsse/fastsse/streamwriter"
)

func TestABrokerThatCannotBeReached(t *testing.T) {
	eachBackplaneKind(t, func(t *testing.T, kind connKind) {
		f := newFeed(t)
		h, other := on(t, f, kind, server.Config{}), on(t, f, kind, server.Config{})
		c := h.open("a")
		h.publish("a", "1")
		c.expect("1")
		f.setDown(true)
		testkit.Eventually(t, "the hub notices", func() bool { return h.log.has("cannot be read") })
		if _, err := h.hub.Publish("a", streamwriter.Event{}); !errors.Is(err, backplane.ErrRefused) || errors.Is(err, server.ErrUnknown) {
			t.Errorf("publish: %v", err)
		}
		f.setDown(false)
		other.publish("a", "2")
		h.publish("a", "3")
		c.expect("2", "3")
		if s := h.hub.Stats(); s.Gaps != 0 || s.PublishErrors["backplane"] != 1 || s.Subscribers != 1 {
			t.Errorf("%+v", s)
		}
		if s := *h.hub.Stats().Backplane; s != (server.BackplaneStats{Connected: true, Reconnects: 1}) {
			t.Errorf("%+v", s)
		}
	})
}

// A hub is told by the broker what it was not there for: the streams get a gap.
func TestWhatWasDroppedBeforeTheHubReadItIsAGap(t *testing.T) {
	eachBackplaneKind(t, func(t *testing.T, kind connKind) {
		for _, undecodable := range []bool{false, true} {
			f := newFeed(t)
			h := on(t, f, kind, server.Config{SlowSubscribers: server.Skip})
			ends := on(t, f, kind, server.Config{})
			c, d := h.open("a"), ends.open("a")
			at := h.publish("a", "1")[0]
			c.expect("1")
			d.expect("1")
			ends.reaches(at)
			if undecodable {
				f.put([]byte{99})
			} else {
				f.setDown(true)
				testkit.Eventually(t, "the hubs notice", func() bool { return h.log.has("cannot be read") && ends.log.has("cannot be read") })
				f.put([]byte{99})
				f.memory.Drop(0)
				f.setDown(false)
			}
			c.expectGap("slow")
			d.ends()
			back := ends.resume(d.dec.LastID, "a")
			back.expectGap("evicted")
			h.publish("a", "2")
			c.expect("2")
			back.expect("2")
			at = back.dec.LastID
			ends.reaches(at)
			again := ends.resume(at, "a") // whose client was told
			h.publish("a", "3")
			again.expect("3")
		}
	})
}

func TestAStreamThatWasMadeAnew(t *testing.T) {
	eachBackplaneKind(t, func(t *testing.T, kind connKind) {
		f := newFeed(t)
		h := on(t, f, kind, server.Config{Retry: time.Second})
		c := h.open("a")
		h.publish("a", "1", "2")
		c.expect("1", "2")
		f.memory.Remake()
		c.ends()
		testkit.Eventually(t, "the hub goes on", func() bool { return h.hub.LastID() == f.id(0) })
		back := h.resume(c.dec.LastID, "a")
		back.expectGap("epoch")
		if id := h.publish("a", "3")[0]; id != f.id(1) {
			t.Errorf("id %s", id)
		}
		back.expect("3")
		h.resume(f.id(1), "a")
		h.streams(2)
		testkit.Eventually(t, "the deliveries are counted", func() bool { return h.hub.Stats().Delivered >= 3 })
		if s := h.hub.Stats(); s.Ended["drain"] != 1 || s.Delivered != 3 {
			t.Errorf("%+v", s)
		}
	})
}

func TestANewHubNeedsItsBroker(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	f.setDown(true)
	hub, err := server.New(server.Config{Backplane: f})
	if !errors.Is(err, backplanetest.ErrUnreachable) || !strings.Contains(err.Error(), "check that the broker runs") {
		t.Errorf("%v", err)
	}
	if hub != nil {
		t.Error("there is a hub beside the error")
	}
}

// The broker comes and goes, and sometimes does not answer. Publishers repeat what was not
// confirmed, with its key: every event is there once, in the order of its publisher.
func TestABrokerThatComesAndGoes(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	c := server.Config{PublishTimeout: 20 * time.Millisecond, Retention: []server.Retention{{Topics: "*", Events: 10}}}
	hubs := []*harness{on(t, f, parkedTCP, c), on(t, f, streamedTCP, c)}
	clients := []*client{hubs[0].open("a"), hubs[1].open("a")}
	const each, publishers = 40, 4
	stop := make(chan struct{})
	var trouble, wg sync.WaitGroup
	trouble.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				f.Set(backplanetest.Faults{})
				return
			case <-time.After(20 * time.Millisecond):
				f.Set(backplanetest.Faults{Unreachable: n%4 == 1, LoseAcks: n%4 == 3})
			}
		}
	})
	var failed atomic.Int64
	for p := range publishers {
		wg.Go(func() {
			for i := range each {
				time.Sleep(5 * time.Millisecond) // so that the publishers meet all of it
				m := []server.Message{{Topic: "a", Event: streamwriter.Event{Data: fmt.Appendf(nil, "%d %d", p, i)}, Key: fmt.Sprint(p, " ", i)}}
				for n := 0; ; n++ {
					_, err := hubs[(p+n)%2].hub.PublishAll(m)
					if err == nil {
						break
					}
					failed.Add(1)
					time.Sleep(5 * time.Millisecond) // as a publisher would
					if !errors.Is(err, server.ErrUnknown) && !errors.Is(err, backplane.ErrRefused) {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	var orders [2][]string
	for k, c := range clients {
		wg.Go(func() {
			last := ""
			for len(orders[k]) < each*publishers {
				e, err := c.read()
				switch last = or(c.dec.LastID, last); {
				case err != nil: // it was too slow, or told to come back later
					c = hubs[k].resume(last, "a")
				case e.Type == "gap":
					t.Errorf("gap: %+v", e)
					return
				default:
					orders[k] = append(orders[k], e.Data)
				}
			}
		})
	}
	testkit.Within(t, "all is published and read", wg.Wait)
	close(stop)
	trouble.Wait()
	if !slices.Equal(orders[0], orders[1]) || failed.Load() == 0 {
		t.Errorf("different orders, or nothing has failed (%d)", failed.Load())
	}
	var next [publishers]int
	for _, data := range orders[0] {
		var p, n int
		if _, err := fmt.Sscanf(data, "%d %d", &p, &n); err != nil || next[p] != n {
			t.Fatalf("got %q, want number %d of it", data, next[p])
		}
		next[p]++
	}
}
