package server

import (
	"testing"
	"time"
)

// inside is a stream that has taken 7 bytes of its next event at time 0, and
// then nothing. forgotten: its topic holds that event no more.
func inside(t *testing.T, policy SlowReaderPolicy, forgotten bool) *reader {
	w := newWorld(t, keeping("a", 1))
	r := &reader{m: w.machine(chunked, "a"), s: w.fresh()}
	r.m.slow, r.m.patience = policy, 30_000
	w.publish("a", "one")
	r.turn(7)
	if forgotten {
		w.publish("a", "two")
	}
	return r
}

func TestAStreamThatTakesNothingIsBrokenOffWhenItsEndOrMemoryWaits(t *testing.T) {
	linger := lingerFor.Milliseconds()
	for _, c := range []struct {
		name      string
		how       phase
		forgotten bool
		patience  int64
		at        int64 // the first moment at which it is broken off; 0: never
		why       Reason
	}{
		{"it only lags", open, false, 30_000, 0, 0},
		{"inside a forgotten event", open, true, 30_000, 30_000, ReasonTimeout},
		{"inside a forgotten event, without a limit", open, true, 0, 0, 0},
		{"leaving", ending, false, 30_000, linger, ReasonKicked},
		{"leaving, without a limit", ending, false, 0, linger, ReasonKicked},
		{"draining", draining, false, 30_000, 0, 0},
		{"draining inside a forgotten event", draining, true, 30_000, 30_000, ReasonKicked},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := inside(t, Skip, c.forgotten)
			r.m.patience = c.patience
			if c.how != open {
				r.s.end(c.how, ReasonKicked, 0)
			}
			if c.at == 0 {
				if r.m.stuck(0, &r.s, 1<<40) {
					t.Fatal("broken off")
				}
				return
			}
			if r.m.stuck(0, &r.s, c.at-1) {
				t.Fatal("broken off too early")
			}
			if !r.m.stuck(0, &r.s, c.at) || r.s.phase != aborted || r.s.reason != c.why {
				t.Fatalf("phase %d, reason %v, want broken, %v", r.s.phase, r.s.reason, c.why)
			}
			if r.m.aborted != 1 || len(r.m.unsent) != 0 || r.turn(100) != nil {
				t.Errorf("%d aborts, %d rests; want 1, none, and nothing more to send", r.m.aborted, len(r.m.unsent))
			}
		})
	}
}

// Last bytes that nobody takes are no abort: they are not an event.
func TestAStreamThatDoesNotTakeItsLastBytesEnds(t *testing.T) {
	w := newWorld(t)
	r := &reader{m: w.machine(chunked, "a"), s: w.fresh()}
	r.s.end(ending, ReasonMaxAge, 0)
	r.turn(3)
	if r.m.stuck(0, &r.s, lingerFor.Milliseconds()-1) {
		t.Fatal("broken off too early")
	}
	if !r.m.stuck(0, &r.s, lingerFor.Milliseconds()) || r.s.reason != ReasonMaxAge || r.m.aborted != 0 {
		t.Errorf("phase %d, reason %v, %d aborts", r.s.phase, r.s.reason, r.m.aborted)
	}
}

// A reader that has paused for long when it is told to leave has its five seconds all
// the same.
func TestTheTimeToLeaveBeginsWithTheOrder(t *testing.T) {
	linger := lingerFor.Milliseconds()
	r := inside(t, Skip, false)
	r.s.end(ending, ReasonKicked, 60_000)
	if r.m.stuck(0, &r.s, 60_000+linger-1) {
		t.Error("it is broken off before its time")
	}
	if !r.m.stuck(0, &r.s, 60_000+linger) {
		t.Error("it is not broken off when its time is over")
	}
}

// A drain that comes before a stream's goroutine has read that it was kicked, or after,
// changes nothing of that.
func TestADrainDoesNotUndoAKick(t *testing.T) {
	for _, read := range []bool{false, true} {
		w := newWorld(t)
		m := w.machine(chunked, "a")
		s := w.fresh()
		d := &handle{wake: make(chan struct{}, 1)}
		d.end(ending, ReasonKicked, 0)
		if read {
			d.apply(m, &s, 0)
		}
		d.end(draining, ReasonDrain, 100)
		d.apply(m, &s, 0)
		if s.phase != ending || s.reason != ReasonKicked {
			t.Errorf("read before: %v: phase %d for %v, want leaving, kicked", read, s.phase, s.reason)
		}
	}
}

// The deadline of a write that is long done is no deadline of the farewell's.
func TestALeavingStreamHasItsTimeWhateverWasSetBefore(t *testing.T) {
	var by time.Time
	d := &handle{wake: make(chan struct{}, 1), bound: func(t time.Time) error { by = t; return nil }}
	d.writeBy = time.Now().Add(-time.Minute)
	d.end(ending, ReasonKicked, 0)
	if left := time.Until(by); left < lingerFor/2 || left > lingerFor {
		t.Errorf("it has %v, want about %v", left, lingerFor)
	}
}
