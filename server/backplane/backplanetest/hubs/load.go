package hubs

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/backplane/backplanetest"
	"github.com/fastsse/fastsse/streamwriter"
)

// slow holds up what one hub reads.
func slow(t testing.TB, f *backplanetest.Feed) {
	hubs := two(t, f, func(c *server.Config) { c.PublishTimeout = 2 * testkit.Patience })
	held, free := subscribe(t, "", "a", hubs[0]), subscribe(t, "", "a", hubs[1])
	fill("a", hubs, numbers(1, 2)...)
	held.until("2")
	hubs[0].line.holdUp()
	for _, n := range numbers(3, 502) {
		hubs[1].publish("a", n)
	}
	free.expect(numbers(1, 502)...)
	through := make(chan answer, 1)
	go func() {
		a, err := hubs[0].post("a", "", "503")
		if err != nil {
			t.Error(err)
		}
		through <- a
	}()
	free.expect(numbers(1, 503)...)
	heartbeats(t, 3, []*subscriber{held})
	late := subscribe(t, "", "a", hubs[0])
	ahead := subscribe(t, hubs[1].Hub.LastID(), "a", hubs[0])
	if n := len(held.events()); n > 3 {
		t.Errorf("the hub that is held up has sent %d events", n)
	}
	hubs[0].line.release()
	held.expect(numbers(1, 503)...)
	late.until("503")
	if a := testkit.Receive(t, "the publish returns", through); a.status != http.StatusOK || a.id != hubs[1].Hub.LastID() {
		t.Errorf("the publish through the hub that was held up: %v; the last id is %s", a, hubs[1].Hub.LastID())
	}
	hubs[0].publish("a", "504")
	ahead.expect("504")
}

// further has a client that was further, at another hub, than the hub that it comes to. That
// hub cannot ask the broker at first, and lags behind it afterwards.
func further(t testing.TB, f *backplanetest.Feed) {
	hubs := two(t, f)
	s := subscribe(t, "", "a", append([]*hub{hubs[0]}, slices.Repeat(hubs[1:], 1000)...)...)
	hubs[1].has(hubs[0].publish("a", "1"))
	hubs[1].line.holdUp()
	hubs[0].publish("a", "2")
	s.until("2")
	hubs[1].line.cutOff()
	hubs[1].connected(false)
	s.leave()
	testkit.Eventually(t, "the client was told to come back", func() bool { return s.opened() > 2 })
	hubs[1].line.mend()
	hubs[1].connected(true)
	heartbeats(t, 3, []*subscriber{s})
	hubs[1].line.release()
	hubs[0].publish("a", "3")
	s.expect("1", "2", "3")
}

// large publishes what is large.
func large(t testing.TB, f *backplanetest.Feed) {
	hubs := two(t, f)
	subscribers := []*subscriber{subscribe(t, "", "few/x", hubs[0]), subscribe(t, "", "few/x", hubs[1]), subscribe(t, "", "few/x", hubs...)}
	first := hubs[0].publish("few/x", "0")
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() { hubs[i%2].retry("few/x", fmt.Sprint(i), strings.Repeat(fmt.Sprintf("%06d ", i), 200<<10/7)) })
	}
	for i := range 4 {
		all.Go(func() {
			messages := make([]server.Message, 1000)
			for k := range messages {
				messages[k] = server.Message{Topic: "few/x", Event: streamwriter.Event{Data: fmt.Appendf(nil, "batch %d %d", i, k)}}
			}
			if ids, err := hubs[i%2].Hub.PublishAll(messages); err != nil || len(ids) != 1000 {
				t.Error(err)
			}
		})
	}
	testkit.Within(t, "all is published", all.Wait)
	hubs[0].publish("few/x", "end")
	subscribers = append(subscribers, subscribe(t, first, "few/x", hubs[0]), subscribe(t, first, "few/x", hubs[1]))
	for i, s := range subscribers {
		want := 4021 // those that resume after the first event
		if i < 3 {
			want++
		}
		whole(t, s.until("end"), want)
	}
	same(t, subscribers[3:], "end")
	tooLarge(t, hubs[0])
}

// tooLarge publishes at once 2 MB, which a broker may take or not.
func tooLarge(t testing.TB, h *hub) {
	one := `{"topic":"few/x","data":"` + strings.Repeat("x", 100<<10) + `"}`
	req, err := http.NewRequest(http.MethodPost, h.URL+"/publish", strings.NewReader("["+strings.Repeat(one+",", 19)+one+"]"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	a, err := h.send(req)
	refused := a.status == http.StatusRequestEntityTooLarge && a.retryAfter == "" && strings.Contains(a.text, "publish fewer at once")
	if err != nil || a.status != http.StatusOK && !refused {
		t.Errorf("2 MB at once: %v (%v)", a, err)
	}
	t.Logf("2 MB at once: %.600v", a)
}

// whole checks that the events of a batch follow each other.
func whole(t testing.TB, all []testkit.Event, want int) {
	t.Helper()
	if len(all) != want {
		t.Errorf("%d events came, want %d", len(all), want)
	}
	next := ""
	for _, e := range all {
		var i, k int
		n, _ := fmt.Sscanf(e.Data, "batch %d %d", &i, &k)
		if next != "" && e.Data != next || next == "" && n == 2 && k != 0 || e.Type != "message" {
			t.Fatalf("%.60v came, want %q", e, next)
		}
		if next = ""; n == 2 && k < 999 {
			next = fmt.Sprintf("batch %d %d", i, k+1)
		}
	}
}

// kept has hubs that keep different things.
func kept(t testing.TB, f *backplanetest.Feed) {
	hubs := []*hub{start(t, f), start(t, f, func(c *server.Config) {
		c.Retention = []server.Retention{{Topics: "brief/*", Ephemeral: true}}
	})}
	topics := "few/x brief/x"
	live := []*subscriber{subscribe(t, "", topics, hubs[0]), subscribe(t, "", topics, hubs[1])}
	first := hubs[0].publish("few/x", "0")
	var all, stored, notBrief []string
	for i := range 60 {
		topic, query, data := "few/x", []string{}, fmt.Sprint(i)
		switch i % 6 {
		case 3:
			query, data = []string{"ephemeral", "true"}, data+" ephemeral"
		case 5:
			topic, data = "brief/x", data+" brief"
		}
		if a, err := hubs[i%4/2].post(topic, "", data, query...); err != nil || a.status != http.StatusOK {
			t.Fatal(a, err)
		}
		for _, s := range live {
			s.until(data) // a slow stream would miss ephemeral events
		}
		all = append(all, data)
		if len(query) == 0 {
			stored = append(stored, data)
		}
		if topic == "few/x" && len(query) == 0 {
			notBrief = append(notBrief, data)
		}
	}
	for _, h := range hubs {
		h.has(hubs[1].Hub.LastID())
	}
	back := []*subscriber{subscribe(t, first, topics, hubs[0]), subscribe(t, first, topics, hubs[1])}
	hubs[1].publish("few/x", "end")
	for _, s := range live {
		s.expect(append(append([]string{"0"}, all...), "end")...)
	}
	back[0].expect(append(stored, "end")...)
	back[1].expect(append(notBrief, "end")...)
}

// farBehind has subscribers that resume 20,000 entries behind, some of which take nothing for
// a while.
func farBehind(t testing.TB, f *backplanetest.Feed) {
	hubs := two(t, f)
	first := hubs[0].publish("few/x", "first")
	const publishers = 64
	entries := 20_000
	if testing.Short() {
		entries = 2_000
	}
	var all sync.WaitGroup
	var n atomic.Int64
	for p := range publishers {
		all.Go(func() {
			for n.Add(1) <= int64(entries) {
				if _, err := hubs[p%2].Hub.Publish("few/x", streamwriter.Event{Data: []byte("an event of some length, as events are")}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	stalls, cancel := stalled(t, hubs[0], first)
	defer cancel()
	var far []*subscriber
	for i := range 4 {
		far = append(far, subscribe(t, first, "few/x", hubs[i%2]))
	}
	for i := range 20 {
		fresh := subscribe(t, "", "a", hubs[0])
		data := fmt.Sprint(i)
		hubs[i%2].retry("a", data, data)
		fresh.expect(data)
	}
	hubs[1].publish("few/x", "end")
	events := same(t, far, "end")
	if len(events) != entries+1 {
		t.Errorf("%d events came, want %d", len(events), entries+1)
	}
	last := sequence(first)
	for _, e := range events {
		seq := sequence(e.ID)
		if e.Type != "message" || seq <= last {
			t.Fatalf("%v came after sequence %d", e, last)
		}
		last = seq
	}
	for _, s := range stalls() {
		if got := s.until("end"); len(got) != entries+1 {
			t.Errorf("one that took nothing for a while has %d events, want %d", len(got), entries+1)
		}
	}
}

// stalled opens streams whose clients take nothing until the function that is returned is
// called.
func stalled(t testing.TB, h *hub, after string) (goOn func() []*subscriber, cancel func()) {
	ctx, cancel := context.WithCancel(context.Background())
	goes := make(chan struct{})
	var all []*subscriber
	for range 8 {
		s := &subscriber{t: t, hubs: []*hub{h}, topics: []string{"few/x"}, last: after, part: func() {}, wait: goes}
		all = append(all, s)
		go s.run(ctx)
	}
	return func() []*subscriber { close(goes); return all }, cancel
}
