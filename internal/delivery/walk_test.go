package delivery

import (
	"fmt"
	"reflect"
	"runtime"
	"testing"

	"github.com/fastsse/fastsse/internal/cursor"
)

func TestOrdersWalkInSlices(t *testing.T) {
	const readers = 5000
	orders := map[string]func(s *sinks){
		"kick":       func(s *sinks) { s.delivery.Kick(func(Subscriber) bool { return true }) },
		"kick topic": func(s *sinks) { s.delivery.KickTopic("a") },
		"drain":      func(s *sinks) { s.delivery.broadcast(command{kind: drainAll}) },
	}
	for name, give := range orders {
		t.Run(name, func(t *testing.T) {
			s := newSinks(t, Limits{})
			s.fill(readers, "a")
			give(s)
			s.emptyInbox()
			left := int64(readers)
			for passes := 0; left > 0; passes++ {
				s.walk()
				now := s.streams.Load()
				if n := left - now; n < 1 || n > slotsPerPass/2 {
					t.Fatalf("in pass %d %d streams ended", passes, n)
				}
				left = now
			}
		})
	}
}

// A predicate is asked about each stream once, and about none that got its slot
// after the kick, whichever slot it got.
func TestAWalkSparesStreamsThatComeMeanwhile(t *testing.T) {
	const readers = 3000
	s := newSinks(t, Limits{})
	s.fill(readers, "a")
	asked := 0
	s.delivery.Kick(func(sub Subscriber) bool {
		asked++
		return asked%2 == 0
	})
	s.emptyInbox()
	late := map[int32]bool{}
	for i := range 2000 {
		if i%100 == 0 {
			s.walk()
			for j := range s.linger { // its slot is given to the next
				s.free(j)
			}
			s.linger = nil
		}
		n := s.admission("a", "late")
		s.assign(n)
		slots := s.readers[s.feed(s.host.History.Acquire([]string{"a", "late"}), cursor.Chunked, nil)].slots
		late[slots[len(slots)-1]] = true
	}
	s.turn()
	if asked != readers {
		t.Errorf("the predicate was asked %d times about %d streams", asked, readers)
	}
	for i := range late {
		if st := s.slots.at(i); !st.taken || st.Phase != cursor.Open {
			t.Fatalf("a stream that came after the kick was ended")
		}
	}
	if n := s.streams.Load(); n != readers/2+2000 || len(late) != 2000 {
		t.Errorf("%d streams are left, %d came late", n, len(late))
	}
	if s.assigned != nil || s.walks != nil {
		t.Error("the walk is over, and something is kept for it")
	}
}

// New streams get their slots some at a time. What is sent to all reaches also those that
// wait.
func TestNewStreamsGetTheirSlotsInTurns(t *testing.T) {
	const waiting = 1000
	s := newSinks(t, Limits{})
	admit := func(n *Admission) {
		t.Helper()
		if err := s.admit(n); err != nil {
			t.Fatal(err)
		}
	}
	for range waiting {
		admit(s.admission("a"))
	}
	var gone *handle
	for i := range 2 {
		n := s.admission("a")
		s.delivery.parked.Add(-1)
		n.handle = &handle{wake: make(chan struct{}, 1), reason: cursor.Client}
		admit(n)
		if i == 0 {
			gone = n.handle
		}
	}
	s.pumpDone(gone) // before it has a slot
	s.emptyInbox()
	if s.live != assignedPerPass || s.idle() {
		t.Fatalf("%d have a slot after the first turn, want %d; idle: %v", s.live, assignedPerPass, s.idle())
	}
	s.publishOne(t, "a", &hundred)
	s.delivery.KickTopic("b")
	admit(s.admission("b")) // came after the kick
	s.delivery.Kick(func(sub Subscriber) bool { return false })
	for s.waiting.Len() > 0 {
		s.emptyInbox()
	}
	s.turn()
	if want := waiting + 2; s.live != want {
		t.Fatalf("%d streams have a slot, want %d", s.live, want)
	}
	s.slots.each(func(_ int32, st *slot) {
		if st.IsParked() && s.machine.Feeds[st.Feed].Topics[0].Name == "a" && st.Next != 2 {
			t.Fatalf("a stream stands at %d: it has missed the event", st.Next)
		}
	})
	for range waiting {
		admit(s.admission("c"))
	}
	s.emptyInbox()
	s.delivery.KickTopic("c") // while most of them wait
	s.turn()
	if n := s.streams.Load(); n != waiting+2 {
		t.Errorf("%d streams are left, want %d", n, waiting+2)
	}
}

func TestAskingAboutAStreamAllocatesNothing(t *testing.T) {
	s := newSinks(t, Limits{})
	for i := range 100 {
		s.open("global", fmt.Sprint("user/", i))
	}
	o := command{kind: kickSome, pick: func(sub Subscriber) bool { return len(sub.Topics) != 2 }}
	all := func() {
		s.startWalk(o)
		s.walk()
	}
	all() // the names of each feed are kept from here on
	perWalk := testing.AllocsPerRun(10, all)
	if perWalk > 2 { // the list of walks
		t.Errorf("%v allocations to ask about 100 streams", perWalk)
	}
	runtime.KeepAlive(s)
}

func TestASlotIs64Bytes(t *testing.T) {
	if n := reflect.TypeFor[slot]().Size(); n > 64 {
		t.Errorf("it is %d", n)
	}
}
