package load

import "time"

// tally is what one stream has got of one lane: exactly which sequence numbers, in
// whatever order they came.
type tally struct {
	last  uint64        // the highest number that came
	at    time.Duration // when
	holes []hole        // numbers below it that have not come, in their order
}

// hole is a range of sequence numbers.
type hole struct{ from, to uint64 }

// arrival is how an event relates to those that its stream had before.
type arrival int

const (
	fresh arrival = iota // higher than all before it
	late                 // it was missing until now
	twice                // it had come before
)

// see counts event seq. It returns how many numbers are newly missing: -1 when seq was
// one of the missing ones.
func (t *tally) see(seq uint64, now time.Duration) (a arrival, missing int64) {
	if seq == t.last+1 { // fast path: in order
		t.last, t.at = seq, now
		return fresh, 0
	}
	if seq > t.last {
		missing = int64(seq - t.last - 1)
		t.holes = append(t.holes, hole{t.last + 1, seq - 1})
		t.last, t.at = seq, now
		return fresh, missing
	}
	if t.fill(seq) {
		t.at = now
		return late, -1
	}
	return twice, 0
}

// fill removes seq from the hole that it is in, if any.
func (t *tally) fill(seq uint64) bool {
	for i := len(t.holes) - 1; i >= 0; i-- { // late events are usually not very late
		h := &t.holes[i]
		switch {
		case seq > h.to:
			return false
		case seq < h.from:
			continue
		case h.from == h.to:
			t.holes = append(t.holes[:i], t.holes[i+1:]...)
		case seq == h.from:
			h.from++
		case seq == h.to:
			h.to--
		default:
			t.holes = append(t.holes, hole{})
			copy(t.holes[i+2:], t.holes[i+1:])
			t.holes[i], t.holes[i+1] = hole{h.from, seq - 1}, hole{seq + 1, h.to}
		}
		return true
	}
	return false
}

// whole reports whether all events up to seq have come.
func (t *tally) whole(seq uint64) bool { return t.last >= seq && len(t.holes) == 0 }

// expect makes the numbers up to seq that have not come missing ones, and returns how many
// these are.
func (t *tally) expect(seq uint64) (missing uint64) {
	if seq <= t.last {
		return 0
	}
	t.holes = append(t.holes, hole{t.last + 1, seq})
	missing, t.last = seq-t.last, seq
	return missing
}

// skip takes the numbers before seq that have not come for no part of the sequence, and
// returns how many these are.
func (t *tally) skip(seq uint64) (skipped uint64) {
	if seq <= t.last {
		return 0
	}
	skipped, t.last = seq-1-t.last, seq-1
	return skipped
}

// missing is how many numbers below the highest have not come.
func (t *tally) missing() (n uint64) {
	for _, h := range t.holes {
		n += h.to - h.from + 1
	}
	return n
}
