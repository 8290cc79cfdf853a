package delivery

import (
	"time"

	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/queue"
	"github.com/fastsse/fastsse/internal/socket"
)

// poller is what a loop waits with: a *socket.Poller.
type poller interface {
	Watch(fd int, token uint64) error
	Remove(fd int)
	Wait(dst []socket.Ready, d time.Duration) []socket.Ready
	Close()
	waker
}

// waker ends a wait.
type waker interface{ Wake() }

type pollEvent = socket.Ready

func newPoller() (poller, error) { return socket.NewPoller() }

// How soundly a loop rests.
const (
	awake  int32 = iota
	dozing       // for a few milliseconds
	asleep
)

const (
	// assignedPerPass bounds the new streams that get their slots between two looks at
	// everything else: each may take turnsPerVisit writes of what it has missed.
	assignedPerPass = 64
	// A loop that has given out slots dozes for so long at a time, and so long after the
	// last: a stream that leaves at once is noticed within it.
	doze    = 4 * time.Millisecond
	dozesOn = 100 * time.Millisecond
)

func (s *shard) run() {
	stopped := false
	defer func() {
		if !stopped { // Kick's predicate has ended the goroutine: runtime.Goexit
			go s.run()
			return
		}
		s.host.Working(-1)
	}()
	for {
		s.now = s.host.Now()
		s.emptyInbox()
		s.walk()
		s.round()
		s.sweep()
		s.tally.store(&s.machine.Counts)
		if !s.idle() {
			s.wait(0)
			continue
		}
		if s.stop() {
			stopped = true
			return
		}
		rest, d := s.sleep()
		s.rest.Store(rest)
		if !s.hasMail() {
			s.wait(d)
		}
		s.rest.Store(awake)
	}
}

// idle reports whether all that was brought has been done.
func (s *shard) idle() bool {
	return s.jobs.Len() == 0 && len(s.ready) == 0 && len(s.walks) == 0 && s.waiting.Len() == 0
}

func (s *shard) hasMail() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.intake)+len(s.done)+len(s.topics)+len(s.commands) > 0
}

// stop ends the loop if there is no stream left and none coming.
func (s *shard) stop() bool {
	if s.live > 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.intake)+len(s.done)+len(s.commands) > 0 {
		return false
	}
	for _, t := range s.topics {
		t.Notified.And(^s.bit())
	}
	s.topics = nil
	s.running, s.waker = false, nil
	s.io.Close()
	s.loop = loop{machine: s.machine.Reset()}
	return true
}

// sleep is how soundly and how long there is nothing to do unless somebody brings it.
// While streams are being opened the loop dozes: those that have nothing to get yet
// wait for it to look by itself, which spares a wake-up each (docs/design.md).
func (s *shard) sleep() (rest int32, d time.Duration) {
	left := time.Duration(max(s.sweepAt-s.now, 1)) * time.Millisecond
	if s.now < s.opened+dozesOn.Milliseconds() && left > doze {
		return dozing, doze
	}
	return asleep, left
}

// emptyInbox takes everything out of the inbox. New streams that have to wait for
// their slots miss nothing by it: they look into their topics' logs, and at what was
// commanded, when they have them.
func (s *shard) emptyInbox() {
	s.mu.Lock()
	intake, done, topics, commands := s.intake, s.done, s.topics, s.commands
	s.intake, s.done, s.topics, s.commands = nil, nil, nil, nil
	s.mu.Unlock()

	if len(intake) > 0 {
		s.opened = s.now
	}
	for _, c := range commands { // first: streams that get their slots later are asked then
		s.apply(c)
	}
	for _, a := range intake {
		s.waiting.Push(a)
	}
	for _, h := range done {
		if h.done = true; h.assigned {
			s.release(h.slot, h.reason)
		}
	}
	for _, t := range topics {
		// First the bit, then the look: what comes in between notifies again.
		t.Notified.And(^s.bit())
		for _, ref := range s.byTopic[t] {
			s.enqueue(ref.feed)
		}
	}
	// Last: an application's predicate may be asked about each, and end the goroutine.
	for range min(s.waiting.Len(), assignedPerPass) {
		s.assign(s.waiting.Pop())
	}
	if s.waiting.Len() == 0 {
		s.waiting = queue.Queue[*Admission]{} // it holds those that were in it
	}
}

// wait blocks until the kernel or the inbox has something, or d has passed, and deals
// with what the kernel has.
func (s *shard) wait(d time.Duration) {
	s.events = s.io.Wait(s.events[:0], d)
	if len(s.events) > 0 {
		s.now = s.host.Now()
	}
	for _, e := range s.events {
		ref := refOf(e.Token)
		st, ok := s.slots.get(ref)
		switch {
		case !ok: // of a stream that has ended since
		case e.PeerGone:
			s.release(ref.slot, cursor.Client)
		case e.Writable && st.lagging:
			st.lagging = false
			s.deliver(ref.slot)
		}
	}
}
