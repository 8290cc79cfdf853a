package fault

import "time"

// schedule says when blocks are sent, in the order in which they came. It has no
// clock: it is told the time since the stream opened.
type schedule struct {
	delay, jitter, hold time.Duration
	drip                int // bytes per second

	waiting []timed       // in the order of their times
	ready   []byte        // due, and being sent
	freeAt  time.Duration // when the piece after the last may be sent
	size    int           // bytes of waiting and ready
}

// timed is a block and when it is due.
type timed struct {
	at    time.Duration
	bytes []byte
}

const (
	maxWaiting = 4 << 20 // bytes that may wait in one stream
	dripPieces = 20      // per second: how finely Drip divides what it sends

	// dripCatchUp is how much lateness of its calls Drip makes up for: timers are
	// late by about the time of a small event.
	dripCatchUp = time.Second / dripPieces
)

func newSchedule(f Faults) schedule {
	return schedule{delay: f.Delay, jitter: f.Jitter, hold: f.Hold, drip: f.Drip}
}

// put takes a block that came at now.
func (s *schedule) put(now time.Duration, b block) {
	s.waiting = append(s.waiting, timed{s.due(now, b), b.bytes})
	s.size += len(b.bytes)
}

// due is when to send a block that came at now.
func (s *schedule) due(now time.Duration, b block) time.Duration {
	at := now
	if b.n > 0 {
		at += s.delay + s.jitter*time.Duration(b.n%100)/100
	}
	if s.hold > 0 {
		at = (at/s.hold + 1) * s.hold
	}
	if n := len(s.waiting); n > 0 {
		at = max(at, s.waiting[n-1].at)
	}
	return at
}

// next returns the bytes to send at now, in one piece; nothing if nothing is due.
func (s *schedule) next(now time.Duration) []byte {
	if len(s.ready) == 0 {
		s.ready = s.collect(now)
	}
	n := len(s.ready)
	if s.drip > 0 {
		if now < s.freeAt {
			return nil
		}
		n = min(n, max(1, s.drip/dripPieces))
		s.freeAt = max(s.freeAt, now-dripCatchUp) + time.Duration(n)*time.Second/time.Duration(s.drip)
	}
	piece := s.ready[:n]
	s.ready = s.ready[n:]
	s.size -= n
	return piece
}

// collect takes the first block out of the queue, if it is due, or with Hold all that
// are due.
func (s *schedule) collect(now time.Duration) (due []byte) {
	for len(s.waiting) > 0 && s.waiting[0].at <= now {
		first := s.waiting[0]
		s.waiting[0] = timed{}
		s.waiting = s.waiting[1:]
		s.freeAt = max(s.freeAt, first.at)
		if s.hold == 0 {
			return first.bytes
		}
		due = append(due, first.bytes...)
	}
	return due
}

// wake returns when next will have something, if anything waits.
func (s *schedule) wake() (at time.Duration, ok bool) {
	switch {
	case len(s.ready) > 0:
		return s.freeAt, true
	case len(s.waiting) > 0:
		return max(s.waiting[0].at, s.freeAt), true
	}
	return 0, false
}

// full reports whether no more blocks should be put in before some have been sent.
func (s *schedule) full() bool { return s.size >= maxWaiting }
