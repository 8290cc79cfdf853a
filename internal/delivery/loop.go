package delivery

import (
	"time"

	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/queue"
	"github.com/fastsse/fastsse/internal/socket"
)

// poller is what a loop waits with: a *socket.Poller, or a test's.
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

// What a loop is doing, for those who put work into its inbox.
const (
	awake  int32 = iota // it will look at its inbox: it need not be woken
	dozing              // it sleeps for a few milliseconds
	asleep              // it sleeps for longer
)

const (
	// assignedPerPass bounds the streams that get their slots in one pass of the loop: for
	// each, up to turnsPerVisit writes are made of the events that it has missed.
	assignedPerPass = 64
	// For dozesOn after streams were admitted, a loop sleeps for at most doze at a time. A
	// stream whose client leaves at once is noticed within that time.
	doze    = 4 * time.Millisecond
	dozesOn = 100 * time.Millisecond
)

// run is the loop. It returns when there are no streams left.
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

// idle reports whether there is nothing left to do now.
func (s *shard) idle() bool {
	return s.jobs.Len() == 0 && len(s.ready) == 0 && len(s.walks) == 0 && s.waiting.Len() == 0
}

// hasMail reports whether there is work in the inbox.
func (s *shard) hasMail() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.intake)+len(s.done)+len(s.topics)+len(s.commands) > 0
}

// stop ends the loop if there is no stream left and none in the inbox.
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
	s.lag.publish(lagSum{})
	return true
}

// sleep returns how long the loop may sleep unless it is woken, and whether that is dozing
// or asleep. While streams are being admitted it dozes: those that have nothing to receive
// yet wait for it to look by itself, which saves a wake-up per stream (docs/design.md).
func (s *shard) sleep() (rest int32, d time.Duration) {
	left := time.Duration(max(s.sweepAt-s.now, 1)) * time.Millisecond
	if s.now < s.opened+dozesOn.Milliseconds() && left > doze {
		return dozing, doze
	}
	return asleep, left
}

// emptyInbox takes everything out of the inbox and does it, except that new streams may
// have to wait for their slots. They miss nothing: when they get their slots, they read
// their topics' logs, and find the commands that came meanwhile (firstTurn).
func (s *shard) emptyInbox() {
	s.mu.Lock()
	intake, done, topics, commands := s.intake, s.done, s.topics, s.commands
	s.intake, s.done, s.topics, s.commands = nil, nil, nil, nil
	s.mu.Unlock()

	if len(intake) > 0 {
		s.opened = s.now
	}
	for _, c := range commands { // first: streams that get their slots later find them then
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
		// Clear the bit before reading the log: an event that comes in between notifies again.
		t.Notified.And(^s.bit())
		for _, ref := range s.byTopic[t] {
			s.enqueue(ref.feed)
		}
	}
	// Last: Kick's predicate may be called for each, and it may end the goroutine.
	for range min(s.waiting.Len(), assignedPerPass) {
		s.assign(s.waiting.Pop())
	}
	if s.waiting.Len() == 0 {
		s.waiting = queue.Queue[*Admission]{} // drop its memory
	}
}

// wait blocks until the kernel reports events, the loop is woken, or d has passed, and
// handles what the kernel reports.
func (s *shard) wait(d time.Duration) {
	s.events = s.io.Wait(s.events[:0], d)
	if len(s.events) > 0 {
		s.now = s.host.Now()
	}
	for _, e := range s.events {
		ref := refOf(e.Token)
		st, ok := s.slots.get(ref)
		switch {
		case !ok: // the stream has ended since
		case e.PeerGone:
			s.release(ref.slot, cursor.Client)
		case e.Writable && st.lagging:
			st.lagging = false
			s.deliver(ref.slot)
		}
	}
}
