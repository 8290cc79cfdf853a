package proxies

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

// killed kills the proxy while events are published, and starts it again. A client that
// comes back as EventSources do must get every event once and in order: it says what is
// wrong, or nothing.
func (w *watched) killed(t *testing.T, l line, up proxy, topic string) error {
	f := l.follow(t, topic)
	testkit.Eventually(t, "the client knows its position", func() bool { return f.position() != "" })
	var published []string
	publish := func() {
		published = append(published, strconv.Itoa(len(published)))
		w.publish(t, topic, published[len(published)-1])
	}
	publishUntil := func(ok func() bool) bool {
		slowly := time.NewTicker(10 * time.Millisecond) // the topic keeps 4,096
		defer slowly.Stop()
		return testkit.Soon(testkit.Patience, func() bool {
			<-slowly.C
			publish()
			return ok()
		})
	}
	if !publishUntil(func() bool { return f.count() > 20 }) {
		return errors.New("none came")
	}
	up.process.kill(t)
	for range 20 { // of which the client learns when it is back
		publish()
	}
	up.begin(t)
	back := f.count() + 40
	if !publishUntil(func() bool { return f.count() > back }) || !testkit.Soon(testkit.Patience, func() bool { return f.count() >= len(published) }) {
		t.Logf("%s: %d of %d events came", l.url, f.count(), len(published))
		return errors.New("not all came")
	}
	return f.judge(published)
}

// follower is a client that comes back after 100 ms, where it left off.
type follower struct {
	mu   sync.Mutex // guards what follows
	last string     // the position
	got  []string   // the data of the events
}

// follow follows a topic until the end of the test.
func (l line) follow(t *testing.T, topic string) *follower {
	f := &follower{}
	go func() {
		for t.Context().Err() == nil {
			header := eventSource.Clone()
			if last := f.position(); last != "" {
				header.Set("Last-Event-ID", last)
			}
			if s, err := l.open(t, "/events?topic="+topic, header); err == nil {
				for a := range s.arrivals {
					f.take(a)
				}
				s.connections.close()
			}
			time.Sleep(100 * time.Millisecond)
		}
	}()
	return f
}

func (f *follower) take(a arrival) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = a.ID
	if a.Type != "" {
		f.got = append(f.got, a.Data)
	}
}

func (f *follower) position() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

func (f *follower) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.got)
}

// judge says where what came differs from what was published.
func (f *follower) judge(published []string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, data := range f.got {
		if i >= len(published) || data != published[i] {
			return fmt.Errorf("of 0 to %d came %s", len(published)-1, ranges(f.got))
		}
	}
	return nil
}
