package hubs

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/backplane/backplanetest"
)

func killed(t testing.TB, f *backplanetest.Feed)        { killedFor(t, f, 3*time.Second) }
func killedForLong(t testing.TB, f *backplanetest.Feed) { killedFor(t, f, 12*time.Second) }

// killedFor kills the broker during publishing, and starts it again after a time.
func killedFor(t testing.TB, f *backplanetest.Feed, away time.Duration) {
	hubs := two(t, f)
	stay := []*subscriber{subscribe(t, "", "a", hubs[0]), subscribe(t, "", "a", hubs[1]), subscribe(t, "", "a b/*", hubs[0])}
	roams := subscribe(t, "", "a", hubs...)
	l := publishing(t, "a", hubs)
	stopRoaming := roam(t, roams)
	grows(t, stay)
	f.Kill()
	back := time.After(away)
	for _, h := range hubs {
		h.connected(false)
	}
	heartbeats(t, 5, stay)
	<-back
	f.Start()
	for _, h := range hubs {
		h.connected(true)
	}
	grows(t, stay)
	stopRoaming()
	l.end()
	hubs[1].retry("a", "end", "end")
	l.stored["end"] = hubs[0].retry("a", "end", "end")
	all := same(t, append(stay, roams), "end")
	l.compare("a subscriber", all)
	l.clear()
	for i, s := range stay {
		if n := s.opened(); n != 1 {
			t.Errorf("subscriber %d has opened %d streams", i, n)
		}
	}
	for i, h := range hubs {
		if s := h.Hub.Stats(); s.Gaps != 0 || s.Backplane.Reconnects < 1 || s.Backplane.Epochs != 0 || s.Backplane.Losses != 0 {
			t.Errorf("hub %d: %d gaps, %+v", i, s.Gaps, s.Backplane)
		}
	}
	if len(l.errors) == 0 {
		t.Error("no publisher got an error")
	}
	t.Logf("the roaming subscriber has opened %d streams", roams.opened())
}

// grows waits until subscribers have more events.
func grows(t testing.TB, subscribers []*subscriber) {
	t.Helper()
	for i, s := range subscribers {
		goal := len(s.events()) + 100
		testkit.Eventually(t, fmt.Sprintf("subscriber %d has %d events", i, goal), func() bool { return len(s.events()) >= goal })
	}
}

// roam breaks the connection of a subscriber again and again, until the function that it
// returns is called.
func roam(t testing.TB, s *subscriber) func() {
	testkit.Eventually(t, "the subscriber has an id", func() bool { return len(s.events()) > 0 })
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(200 * time.Millisecond):
				s.leave()
			}
		}
	}()
	return func() {
		close(stop)
		<-stopped
	}
}

// starts makes a hub while the broker is away, and when it is back.
func starts(t testing.TB, f *backplanetest.Feed) {
	first := start(t, f)
	id := first.publish("a", "1")
	first.publish("a", "2")
	h := prepare(t, f)
	f.Kill()
	testkit.Within(t, "New returns", func() {
		made, err := server.New(h.config())
		if made != nil || err == nil || !strings.Contains(err.Error(), "check that the broker runs") {
			t.Errorf("New without a broker: %v, %v", made, err)
		}
		t.Log(err)
	})
	f.Start()
	var err error
	if !testkit.Soon(testkit.Patience, func() bool {
		var made *server.Hub
		if made, err = server.New(h.config()); err == nil {
			t.Cleanup(func() { _ = made.Close(t.Context()) })
		}
		return err == nil
	}) {
		t.Fatal(err)
	}
	subscribe(t, id, "a", start(t, f)).expect("2")
}
