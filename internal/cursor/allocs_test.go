//go:build !race

package cursor

import (
	"strconv"
	"testing"
)

// What a turn of a stream takes is there before: the race detector allocates where the
// code does not, so these tests are left out with it.

// wantNoAllocs checks that f allocates nothing once it has run.
func wantNoAllocs(t *testing.T, f func()) {
	t.Helper()
	if n := testing.AllocsPerRun(100, f); n != 0 {
		t.Errorf("%v allocations per turn, want none", n)
	}
}

func TestATurnAllocatesNothing(t *testing.T) {
	w := newWorld(t)
	for i := range 1000 {
		w.publish([]string{"a", "b"}[i%2], strconv.Itoa(i))
	}
	tests := []struct {
		name    string
		framing Framing
		topics  []string
		behind  uint64 // how many events the stream is behind
	}{
		{"the newest event", Chunked, []string{"a", "b"}, 1},
		{"a slice", Chunked, []string{"a"}, 100},
		{"gathered", Chunked, []string{"a", "b"}, 100},
		{"gathered, identity", Identity, []string{"a"}, 100},
		{"gathered, embedded", Embedded, []string{"a", "b"}, 100},
	}
	for _, tt := range tests {
		for _, replay := range []bool{false, true} {
			t.Run(tt.name+", replay "+strconv.FormatBool(replay), func(t *testing.T) {
				m := w.machine(tt.framing, tt.topics...)
				var o Offer
				s := w.fresh()
				wantNoAllocs(t, func() {
					s.Next = w.head() + 1 - tt.behind
					s.Live = s.Next
					if replay {
						s.Live = w.head() + 1
					}
					m.Feeds[0].DropSpan()
					if !m.Next(&o, 0, &s, 1) {
						t.Fatal("nothing is offered")
					}
					m.Took(&o, 0, &s, len(o.Bytes), 1)
				})
				if m.Gaps > 0 || s.Next <= w.head()-1 {
					t.Errorf("%d gaps; it stands at %d", m.Gaps, s.Next)
				}
			})
		}
	}
}

func TestATurnWithoutNewsAllocatesNothing(t *testing.T) {
	for _, framing := range []Framing{Chunked, Identity} {
		w := newWorld(t)
		w.publish("a", "1")
		m := w.machine(framing, "a", "b")
		m.Heartbeat = 10
		var o Offer
		s, now, heartbeats := w.fresh(), int64(0), 0
		wantNoAllocs(t, func() { // a turn before the heartbeat is due, and one after
			for range 2 {
				now += 6
				if m.Next(&o, 0, &s, now) {
					m.Took(&o, 0, &s, len(o.Bytes), now)
					heartbeats++
				}
			}
		})
		if heartbeats < 100 {
			t.Errorf("%d heartbeats", heartbeats)
		}
	}
}
