package server_test

import (
	"context"
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
		f := newFeed()
		one, two := on(t, f, kind, server.Config{}), on(t, f, kind, server.Config{})
		c, d := one.open("a"), two.open("a")
		ids := one.publish("a", "1")
		ids = append(ids, two.publish("a", "2")...)
		ids = append(ids, one.publish("a", "3")...)
		c.expect("1", "2", "3")
		d.expect("1", "2", "3")
		if ids[0] != "feed1-1024" || ids[2] != "feed1-3072" || one.hub.LastID() != ids[2] {
			t.Errorf("ids %v, and the last %s", ids, one.hub.LastID())
		}
		two.reaches(ids[2])
		one.resume(ids[0], "a").expect("2", "3")
		two.resume(ids[0], "a").expect("2", "3")
		three := on(t, f, kind, server.Config{}) // started later
		three.resume(ids[0], "a").expect("2", "3")
		three.resume("feed1-0", "a").expect("1", "2", "3")
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
	f := newFeed()
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
	if f.reads == 0 {
		t.Error("nothing was read back")
	}
}

func TestWhatTheLogsNoLongerHoldIsReadBack(t *testing.T) {
	eachBackplaneKind(t, func(t *testing.T, kind connKind) {
		for _, step := range []uint64{1, 3} {
			f := newFeed()
			f.step = step
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
			if s := h.hub.Stats(); s.Gaps != 0 || s.Backplane.ReadBacks != 1 || f.reads < 5 {
				t.Errorf("%d gaps, %+v, %d reads", s.Gaps, s.Backplane, f.reads)
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
		f := newFeed()
		h := on(t, f, kind, server.Config{Retention: []server.Retention{{Topics: "*", Events: 5}}})
		first := h.publish("a", "0")[0]
		h.publish("a", numbers(1, 300)...)
		n, reads := 300, 0 // the opening's goroutine owns them
		f.change(func() {
			f.onRead = func() {
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
		f := newFeed()
		h := on(t, f, kind, server.Config{Retention: []server.Retention{{Topics: "*", Events: 5}}})
		ids := h.publish("a", numbers(1, 100)...)
		f.drop(50)
		c := h.resume(ids[9], "a")
		if gap := c.expectGap("evicted"); gap.ID != ids[9] {
			t.Errorf("the gap has id %s, want %s", gap.ID, ids[9])
		}
		c.expect(numbers(51, 100)...)
		h.resume(ids[59], "a").expect(numbers(61, 100)...)
		f.drop(100)
		none := h.resume(ids[9], "a")
		none.expectGap("evicted")
		none.expect(numbers(96, 100)...) // which the logs hold
		h.publish("a", "101")
		none.expect("101")
	})
}

func TestAnIDThatTheHubHasNotReached(t *testing.T) {
	eachBackplaneKind(t, func(t *testing.T, kind connKind) {
		f := newFeed()
		h := on(t, f, kind, server.Config{})
		ids := h.publish("a", "1")
		h.resume("feed1-9999999", "a").expectGap("ahead")
		h.resume("feed2-1024", "a").expectGap("epoch")
		h.resume("feed-2-1024", "a").expectGap("unknown")
		f.setDown(true)
		c := h.resume("feed1-2048", "a")
		if all, _ := c.rest(); len(all) != 0 || c.retry() == 0 {
			t.Errorf("got %+v", all)
		}
		h.resume(ids[0], "a") // which needs no broker
		if h.hub.Stats().RefusedWhy["backplane"] != 1 {
			t.Errorf("refused: %v", h.hub.Stats().RefusedWhy)
		}
	})
}

func TestABrokerThatCannotBeReached(t *testing.T) {
	eachBackplaneKind(t, func(t *testing.T, kind connKind) {
		f := newFeed()
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
			f := newFeed()
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
				f.drop(2)
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
		f := newFeed()
		h := on(t, f, kind, server.Config{Retry: time.Second})
		c := h.open("a")
		h.publish("a", "1", "2")
		c.expect("1", "2")
		f.anew("feed2")
		c.ends()
		testkit.Eventually(t, "the hub goes on", func() bool { return strings.HasPrefix(h.hub.LastID(), "feed2-") })
		back := h.resume(c.dec.LastID, "a")
		back.expectGap("epoch")
		if id := h.publish("a", "3")[0]; id != "feed2-1024" {
			t.Errorf("id %s", id)
		}
		back.expect("3")
		h.resume("feed2-1024", "a")
		h.streams(2)
		if s := h.hub.Stats(); s.Ended["drain"] != 1 || s.Delivered != 3 {
			t.Errorf("%+v", s)
		}
	})
}

// The hub may not have noticed yet that the stream is another.
func TestAPublishToAStreamThatWasMadeAnew(t *testing.T) {
	t.Parallel()
	f := newFeed()
	h := on(t, f, parkedTCP, server.Config{})
	h.publish("a", "1", "2", "3")
	f.anew("feed2")
	id, err := h.hub.Publish("a", streamwriter.Event{})
	if id != "feed2-1024" && !errors.Is(err, server.ErrUnknown) {
		t.Errorf("id %q, %v", id, err)
	}
}

func TestAKeyIsForOnePublish(t *testing.T) {
	t.Parallel()
	f := newFeed()
	for name, hubs := range map[string][]*harness{
		"alone":  {newHarness(t, parkedTCP, setup{publish: server.PublishOptions{AllowAnyone: true}})},
		"of two": {on(t, f, parkedTCP, server.Config{}), on(t, f, parkedTCP, server.Config{})},
	} {
		t.Run(name, func(t *testing.T) {
			messages := []server.Message{
				{Topic: "a", Event: streamwriter.Event{Data: []byte("1")}, Key: "k"},
				{Topic: "a", Event: streamwriter.Event{Data: []byte("2"), ID: "own"}},
			}
			c := hubs[0].open("a")
			var wg sync.WaitGroup
			var all [8][]string
			for i := range all {
				wg.Go(func() {
					var err error
					if all[i], err = hubs[i%len(hubs)].hub.PublishAll(messages); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			for _, ids := range all {
				if !slices.Equal(ids, all[0]) || len(ids) != 2 || ids[1] != "own" {
					t.Errorf("ids %v, and %v", ids, all[0])
				}
			}
			hubs[0].publish("a", "3")
			c.expect("1", "2", "3")
			messages[1].Key = "another"
			if _, err := hubs[0].hub.PublishAll(messages); err == nil || !strings.Contains(err.Error(), "key") {
				t.Errorf("two keys: %v", err)
			}
			messages[1].Key, messages[0].Key = "", strings.Repeat("k", 129)
			if _, err := hubs[0].hub.PublishAll(messages); err == nil || !strings.Contains(err.Error(), "128 bytes") {
				t.Errorf("a long key: %v", err)
			}
			var answers [2]string
			for i := range answers {
				q := request{method: "POST", path: "/publish", topics: []string{"a"}, headers: []string{"Idempotency-Key: k2", "Content-Length: 0"}}
				answers[i] = hubs[i%len(hubs)].post(q)
			}
			if answers[0] != answers[1] || !strings.Contains(answers[0], `"id"`) {
				t.Errorf("answers %q", answers)
			}
		})
	}
}

// post sends a request to publish, and returns status and body.
func (h *harness) post(q request) string {
	h.t.Helper()
	c := h.send(q)
	body := make([]byte, 4096)
	n, _ := c.r.Read(body)
	return c.status + " " + c.head.Get("Retry-After") + " " + string(body[:n])
}

func TestPublishingSaysWhetherItIsStored(t *testing.T) {
	t.Parallel()
	f := newFeed()
	h := on(t, f, parkedTCP, server.Config{PublishTimeout: 50 * time.Millisecond})
	c := h.open("a")
	q := request{method: "POST", path: "/publish", topics: []string{"a"}, headers: []string{"Idempotency-Key: k", "Content-Length: 0"}}
	f.change(func() { f.mute = true })
	if got := h.post(q); !strings.Contains(got, " 504 ") || !strings.Contains(got, "same key") {
		t.Errorf("no answer: %s", got)
	}
	f.change(func() { f.mute = false })
	if got := h.post(q); !strings.Contains(got, " 200 ") || !strings.Contains(got, "feed1-1024") {
		t.Errorf("again: %s", got)
	}
	c.expect("")
	f.change(func() { f.down, f.unheard = true, true })
	if got := h.post(q); !strings.Contains(got, " 503 ") || !strings.Contains(got, " 1 {") {
		t.Errorf("down: %s", got)
	}
	if n := h.hub.Stats().PublishErrors["backplane"]; n != 2 {
		t.Errorf("%d errors", n)
	}
}

func TestReadBacksEndWithTheHubAndByKick(t *testing.T) {
	eachBackplaneKind(t, func(t *testing.T, kind connKind) {
		for name, end := range map[string]func(h *harness){
			"drain": func(h *harness) { go h.hub.Drain(context.Background()) },
			"close": func(h *harness) { go h.hub.Close(context.Background()) },
			"kick":  func(h *harness) { h.hub.KickTopic("a") },
		} {
			f := newFeed()
			h := on(t, f, kind, server.Config{Retention: []server.Retention{{Topics: "*", Events: 5}}})
			first := h.publish("a", "0")[0]
			h.publish("a", numbers(1, 600)...)
			var once sync.Once
			n := 0
			f.change(func() {
				f.onRead = func() {
					if n++; n == 2 {
						once.Do(func() { end(h) })
						testkit.Eventually(t, name, func() bool { return name == "kick" || h.hub.Stats().State != "open" })
					}
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

func TestANewHubNeedsItsBroker(t *testing.T) {
	t.Parallel()
	f := newFeed()
	f.setDown(true)
	hub, err := server.New(server.Config{Backplane: f})
	if !errors.Is(err, errDown) || !strings.Contains(err.Error(), "check that the broker runs") {
		t.Errorf("%v", err)
	}
	if hub != nil {
		t.Error("there is a hub beside the error")
	}
}

// A slow reader that was disconnected has lost nothing when it comes back.
func TestASlowReaderResumesWithoutLoss(t *testing.T) {
	t.Parallel()
	f := newFeed()
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

// An event's age counts from when it was published, whenever the hub was started.
func TestAnEventsAgeHoldsAcrossRestarts(t *testing.T) {
	eachBackplaneKind(t, func(t *testing.T, kind connKind) {
		f := newFeed()
		for i, age := range []time.Duration{10 * time.Minute, 6 * time.Minute, time.Minute, -time.Hour} { // one clock is wrong
			f.put(server.EntryAt(time.Now().Add(-age), []server.Message{{Topic: "a", Event: streamwriter.Event{Data: fmt.Append(nil, i)}}}))
		}
		h := on(t, f, kind, server.Config{})
		c := h.resume("feed1-0", "a")
		c.expectGap("evicted")
		c.expect("2", "3")
		long := on(t, f, kind, server.Config{Retention: []server.Retention{{Topics: "*", Age: time.Hour}}})
		long.resume("feed1-0", "a").expect("0", "1", "2", "3")
		if n := long.hub.Stats().Gaps; n != 0 {
			t.Errorf("%d gaps", n)
		}
	})
}

// A hub begins with the newest entries; older ones are read back.
func TestAHubBeginsWithTheNewestEntries(t *testing.T) {
	t.Parallel()
	f := newFeed()
	const all = 2000
	for i := range all {
		f.put(server.EntryAt(time.Now(), []server.Message{{Topic: "a/" + fmt.Sprint(i%2), Event: streamwriter.Event{Data: fmt.Append(nil, i)}}}))
	}
	h := on(t, f, parkedTCP, server.Config{})
	before := f.reads
	h.resume("feed1-512000", "a/*").expect(numbers(500, all-1)...)
	if n := h.hub.Stats().Backplane.ReadBacks; n != 1 || f.reads-before > 3 {
		t.Errorf("%d read-backs, %d reads", n, f.reads-before)
	}
	h.resume(fmt.Sprintf("feed1-%d", 1500*1024), "a/*").expect(numbers(1500, all-1)...)
	if n := h.hub.Stats().Backplane.ReadBacks; n != 1 {
		t.Errorf("%d read-backs", n)
	}
}

// The broker comes and goes, and sometimes does not answer. Publishers repeat what was not
// confirmed, with its key: every event is there once, in the order of its publisher.
func TestABrokerThatComesAndGoes(t *testing.T) {
	t.Parallel()
	f := newFeed()
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
				f.change(func() { f.down, f.mute = false, false })
				return
			case <-time.After(20 * time.Millisecond):
				f.change(func() { f.down, f.mute = n%4 == 1, n%4 == 3 })
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
