package load

import "time"

// tally is what one stream has had of one lane: which sequence numbers, to the
// last one, whatever order they came in.
type tally struct {
	last  uint64        // the highest number that came
	at    time.Duration // when
	holes []hole        // numbers below it that have not come, in their order
}

// hole is a run of sequence numbers.
type hole struct{ from, to uint64 }

// arrival is what one event was to its stream.
type arrival int

const (
	fresh arrival = iota // higher than all before it
	late                 // it was missing until now
	twice                // it had come before
)

// see counts event seq. It returns how many numbers it has found to be missing:
// negative when it was one of them.
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

// fill takes seq out of the hole that it is in, if it is in one.
func (t *tally) fill(seq uint64) bool {
	for i := len(t.holes) - 1; i >= 0; i-- { // what comes late comes soon
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

// whole says whether all events up to seq have come.
func (t *tally) whole(seq uint64) bool { return t.last >= seq && len(t.holes) == 0 }
