package server

import (
	"fmt"
	"reflect"
	"runtime"
	"testing"
)

// opening is a stream that is to be seated, noted at present.
func (s *sinks) opening(topics ...string) *admission {
	began := s.hub.kicks.era.Load()
	n := s.hub.admission(topics, "", chunked)
	n.sink, n.sock, n.began = true, s.sock, began
	s.hub.streams.Add(1)
	s.hub.counters.parked.Add(1)
	return n
}

func TestOrdersWalkInSlices(t *testing.T) {
	const readers = 5000
	orders := map[string]func(s *sinks){
		"kick":       func(s *sinks) { s.hub.Kick(func(Subscriber) bool { return true }) },
		"kick topic": func(s *sinks) { s.hub.KickTopic("a") },
		"drain":      func(s *sinks) { s.hub.broadcast(command{kind: drainAll}) },
	}
	for name, give := range orders {
		t.Run(name, func(t *testing.T) {
			s := newSinks(t, Config{Heartbeat: -1})
			s.fill(readers, "a")
			give(s)
			s.empty()
			left := int64(readers)
			for passes := 0; left > 0; passes++ {
				s.walk()
				now := s.hub.streams.Load()
				if n := left - now; n < 1 || n > slotsPerPass/2 {
					t.Fatalf("in pass %d %d streams ended", passes, n)
				}
				left = now
			}
		})
	}
}

// A predicate is asked about each stream once, and about none that was seated
// after the kick, whichever slot it got.
func TestAWalkSparesWhoIsSeatedMeanwhile(t *testing.T) {
	const readers = 3000
	s := newSinks(t, Config{Heartbeat: -1})
	s.fill(readers, "a")
	asked := 0
	s.hub.Kick(func(sub Subscriber) bool {
		asked++
		return asked%2 == 0
	})
	s.empty()
	late := map[int32]bool{}
	for i := range 2000 {
		if i%100 == 0 {
			s.walk()
			for j := range s.linger { // its slot is given to the next
				s.free(j, s.slots.at(j))
			}
			s.linger = nil
		}
		n := s.opening("a", "late")
		s.assign(n)
		seats := s.readers[s.feed(s.hub.history.Acquire([]string{"a", "late"}), chunked)].slots
		late[seats[len(seats)-1]] = true
	}
	s.turn()
	if asked != readers {
		t.Errorf("the predicate was asked %d times about %d streams", asked, readers)
	}
	for i := range late {
		if st := s.slots.at(i); !st.taken || st.phase != open {
			t.Fatalf("a stream that came after the kick was ended")
		}
	}
	if n := s.hub.streams.Load(); n != readers/2+2000 || len(late) != 2000 {
		t.Errorf("%d streams are left, %d came late", n, len(late))
	}
	if s.assigned != nil || s.walks != nil {
		t.Error("the walk is over, and something is kept for it")
	}
}

// Newcomers are seated some at a time. Those who wait meet what comes meanwhile.
func TestNewcomersAreSeatedInTurns(t *testing.T) {
	const newcomers = 1000
	s := newSinks(t, Config{Heartbeat: -1})
	admit := func(n *admission) {
		t.Helper()
		if err := s.admit(n); err != nil {
			t.Fatal(err)
		}
	}
	for range newcomers {
		admit(s.opening("a"))
	}
	var gone *handle
	for i := range 2 {
		n := s.opening("a")
		s.hub.counters.parked.Add(-1)
		n.handle = &handle{wake: make(chan struct{}, 1), reason: ReasonClient}
		admit(n)
		if i == 0 {
			gone = n.handle
		}
	}
	s.pumpDone(gone) // before it is seated
	s.empty()
	if s.live != assignedPerPass || s.idle() {
		t.Fatalf("%d are seated in the first turn, want %d; idle: %v", s.live, assignedPerPass, s.idle())
	}
	if _, err := s.hub.Publish("a", hundred); err != nil {
		t.Fatal(err)
	}
	s.hub.KickTopic("b")
	admit(s.opening("b")) // came after the kick
	s.hub.Kick(func(sub Subscriber) bool { return false })
	for s.waiting.len() > 0 {
		s.empty()
	}
	s.turn()
	if want := newcomers + 2; s.live != want {
		t.Fatalf("%d streams are seated, want %d", s.live, want)
	}
	s.slots.each(func(_ int32, st *slot) {
		if st.fd != noDescriptor && s.machine.feeds[st.feed].topics[0].Name == "a" && st.next != 2 {
			t.Fatalf("a stream stands at %d: it has missed the event", st.next)
		}
	})
	for range newcomers {
		admit(s.opening("c"))
	}
	s.empty()
	s.hub.KickTopic("c") // while most of them wait
	s.turn()
	if n := s.hub.streams.Load(); n != newcomers+2 {
		t.Errorf("%d streams are left, want %d", n, newcomers+2)
	}
}

func TestAskingAboutAStreamAllocatesNothing(t *testing.T) {
	s := newSinks(t, Config{Heartbeat: -1})
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

func TestASeatIs64Bytes(t *testing.T) {
	if n := reflect.TypeFor[slot]().Size(); n > 64 {
		t.Errorf("it is %d", n)
	}
}
