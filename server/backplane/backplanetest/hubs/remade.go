package hubs

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server/backplane/backplanetest"
)

// numbers are texts.
func numbers(from, to int) (all []string) {
	for i := from; i <= to; i++ {
		all = append(all, fmt.Sprint(i))
	}
	return all
}

// fill publishes events through one hub and the other, and waits until all have them.
func fill(topic string, hubs []*hub, data ...string) (ids []string) {
	for i, d := range data {
		ids = append(ids, hubs[i%len(hubs)].publish(topic, d))
	}
	for _, h := range hubs {
		h.t.Helper()
		h.has(ids[len(ids)-1])
	}
	return ids
}

// purged drops all entries of the broker.
func purged(t testing.TB, f *backplanetest.Feed) {
	hubs := two(t, f)
	stay := []*subscriber{subscribe(t, "", "few/x", hubs[0]), subscribe(t, "", "few/x", hubs[1])}
	roams := subscribe(t, "", "few/x", hubs...)
	ids := fill("few/x", hubs, numbers(1, 20)...)
	for _, s := range append(stay, roams) {
		s.until("20")
	}
	f.Purge()
	roams.leave()
	testkit.Eventually(t, "the roaming subscriber is back", func() bool { return roams.opened() == 2 })
	later := start(t, f)
	early := []*subscriber{subscribe(t, ids[3], "few/x", hubs[0]), subscribe(t, ids[3], "few/x", later)}
	fill("few/x", append(hubs, later), numbers(21, 23)...)
	for _, s := range append(stay, roams) {
		s.expect(numbers(1, 23)...)
	}
	early[0].afterGap(0, "evicted", numbers(16, 23)...) // which the log holds
	early[1].afterGap(0, "evicted", numbers(21, 23)...)
	for _, h := range hubs {
		subscribe(t, ids[18], "few/x", h).expect(numbers(20, 23)...)
	}
	for i, h := range append(hubs, later) {
		if s := h.Hub.Stats(); s.Backplane.Epochs+s.Backplane.Losses != 0 {
			t.Errorf("hub %d: %+v", i, s.Backplane)
		}
	}
}

// remade deletes the stream, and makes it again, during publishing.
func remade(t testing.TB, f *backplanetest.Feed) {
	hubs := two(t, f)
	subscribers := []*subscriber{subscribe(t, "", "a", hubs[0]), subscribe(t, "", "a", hubs[1]), subscribe(t, "", "a", hubs...)}
	l := publishing(t, "a", hubs)
	grows(t, subscribers)
	was := epoch(hubs[0].Hub.LastID())
	f.Remake()
	newEpoch(t, was, hubs)
	grows(t, subscribers)
	l.end()
	l.stored["end"] = hubs[0].retry("a", "end", "end")
	l.clear()
	afterEpoch(t, was, hubs, subscribers, l.stored)
}

// newEpoch waits until hubs have another epoch.
func newEpoch(t testing.TB, was string, hubs []*hub) {
	t.Helper()
	for i, h := range hubs {
		testkit.Eventually(t, fmt.Sprintf("hub %d has another epoch than %s", i, was), func() bool { return epoch(h.Hub.LastID()) != was })
	}
}

func epoch(id string) string {
	e, _, _ := strings.Cut(id, "-")
	return e
}

// afterEpoch checks what subscribers have after a change of the epoch: events of the old one, a
// gap, and then the same of the new one as whoever reads it all, each once. Events have
// the ids that publishers were told.
func afterEpoch(t testing.TB, was string, hubs []*hub, subscribers []*subscriber, stored map[string]string) {
	t.Helper()
	now := epoch(hubs[0].Hub.LastID())
	full := same(t, []*subscriber{subscribe(t, now+"-0", "a", hubs[0]), subscribe(t, now+"-0", "a", hubs[1])}, "end")
	for _, e := range full {
		if epoch(e.ID) != now || e.Type != "message" {
			t.Errorf("the new epoch, %s, has %v", now, e)
		}
	}
	for i, s := range subscribers {
		all := s.until("end")
		at := slices.IndexFunc(all, func(e testkit.Event) bool { return e.Type == "gap" })
		if at < 0 || !strings.Contains(all[at].Data, `"epoch"`) {
			t.Errorf("subscriber %d was not told of a gap (%d events)", i, len(all))
			continue
		}
		for _, e := range all[:at] {
			if epoch(e.ID) != was {
				t.Errorf("subscriber %d has %v before the gap", i, e)
			}
		}
		rest := all[at+1:]
		if len(rest) > len(full) || !slices.Equal(rest, full[len(full)-len(rest):]) {
			t.Errorf("after the gap subscriber %d has %d events, which are not the last of the stream's %d", i, len(rest), len(full))
		}
		for _, e := range append(all[:at:at], rest...) {
			if id, ok := stored[e.Data]; ok && id != e.ID && epoch(id) == epoch(e.ID) {
				t.Errorf("subscriber %d has %v, which was published as %s", i, e, id)
			}
		}
	}
	for data, id := range stored {
		has := slices.ContainsFunc(full, func(e testkit.Event) bool { return e.Data == data })
		if has != (epoch(id) == now) {
			t.Errorf("%s was published as %s, and is in the stream of epoch %s: %v", data, id, now, has)
		}
	}
}

func remadeUnseen(t testing.TB, f *backplanetest.Feed) { remadeWhileCut(t, f, 5) }
func remadeLonger(t testing.TB, f *backplanetest.Feed) { remadeWhileCut(t, f, 60) }

// remadeWhileCut makes the stream again while a hub is cut off, and another one is held up;
// then it has some entries.
func remadeWhileCut(t testing.TB, f *backplanetest.Feed, entries int) {
	hubs := append(two(t, f), start(t, f))
	cut, held, there := hubs[0], hubs[1], hubs[2]
	subscribers := []*subscriber{subscribe(t, "", "a", cut), subscribe(t, "", "a", held), subscribe(t, "", "a", there)}
	ids := fill("a", hubs, numbers(1, 20)...)
	for _, s := range subscribers {
		s.until("20")
	}
	was := epoch(ids[0])
	held.line.holdUp()
	cut.line.cutOff()
	cut.connected(false)
	there.publish("a", "unseen")
	f.Remake()
	newEpoch(t, was, hubs[2:])
	stored := map[string]string{}
	for i := range entries {
		data := fmt.Sprint("new", i)
		stored[data] = there.retry("a", data, data)
	}
	held.line.release()
	cut.line.mend()
	newEpoch(t, was, hubs)
	for i, h := range hubs {
		data := fmt.Sprint("newer", i)
		stored[data] = h.retry("a", data, data)
	}
	stored["end"] = cut.retry("a", "end", "end")
	for _, h := range hubs {
		h.has(stored["end"])
	}
	afterEpoch(t, was, hubs, subscribers, stored)
}
