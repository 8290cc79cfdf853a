package cursor

import "testing"

// inside is a stream that has taken 7 bytes of its next event at time 0, and
// then nothing. forgotten: its topic holds that event no more.
func inside(t *testing.T, skips bool, forgotten bool) *reader {
	w := newWorld(t, keeping("a", 1))
	r := &reader{m: w.machine(Chunked, "a"), s: w.fresh()}
	r.m.Skip, r.m.Patience = skips, 30_000
	w.publish("a", "one")
	r.turn(7)
	if forgotten {
		w.publish("a", "two")
	}
	return r
}

func TestAStreamThatTakesNothingIsBrokenOffWhenItsEndOrMemoryWaits(t *testing.T) {
	linger := lingerFor
	for _, c := range []struct {
		name      string
		how       Phase
		forgotten bool
		patience  int64
		at        int64 // the first moment at which it is broken off; 0: never
		why       Reason
	}{
		{"it only lags", Open, false, 30_000, 0, 0},
		{"inside a forgotten event", Open, true, 30_000, 30_000, Timeout},
		{"inside a forgotten event, without a limit", Open, true, 0, 0, 0},
		{"leaving", Ending, false, 30_000, linger, Kicked},
		{"leaving, without a limit", Ending, false, 0, linger, Kicked},
		{"draining", Draining, false, 30_000, 0, 0},
		{"draining inside a forgotten event", Draining, true, 30_000, 30_000, Kicked},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := inside(t, true, c.forgotten)
			r.m.Patience = c.patience
			if c.how != Open {
				r.s.End(c.how, Kicked, 0)
			}
			if c.at == 0 {
				if r.m.Stuck(0, &r.s, 1<<40) {
					t.Fatal("broken off")
				}
				return
			}
			if r.m.Stuck(0, &r.s, c.at-1) {
				t.Fatal("broken off too early")
			}
			if !r.m.Stuck(0, &r.s, c.at) || r.s.Phase != Aborted || r.s.Reason != c.why {
				t.Fatalf("phase %d, reason %v, want broken, %v", r.s.Phase, r.s.Reason, c.why)
			}
			if r.m.Aborted != 1 || len(r.m.unsent) != 0 || r.turn(100) != nil {
				t.Errorf("%d aborts, %d rests; want 1, none, and nothing more to send", r.m.Aborted, len(r.m.unsent))
			}
		})
	}
}

// Last bytes that nobody takes are no abort: they are not an event.
func TestAStreamThatDoesNotTakeItsLastBytesEnds(t *testing.T) {
	w := newWorld(t)
	r := &reader{m: w.machine(Chunked, "a"), s: w.fresh()}
	r.s.End(Ending, MaxAge, 0)
	r.turn(3)
	if r.m.Stuck(0, &r.s, lingerFor-1) {
		t.Fatal("broken off too early")
	}
	if !r.m.Stuck(0, &r.s, lingerFor) || r.s.Reason != MaxAge || r.m.Aborted != 0 {
		t.Errorf("phase %d, reason %v, %d aborts", r.s.Phase, r.s.Reason, r.m.Aborted)
	}
}

// A reader that has paused for long when it is told to leave has its five seconds all
// the same.
func TestTheTimeToLeaveBeginsWithTheOrder(t *testing.T) {
	linger := lingerFor
	r := inside(t, true, false)
	r.s.End(Ending, Kicked, 60_000)
	if r.m.Stuck(0, &r.s, 60_000+linger-1) {
		t.Error("it is broken off before its time")
	}
	if !r.m.Stuck(0, &r.s, 60_000+linger) {
		t.Error("it is not broken off when its time is over")
	}
}
