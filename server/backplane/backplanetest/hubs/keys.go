package hubs

import (
	"net/http"
	"slices"
	"testing"

	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/backplane/backplanetest"
	"github.com/fastsse/fastsse/streamwriter"
)

// keyed repeats publishes at another hub.
func keyed(t testing.TB, f *backplanetest.Feed) {
	hubs := two(t, f)
	subscribers := []*subscriber{subscribe(t, "", "a", hubs[0]), subscribe(t, "", "a", hubs[1])}
	id := hubs[0].publishKeyed("a", "k", "1")
	if again := hubs[1].publishKeyed("a", "k", "1"); again != id {
		t.Errorf("the other hub answers %s, the first %s", again, id)
	}
	batch := []server.Message{{Topic: "a", Key: "batch", Event: streamwriter.Event{Data: []byte("2")}}, {Topic: "a", Event: streamwriter.Event{Data: []byte("3")}}}
	ids, err := hubs[1].Hub.PublishAll(batch)
	if err != nil {
		t.Fatal(err)
	}
	f.Kill()
	f.Start()
	if again := hubs[1].retry("a", "k", "1"); again != id {
		t.Errorf("after the broker's restart the other hub answers %s, the first %s", again, id)
	}
	hubs[0].connected(true)
	hubs[0].retry("a", "4", "4")
	if again, err := hubs[0].Hub.PublishAll(batch); err != nil || !slices.Equal(again, ids) {
		t.Errorf("after the broker's restart the other hub answers %v (%v), the first %v", again, err, ids)
	}
	hubs[1].retry("a", "5", "5")
	for _, s := range subscribers {
		s.expect("1", "2", "3", "4", "5")
	}
}

// keyedAfterError repeats a publish at another hub that was answered with an error.
func keyedAfterError(t testing.TB, f *backplanetest.Feed) {
	hubs := two(t, f, func(c *server.Config) { c.PublishTimeout = impatience })
	subscribers := []*subscriber{subscribe(t, "", "a", hubs[0]), subscribe(t, "", "a", hubs[1])}
	hubs[0].publish("a", "0")
	f.Stall()
	for i, h := range hubs {
		if a, err := h.post("a", "silent", "1"); err != nil || a.status != http.StatusGatewayTimeout {
			t.Errorf("hub %d: %v, %v", i, a, err)
		}
	}
	f.Wake()
	both(t, hubs, "silent", "1")
	hubs[0].line.cutOff()
	if a, err := hubs[0].post("a", "cut", "2"); err != nil || a.status != http.StatusServiceUnavailable {
		t.Errorf("cut off: %v, %v", a, err)
	}
	hubs[1].retry("a", "cut", "2")
	hubs[0].line.mend()
	both(t, hubs, "cut", "2")
	f.Kill()
	for i, h := range hubs {
		a, err := h.post("a", "killed", "3")
		if err != nil || a.status == http.StatusOK {
			t.Errorf("hub %d: %v, %v", i, a, err)
		}
	}
	f.Start()
	both(t, hubs, "killed", "3")
	hubs[0].publish("a", "4")
	for _, s := range subscribers {
		s.expect("0", "1", "2", "3", "4")
	}
}

// both publishes at each of two hubs, with the same key.
func both(t testing.TB, hubs []*hub, key, data string) {
	t.Helper()
	if one, two := hubs[1].retry("a", key, data), hubs[0].retry("a", key, data); one != two {
		t.Errorf("key %s: the hubs answer %s and %s", key, two, one)
	}
}
