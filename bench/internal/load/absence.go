package load

import (
	"time"

	"github.com/fastsse/fastsse"
)

// Absence is how a stream went away, and came back. Times are on the process's clock; zero
// means that it did not happen.
type Absence struct {
	Ended    time.Duration // when the server ended it, or it broke
	Clean    bool          // it was not cut: the end of its body came
	Told     bool          // a reconnection time came before it ended
	Wait     time.Duration // how long its client then waited
	Tries    int           // connections since then
	Answers  int           // of these, answered with a stream
	Returned time.Duration // when the last answer before Renewed came
	Gaps     int           // events since then that say that others are lost
	Skipped  uint64        // events of lane 0 that such an event has told of
	Renewed  time.Duration // when the first event came that was published after it went away
}

// absence is what a watched stream keeps. Its meter's mutex guards it.
type absence struct {
	Absence
	before uint64        // the last event of lane 0 that was published before
	retry  time.Duration // the reconnection time so far; negative: none
	gap    bool          // the last event said that some are lost
}

// gapType is the type of events that say that others are lost.
const gapType = "gap"

// WatchAbsence begins to note how each stream goes away, and comes back. Events of lane 0
// were published up to number before. Only streams that are open are watched. For these, an
// end is not an error that Err reports, and an event of type "gap" excuses events that are
// missing right after it.
func (s *Swarm) WatchAbsence(before uint64) {
	for _, st := range s.streams {
		st.meter.mu.Lock()
		if st.phase == open {
			st.absence = &absence{before: before, retry: st.retry()}
		}
		st.meter.mu.Unlock()
	}
}

// retry is the reconnection time that the server has set, or negative.
func (st *stream) retry() time.Duration {
	if wait, set := st.dec.Retry(); set {
		return wait
	}
	return -1
}

// Absences returns what was noted of each stream that is watched.
func (s *Swarm) Absences() []Absence {
	var all []Absence
	for _, st := range s.streams {
		st.meter.mu.Lock()
		if st.absence != nil {
			all = append(all, st.absence.Absence)
		}
		st.meter.mu.Unlock()
	}
	return all
}

// Renewed is how many watched streams have come back, and got an event that was published
// after they had gone. It may be called at any time.
func (s *Swarm) Renewed() (n int) {
	for _, m := range s.meters {
		m.mu.Lock()
		n += m.renewed
		m.mu.Unlock()
	}
	return n
}

// CountMissing counts the events of a lane up to seq that a stream has not got as missing,
// as if a later one had come. It returns how many there are now, in all streams.
func (s *Swarm) CountMissing(lane int, seq uint64) (missing uint64) {
	for _, st := range s.streams {
		m := st.meter
		m.mu.Lock()
		t, l := st.tally(lane), m.now.lane(lane)
		l.Missing += int64(t.expect(seq))
		missing += t.missing()
		m.mu.Unlock()
	}
	return missing
}

// The notes of an absence are made with the meter's mutex held. All methods do nothing for
// a stream that is not watched.

// ends notes that an open stream has ended.
func (a *absence) ends(st *stream, err error, now time.Duration) {
	if a == nil || a.Ended > 0 {
		return
	}
	a.Ended, a.Clean = now, err == errEnded
	a.Told = a.Told || st.retry() != a.retry // a retry that no empty line follows counts, too
	a.Wait = st.comesAfter()
}

// connects notes that the client tries to come back.
func (a *absence) connects() {
	if a != nil && a.Ended > 0 {
		a.Tries++
	}
}

// opens notes that it was answered with a stream.
func (a *absence) opens(now time.Duration) {
	if a == nil || a.Ended == 0 {
		return
	}
	a.Answers++
	if a.Renewed == 0 {
		a.Returned = now
	}
}

// reads notes what a block says of the absence.
func (a *absence) reads(b *fastsse.Received) {
	if a == nil {
		return
	}
	if a.Ended == 0 {
		a.Told = a.Told || b.HasRetry
		return
	}
	if b.HasData && string(b.Type) == gapType {
		a.Gaps++
		a.gap = true
	}
}

// gets notes event seq of lane 0. If the event before it has said that some are lost, these
// are skipped. It reports whether the event is the first since the absence.
func (a *absence) gets(t *tally, seq uint64, now time.Duration) (first bool) {
	if a == nil || a.Ended == 0 {
		return false
	}
	if a.gap {
		a.Skipped += t.skip(seq)
		a.gap = false
	}
	if first = a.Renewed == 0 && seq > a.before && a.Returned > 0; first {
		a.Renewed = now
	}
	return first
}
