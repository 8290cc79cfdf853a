//go:build !race

package delivery

import (
	"fmt"
	"testing"
)

// A delivery writes what is in the logs: it takes no memory, for a reader that is up to
// date and for one that is behind. (The race detector allocates where the code does not.)
func TestADeliveryAllocatesNothing(t *testing.T) {
	for _, topics := range [][]string{{"a"}, {"a", "b"}} {
		for _, behind := range []uint64{1, 100} {
			t.Run(fmt.Sprintf("%d topics, %d behind", len(topics), behind), func(t *testing.T) {
				s := newSinks(t, Limits{})
				s.publish(t, 1000, topics...)
				s.fill(1, topics...)
				s.turn()
				i := s.readers[0].slots[0]
				st := s.slots.at(i)
				before := s.machine.Delivered
				if n := testing.AllocsPerRun(100, func() {
					st.Next = s.host.History.Newest() + 1 - behind
					s.machine.Feeds[0].DropSpan()
					s.deliver(i)
				}); n != 0 {
					t.Errorf("%v allocations per delivery, want none", n)
				}
				if n := s.machine.Delivered - before; n != 101*int64(behind) {
					t.Errorf("%d events were delivered", n)
				}
			})
		}
	}
}

// A round to many readers takes no memory either.
func TestARoundAllocatesNothing(t *testing.T) {
	const readers = 100
	s := newSinks(t, Limits{})
	s.publish(t, 1000, "a", "b")
	s.fill(readers, "a", "b")
	s.turn()
	newest := s.host.History.Newest()
	before := s.machine.Delivered
	if n := testing.AllocsPerRun(100, func() {
		for _, i := range s.readers[0].slots {
			s.slots.at(i).Next = newest
		}
		s.machine.Feeds[0].DropSpan()
		s.enqueue(0)
		for !s.idle() {
			s.round()
		}
	}); n != 0 {
		t.Errorf("%v allocations per round, want none", n)
	}
	if n := s.machine.Delivered - before; n != 101*readers {
		t.Errorf("%d events were delivered", n)
	}
}
