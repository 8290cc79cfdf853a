package load

import (
	"slices"
	"time"
)

// tally is what one stream has got of one lane: exactly which sequence numbers, in
// whatever order they came.
type tally struct {
	from    uint64        // the first number that the stream is to get; 0: not known
	late    bool          // it came after publishing had begun: from is the lowest that it got
	last    uint64        // the highest number that came
	at      time.Duration // when
	holes   []hole        // numbers below it that have not come, in their order
	skipped uint64        // numbers that are no part of the sequence
	since   time.Duration // of a late stream of an unordered lane: when its first event came
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

// joins makes seq the first number that a late stream is to get.
func (t *tally) joins(seq uint64) { t.from, t.late, t.last = seq, true, seq-1 }

// early reports whether an unordered event may have come to the server before the late stream
// did, for all that is known: such events do not count, as others like it may rightly not come.
func (t *tally) early(due, now time.Duration) bool {
	if !t.late {
		t.late, t.since = true, now
	}
	return due <= t.since
}

// see counts event seq. It returns how many numbers are newly missing: -1 when seq was
// one of the missing ones. The first that a late stream is to get is the lowest that came.
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
	if seq < t.from { // the stream was late, and had a later one first
		missing = int64(t.from - 1 - seq)
		if missing > 0 {
			t.holes = slices.Insert(t.holes, 0, hole{seq + 1, t.from - 1})
		}
		t.from = seq
		return late, missing
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
	t.skipped += skipped
	return skipped
}

// missing is how many numbers below the highest have not come.
func (t *tally) missing() (n uint64) {
	for _, h := range t.holes {
		n += h.to - h.from + 1
	}
	return n
}

// balance is how many of the numbers up to sent the stream is to get, and how many of these
// have not come. A number beyond sent counts if it came.
func (t *tally) balance(sent uint64) (expected, lost uint64) {
	if t.from == 0 {
		return 0, 0
	}
	sent = max(sent, t.last)
	return sent + 1 - t.from - t.skipped, sent - t.last + t.missing()
}

// Ledger is what the streams of a swarm were to get of a lane, and what they got. Of the
// streams that Expect has found, Expected is Delivered and Lost together, for each stream:
// what one of them has got does not make up for what another has not. Late are the streams
// that came afterwards, and got an event; each was to get all from that one on.
type Ledger struct {
	Expected, Delivered, Lost uint64
	Missing                   uint64 // of those lost, holes: a later event of the stream came

	Late                    int // streams
	LateDelivered, LateLost uint64
}

// Ledger is the account of a lane of which sent events were published.
func (s *Swarm) Ledger(lane int, sent uint64) (l Ledger) {
	for _, st := range s.streams {
		st.meter.mu.Lock()
		l.add(st.tally(lane), s.numbers(st, sent))
		st.meter.mu.Unlock()
	}
	return l
}

func (l *Ledger) add(t *tally, sent uint64) {
	expected, lost := t.balance(sent)
	if t.late {
		l.Late++
		l.LateDelivered += expected - lost
		l.LateLost += lost
		return
	}
	l.Expected += expected
	l.Delivered += expected - lost
	l.Lost += lost
	if t.from > 0 {
		l.Missing += t.missing()
	}
}
