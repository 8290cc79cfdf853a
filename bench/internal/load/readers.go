package load

import "time"

// Readers is how long the readers of some swarms have had something to do, up to a moment.
type Readers struct {
	at   time.Duration
	busy []time.Duration
}

// LookAtReaders asks all readers.
func LookAtReaders(swarms ...*Swarm) Readers {
	r := Readers{at: Now()}
	for _, s := range swarms {
		r.busy = append(r.busy, s.carrier.busy()...)
	}
	return r
}

// BusyShare is the share of the time since before in which the busiest reader had something
// to do; ok is false where that is not known.
func (r Readers) BusyShare(before Readers) (share float64, ok bool) {
	if len(r.busy) == 0 || len(before.busy) != len(r.busy) || r.at <= before.at {
		return 0, false
	}
	for i, busy := range r.busy {
		share = max(share, (busy-before.busy[i]).Seconds()/(r.at-before.at).Seconds())
	}
	return min(share, 1), true // the clock is read more than once
}
