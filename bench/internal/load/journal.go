package load

import (
	"time"

	"github.com/fastsse/fastsse"
)

// Journal is what happened to a stream since WatchJournals.
type Journal struct {
	Silence time.Duration // the longest time between two events, or until now
	Gaps    int           // events that say that others are lost
	Returns []Return      // each time that the stream ended, in order
}

// Return is how a stream went away, and came back. Times are on the process's clock; zero
// means that it did not happen. Returned is that of the last answer before Renewed: an
// answer that ends again without an event says to come back later.
type Return struct {
	Ended    time.Duration // when the server ended it, or it broke
	Clean    bool          // it was not cut: the end of its body came
	Told     bool          // a reconnection time came right before it ended
	Due      time.Duration // when its client was to come back first
	Tries    int           // connections since then
	Answers  int           // of these, answered with a stream
	Returned time.Duration
	Renewed  time.Duration // when the next event came
}

// journal is what a watched stream keeps. Its meter's mutex guards it. Its methods do
// nothing for a stream that is not watched.
type journal struct {
	heard   time.Duration // when the last event came
	silence time.Duration
	gaps    int
	told    bool // a reconnection time came after the last event
	away    bool // the last of returns is not over
	returns []Return
}

// WatchJournals begins to note what happens to each stream that is open. For these, an end
// is not an error that Err reports.
func (s *Swarm) WatchJournals() {
	for _, st := range s.streams {
		st.meter.mu.Lock()
		if st.phase == open {
			st.journal = &journal{heard: Now()}
		}
		st.meter.mu.Unlock()
	}
}

// Journals returns what was noted of each stream that is watched. Silence counts up to until
// for streams that got no event after it.
func (s *Swarm) Journals(until time.Duration) []Journal {
	var all []Journal
	for _, st := range s.streams {
		st.meter.mu.Lock()
		if j := st.journal; j != nil {
			all = append(all, Journal{
				Silence: max(j.silence, until-j.heard), Gaps: j.gaps, Returns: append([]Return(nil), j.returns...),
			})
		}
		st.meter.mu.Unlock()
	}
	return all
}

// Away is how many watched streams have ended since a time, and how many of these have got
// an event again.
func (s *Swarm) Away(since time.Duration) (ended, renewed int) {
	for _, st := range s.streams {
		st.meter.mu.Lock()
		if j := st.journal; j != nil && len(j.returns) > 0 && j.returns[len(j.returns)-1].Ended >= since {
			ended++
			if !j.away {
				renewed++
			}
		}
		st.meter.mu.Unlock()
	}
	return ended, renewed
}

// ends notes that an open stream has ended.
func (j *journal) ends(st *stream, err error, now time.Duration) {
	if j == nil || j.away {
		return
	}
	j.away = true
	j.returns = append(j.returns, Return{Ended: now, Clean: err == errEnded, Told: j.told, Due: now + st.comesAfter()})
}

// last is the return that is under way, or nil.
func (j *journal) last() *Return {
	if j == nil || !j.away {
		return nil
	}
	return &j.returns[len(j.returns)-1]
}

// connects notes that the client tries to come back.
func (j *journal) connects() {
	if r := j.last(); r != nil {
		r.Tries++
	}
}

// opens notes that it was answered with a stream.
func (j *journal) opens(now time.Duration) {
	if r := j.last(); r != nil {
		r.Answers++
		r.Returned = now
	}
}

// reads notes what a block says.
func (j *journal) reads(b *fastsse.Received, now time.Duration) {
	switch {
	case j == nil:
	case !b.HasData:
		j.told = j.told || b.HasRetry
	case string(b.Type) == gapType:
		j.gaps++
	default:
		j.hears(now)
	}
}

// hears notes an event.
func (j *journal) hears(now time.Duration) {
	j.silence, j.heard, j.told = max(j.silence, now-j.heard), now, false
	if r := j.last(); r != nil {
		r.Renewed, j.away = now, false
	}
}
