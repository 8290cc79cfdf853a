package hubs

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

// ledger is what several publishers have done.
type ledger struct {
	t    testing.TB
	stop chan struct{} // closed: publishers finish
	once sync.Once     // closes stop
	wg   sync.WaitGroup

	mu      sync.Mutex // guards all below
	stored  map[string]string
	keyed   map[string]bool // those that were retried until they were stored
	errors  map[string]int  // answers other than 200, without numbers
	longest time.Duration
}

// publishing starts publishers to a topic, through one hub and the other: some retry what has
// failed, with its key, and others go on.
func publishing(t testing.TB, topic string, hubs []*hub) *ledger {
	l := &ledger{t: t, stop: make(chan struct{}), stored: map[string]string{}, keyed: map[string]bool{}, errors: map[string]int{}}
	for i := range 4 {
		l.wg.Go(func() { l.publish(fmt.Sprint("keyed", i), topic, hubs, i, true) })
	}
	for i := range 2 {
		l.wg.Go(func() { l.publish(fmt.Sprint("plain", i), topic, hubs, i, false) })
	}
	t.Cleanup(l.finish) // of a test that has failed in between
	return l
}

func (l *ledger) publish(name, topic string, hubs []*hub, at int, keyed bool) {
	for n := 0; ; n++ {
		select {
		case <-l.stop:
			return
		case <-time.After(4 * time.Millisecond):
		}
		data, key := fmt.Sprintf("%s-%d", name, n), ""
		if keyed {
			key = data
		}
		for tries := 0; !l.post(hubs[at%len(hubs)], topic, key, data) && keyed; tries++ {
			at++
			if tries > 600 {
				l.t.Errorf("%s was not stored in %d tries", data, tries)
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
}

var digits = regexp.MustCompile(`\d+`)

// post publishes, and writes down the answer.
func (l *ledger) post(h *hub, topic, key, data string) bool {
	a, err := h.post(topic, key, data)
	if err != nil {
		l.t.Errorf("publish %s: %v", data, err)
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.longest = max(l.longest, a.took)
	if a.status == http.StatusOK {
		l.stored[data] = a.id
		l.keyed[data] = key != ""
		return true
	}
	l.errors[fmt.Sprintf("%d, Retry-After %q: %s", a.status, a.retryAfter, digits.ReplaceAllString(a.text, "N"))]++
	return false
}

// end ends the publishers, and returns when they have finished.
func (l *ledger) end() {
	l.t.Helper()
	testkit.Within(l.t, "the publishers finish", l.finish)
}

func (l *ledger) finish() {
	l.once.Do(func() { close(l.stop) })
	l.wg.Wait()
}

// clear checks that the errors that publishers got say what to do.
func (l *ledger) clear() {
	l.t.Helper()
	l.t.Logf("%d events were stored; the longest publish took %v", len(l.stored), l.longest)
	for text, n := range l.errors {
		l.t.Logf("%d times %s", n, text)
		down := strings.HasPrefix(text, `503, Retry-After "1"`) && strings.Contains(text, "nothing was stored") && strings.Contains(text, "publish again")
		unknown := strings.HasPrefix(text, `504`) && strings.Contains(text, "not known whether") && (strings.Contains(text, "the same key") || strings.Contains(text, "may be there twice"))
		if !down && !unknown {
			l.t.Errorf("an error is not clear: %s", text)
		}
	}
}

// compare checks that a subscriber has everything that was stored, once, in the order of ids.
func (l *ledger) compare(who string, all []testkit.Event) {
	l.t.Helper()
	seen := make(map[string]bool, len(all))
	last, wrong := uint64(0), 0
	for _, e := range all {
		id, ok := l.stored[e.Data]
		seq := sequence(e.ID)
		if seen[e.Data] || e.Type != "message" || seq <= last || ok && id != e.ID || !ok && !strings.HasPrefix(e.Data, "plain") {
			if wrong++; wrong < 5 {
				l.t.Errorf("%s has %v after %d (twice: %v; stored as %q)", who, e, last, seen[e.Data], id)
			}
		}
		seen[e.Data], last = true, seq
	}
	for data := range l.stored {
		if !seen[data] {
			if wrong++; wrong < 10 {
				l.t.Errorf("%s lacks %s, which was stored as %s", who, data, l.stored[data])
			}
		}
	}
}

func sequence(id string) (seq uint64) {
	_, text, _ := strings.Cut(id, "-")
	_, _ = fmt.Sscan(text, &seq)
	return seq
}

// same checks that subscribers have the same events up to one.
func same(t testing.TB, subscribers []*subscriber, until string) []testkit.Event {
	t.Helper()
	all := subscribers[0].until(until)
	for i, s := range subscribers[1:] {
		if got := s.until(until); !slices.Equal(got, all) {
			at := 0
			for at < min(len(got), len(all)) && got[at] == all[at] {
				at++
			}
			t.Errorf("subscriber %d has %d events, subscriber 0 has %d: they are not the same from the %dth on: %.300v and %.300v",
				i+1, len(got), len(all), at+1, got[max(at-3, 0):min(at+6, len(got))], all[max(at-3, 0):min(at+6, len(all))])
		}
	}
	return all
}
