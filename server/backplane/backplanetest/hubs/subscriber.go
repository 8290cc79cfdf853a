package hubs

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

// subscriber is an EventSource: it comes back when its stream has ended, to the next of its
// hubs, with the last id that it has seen.
type subscriber struct {
	t      testing.TB
	hubs   []*hub
	topics []string
	heard  atomic.Int64  // how often something came, heartbeats included
	wait   chan struct{} // if set: nothing is read until it is closed

	mu    sync.Mutex // guards all below
	got   []testkit.Event
	last  string // the last event id
	opens int
	gone  bool               // it does not come back
	part  context.CancelFunc // ends the connection
}

// subscribe opens a stream after an id, and waits until it is open.
func subscribe(t testing.TB, lastID string, topic string, hubs ...*hub) *subscriber {
	t.Helper()
	s := &subscriber{t: t, hubs: hubs, topics: strings.Fields(topic), last: lastID, part: func() {}}
	ctx, cancel := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() { s.run(ctx) })
	t.Cleanup(func() {
		cancel()
		ended.Wait()
	})
	testkit.Eventually(t, "a stream is open", func() bool { return s.heard.Load() > 0 })
	return s
}

func (s *subscriber) run(ctx context.Context) {
	for n := 0; ctx.Err() == nil && !s.retired(); n++ {
		if err := s.read(ctx, s.hubs[n%len(s.hubs)]); err != nil {
			s.t.Errorf("a subscriber: %v", err)
			return
		}
		select {
		case <-time.After(5*time.Millisecond + rand.N(20*time.Millisecond)):
		case <-ctx.Done():
		}
	}
}

// read reads a stream to its end. The error is for what is no stream.
func (s *subscriber) read(ctx context.Context, h *hub) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	last := s.last
	s.part = cancel
	s.opens++
	s.mu.Unlock()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL+"/events?"+url.Values{"topic": s.topics}.Encode(), nil)
	if err != nil {
		return err
	}
	req.Header = http.Header{"Accept": {"text/event-stream"}, "Cache-Control": {"no-cache"}, "User-Agent": {"test"}}
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(resp.Body)
		return fmt.Errorf("status %s: %s", resp.Status, body)
	}
	if s.wait != nil {
		select {
		case <-s.wait:
		case <-ctx.Done():
		}
	}
	d := testkit.NewDecoder(&listener{resp.Body, &s.heard})
	d.LastID = last
	d.OnID = func(string) bool { return true }
	for {
		e, err := d.Next()
		if err != nil {
			return nil
		}
		s.mu.Lock()
		s.last = d.LastID
		if e.Type != "" {
			s.got = append(s.got, e)
		}
		s.mu.Unlock()
	}
}

// listener counts what comes.
type listener struct {
	io.Reader
	heard *atomic.Int64
}

func (l *listener) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	if n > 0 {
		l.heard.Add(1)
	}
	return n, err
}

// leave closes the connection, as a network that fails: the subscriber comes back.
func (s *subscriber) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.part()
}

// retire makes this stream the last one.
func (s *subscriber) retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
}

func (s *subscriber) retired() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gone
}

func (s *subscriber) events() []testkit.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

// opened is how many streams were opened.
func (s *subscriber) opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opens
}

// until waits for an event with such data, as long as events come, and returns all events up to it.
func (s *subscriber) until(data string) []testkit.Event {
	s.t.Helper()
	for at, n := 0, -1; n != at; {
		n = at
		found := false
		testkit.Soon(testkit.Patience, func() bool {
			at, found = s.find(data, n)
			return at > n || found
		})
		if found {
			return s.events()[:at]
		}
	}
	all := s.events()
	s.t.Fatalf("%.40q has not come: a subscriber of %v has opened %d streams, and has %d events, the last %v",
		data, s.topics, s.opened(), len(all), lastOf(all))
	return nil
}

// find looks for an event with such data behind the first events, and returns how many it has
// looked at.
func (s *subscriber) find(data string, from int) (at int, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, e := range s.got[from:] {
		if e.Data == data {
			return from + i + 1, true
		}
	}
	return len(s.got), false
}

func lastOf(all []testkit.Event) any {
	if len(all) == 0 {
		return "none"
	}
	return all[len(all)-1]
}

// expect waits for events, and checks that they are all that came.
func (s *subscriber) expect(data ...string) {
	s.t.Helper()
	got := make([]string, 0, len(data))
	for _, e := range s.until(data[len(data)-1]) {
		got = append(got, e.Data)
	}
	if !slices.Equal(got, data) {
		s.t.Fatalf("a subscriber of %v has %s, want %s", s.topics, short(got), short(data))
	}
}

// afterGap waits for events behind one gap with a reason, and checks that they are all that
// came since a number of events.
func (s *subscriber) afterGap(since int, reason string, data ...string) {
	s.t.Helper()
	all := s.until(data[len(data)-1])[since:]
	if len(all) == 0 || all[0].Type != "gap" || !strings.Contains(all[0].Data, `"`+reason+`"`) {
		s.t.Fatalf("a subscriber of %v has %v, want a gap with the reason %q first", s.topics, all, reason)
	}
	var got []string
	for _, e := range all[1:] {
		got = append(got, e.Data)
	}
	if !slices.Equal(got, data) {
		s.t.Fatalf("after the gap a subscriber of %v has %s, want %s", s.topics, short(got), short(data))
	}
}

// short shows the ends of a list.
func short(list []string) string {
	if len(list) > 20 {
		return fmt.Sprintf("%d events: %.20q … %.20q", len(list), list[:8], list[len(list)-8:])
	}
	return fmt.Sprintf("%.40q", list)
}

// heartbeats waits until something has come n times more.
func heartbeats(t testing.TB, n int64, subscribers []*subscriber) {
	t.Helper()
	for i, s := range subscribers {
		goal := s.heard.Load() + n
		testkit.Eventually(t, fmt.Sprintf("subscriber %d is sent heartbeats", i), func() bool { return s.heard.Load() >= goal })
	}
}
