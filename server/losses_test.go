package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/backplane/backplanetest"
	"github.com/fastsse/fastsse/streamwriter"
)

// lossy is a hub that has read entries 1 to 4 of a broker that then loses 3 and 4, while the
// hub cannot reach it.
type lossy struct {
	*harness
	memory *backplanetest.Memory
	handle *backplanetest.Handle
	ids    []string
	live   []*client // topics a and quiet, and subtree b/*
}

func loses(t *testing.T, kind connKind, c server.Config) *lossy {
	l := &lossy{memory: backplanetest.NewMemory()}
	l.handle = l.memory.Open()
	l.harness = l.hub(t, kind, l.handle, c)
	l.ids = l.publish("a", "1", "2", "3", "4")
	l.reaches(l.ids[3])
	l.live = []*client{l.resume(l.ids[0], "a"), l.open("quiet"), l.resume(l.ids[1], "b/*", "a")}
	l.live[0].expect("2", "3", "4")
	l.live[2].expect("3", "4")
	l.handle.Set(backplanetest.Faults{Unreachable: true})
	testkit.Eventually(t, "the hub notices", func() bool { return l.log.has("cannot be read") })
	l.memory.Lose(2)
	return l
}

func (l *lossy) hub(t *testing.T, kind connKind, b *backplanetest.Handle, c server.Config) *harness {
	c.Backplane = b
	return newHarness(t, kind, setup{config: c, publish: server.PublishOptions{AllowAnyone: true}})
}

// back lets the hub reach the broker, and waits until it has noticed.
func (l *lossy) back(says string) {
	l.t.Helper()
	l.handle.Set(backplanetest.Faults{})
	testkit.Eventually(l.t, "the hub says "+says, func() bool { return l.log.has(says) })
}

// The broker is given others before the hub can look: as many, or more.
func TestEntriesThatTookThePlaceOfLostOnes(t *testing.T) {
	for _, more := range []int{0, 3} {
		for _, policy := range []server.SlowSubscriberPolicy{server.Disconnect, server.Skip} {
			t.Run(fmt.Sprint(more, " more, ", policy), func(t *testing.T) {
				eachBackplaneKind(t, func(t *testing.T, kind connKind) {
					l := loses(t, kind, server.Config{SlowSubscribers: policy})
					other := l.hub(t, kind, l.memory.Open(), server.Config{})
					anew := other.publish("a", numbers(103, 104+more)...)
					if anew[0] != l.ids[2] {
						t.Fatalf("the entry that took the place of %s has id %s", l.ids[2], anew[0])
					}
					l.back("has not the entry 4")
					place := ""
					for _, c := range l.live {
						place = c.expectGap("evicted").ID
					}
					for _, id := range l.ids {
						back := l.resume(id, "a")
						if gap := back.expectGap("evicted"); gap.ID != place {
							t.Errorf("after %s the gap has id %s, and %s for those who stayed", id, gap.ID, place)
						}
						l.live = append(l.live, back)
					}
					l.live = append(l.live, l.open("a"), l.resume(place, "a"))
					other.publish("a", "200")
					other.publish("b/1", "201")
					other.publish("quiet", "202")
					for i, c := range l.live {
						switch i {
						case 1:
							c.expect("202")
						case 2:
							c.expect("200", "201")
						default:
							c.expect("200")
						}
					}
					l.streams(int64(len(l.live)))
					if s := l.harness.hub.Stats(); s.Backplane.Losses != 1 || s.Backplane.Epochs != 0 || s.Ended["slow"] != 0 {
						t.Errorf("%+v %+v", s, s.Backplane)
					}
					other.resume(place, "a").expect("200")
				})
			})
		}
	}
}

// The hub looks while entries are missing.
func TestEntriesThatWereLost(t *testing.T) {
	eachBackplaneKind(t, func(t *testing.T, kind connKind) {
		l := loses(t, kind, server.Config{})
		l.back("was made anew")
		place := ""
		for _, c := range l.live {
			place = c.expectGap("evicted").ID
			c.ends()
		}
		l.resume(l.ids[3], "a").expectGap("ahead")
		other := l.hub(t, kind, l.memory.Open(), server.Config{})
		anew := other.publish("a", numbers(103, 106)...)
		l.reaches(anew[3])
		l.resume(place, "a").expect(numbers(103, 106)...)
		l.resume(l.ids[1], "a").expect(numbers(103, 106)...) // which has read nothing that was lost
		late := l.resume(l.ids[2], "a")
		late.expectGap("evicted")
		late.expect(numbers(104, 106)...)
		fresh := l.open("a")
		l.resume(anew[2], "a").expect("106")
		other.publish("a", "107")
		fresh.expect("107")
	})
}

// Nothing is said of an entry that the broker has dropped since, nor of the same one.
func TestTheSameEntryIsNoLoss(t *testing.T) {
	t.Parallel()
	m := backplanetest.NewMemory()
	b := m.Open()
	l := &lossy{}
	h := l.hub(t, parkedTCP, b, server.Config{})
	c := h.open("a")
	h.publish("a", "1", "2")
	for i := range 3 {
		if i == 2 {
			m.Drop(0)
		}
		b.Set(backplanetest.Faults{Unreachable: true})
		testkit.Eventually(t, "the hub notices", func() bool { return !h.hub.Stats().Backplane.Connected })
		b.Set(backplanetest.Faults{})
		testkit.Eventually(t, "the hub goes on", func() bool { return h.hub.Stats().Backplane.Connected })
	}
	h.publish("a", "3")
	c.expect("1", "2", "3")
	if s := h.hub.Stats(); s.Gaps != 0 || s.Backplane.Losses != 0 || s.Backplane.Epochs != 0 {
		t.Errorf("%+v %+v", s, s.Backplane)
	}
}

// A stream that is being read back is told as well.
func TestEntriesThatTookThePlaceOfLostOnesInAReadBack(t *testing.T) {
	eachBackplaneKind(t, func(t *testing.T, kind connKind) {
		m := backplanetest.NewMemory()
		b, l := m.Open(), &lossy{}
		h := l.hub(t, kind, b, server.Config{Retention: []server.Retention{{Topics: "*", Events: 5}}})
		ids := h.publish("a", numbers(1, 5000)...)
		h.reaches(ids[4999])
		b.Set(backplanetest.Faults{Delay: 100 * time.Millisecond})
		c := h.resume(ids[0], "a")
		c.expect("2")
		m.Lose(2)
		l.hub(t, kind, m.Open(), server.Config{}).publish("a", "anew")
		go func() { _, _ = h.hub.Publish("a", streamwriter.Event{Data: []byte("anew")}) }() // has a sequence that the hub knows, so that it looks
		last := c.next()
		for ; last.Type == "message"; last = c.next() {
		}
		if last.Type != "gap" || !strings.Contains(last.Data, "evicted") {
			t.Errorf("after %v came %v", c.dec.LastID, last)
		}
		b.Set(backplanetest.Faults{})
		h.publish("a", "end")
		c.expect("end")
	})
}
