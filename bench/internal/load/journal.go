package load

import (
	"slices"
	"time"

	"github.com/fastsse/fastsse"
)

// Journal is what happened to a stream since Watch.
type Journal struct {
	Silence time.Duration // the longest time between two events, or until now
	Gaps    int           // events that say that others are lost
	Skipped uint64        // events of lane 0 that such an event has told of
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
	Renewed  time.Duration // when the first event after Watching.Before came
}

// Watching says what Watch looks at.
type Watching struct {
	Before  uint64 // only events of lane 0 after this number make a stream whole again
	Excuses bool   // an event of type "gap" excuses events that are missing right after it
}

// Watch begins to note what happens to each stream that is open. For these, an end is not an
// error that Err reports.
func (s *Swarm) Watch(w Watching) {
	for _, st := range s.streams {
		st.meter.mu.Lock()
		if st.phase == open {
			own := Watching{s.numbers(st, w.Before), w.Excuses}
			st.journal = &journal{Watching: own, heard: Now(), retry: st.retry()}
		}
		st.meter.mu.Unlock()
	}
}

// Journals returns what was noted of each stream that is watched. Silence counts up to until
// for streams that got no event after it.
func (s *Swarm) Journals(until time.Duration) []Journal {
	var all []Journal
	s.eachWatched(func(j *journal) {
		now := j.Journal
		now.Silence, now.Returns = max(j.Silence, until-j.heard), slices.Clone(j.Returns)
		all = append(all, now)
	})
	return all
}

// Away is how many watched streams have ended since a time, and how many of these have got
// an event again.
func (s *Swarm) Away(since time.Duration) (ended, renewed int) {
	s.eachWatched(func(j *journal) {
		if n := len(j.Returns); n > 0 && j.Returns[n-1].Ended >= since {
			ended++
			if !j.away {
				renewed++
			}
		}
	})
	return ended, renewed
}

// eachWatched calls do for each stream that is watched, with its meter locked.
func (s *Swarm) eachWatched(do func(*journal)) {
	for _, st := range s.streams {
		st.meter.mu.Lock()
		if st.journal != nil {
			do(st.journal)
		}
		st.meter.mu.Unlock()
	}
}

// CountMissing counts the events of a lane up to seq that a stream has not got as missing,
// as if a later one had come. It returns how many there are now, in all streams.
func (s *Swarm) CountMissing(lane int, seq uint64) (missing uint64) {
	for _, st := range s.streams {
		m := st.meter
		m.mu.Lock()
		t, l := st.tally(lane), m.now.lane(lane)
		l.Missing += int64(t.expect(s.numbers(st, seq)))
		missing += t.missing()
		m.mu.Unlock()
	}
	return missing
}

// journal is what a watched stream keeps. Its meter's mutex guards it. Its methods do
// nothing for a stream that is not watched.
type journal struct {
	Watching
	Journal
	heard time.Duration // when the last event came
	retry time.Duration // the reconnection time then; negative: none
	told  bool          // one came after the last event
	gap   bool          // the last event said that some are lost
	away  bool          // the last of Returns is not over
}

// gapType is the type of events that say that others are lost.
const gapType = "gap"

// retry is the reconnection time that the server has set, or negative.
func (st *stream) retry() time.Duration {
	if wait, set := st.dec.Retry(); set {
		return wait
	}
	return -1
}

func (j *journal) ends(st *stream, err error, now time.Duration) {
	if j == nil || j.away {
		return
	}
	j.away = true
	told := j.told || st.retry() != j.retry // a retry that no empty line follows counts, too
	j.Returns = append(j.Returns, Return{Ended: now, Clean: err == errEnded, Told: told, Due: now + st.comesAfter()})
}

// last is the return that is under way, or nil.
func (j *journal) last() *Return {
	if j == nil || !j.away {
		return nil
	}
	return &j.Returns[len(j.Returns)-1]
}

func (j *journal) connects() {
	if r := j.last(); r != nil {
		r.Tries++
	}
}

func (j *journal) opens(now time.Duration) {
	if r := j.last(); r != nil {
		r.Answers++
		r.Returned = now
	}
}

// reads notes what a block says that is no event of ours.
func (j *journal) reads(b *fastsse.Received) {
	switch {
	case j == nil:
	case !b.HasData:
		j.told = j.told || b.HasRetry
	case string(b.Type) == gapType:
		j.Gaps++
		j.gap = true
	}
}

// gets notes event seq of lane 0. If the event before it has said that some are lost, these
// may be skipped.
func (j *journal) gets(st *stream, t *tally, seq uint64, now time.Duration) {
	if j == nil {
		return
	}
	if j.gap && j.Excuses {
		j.Skipped += t.skip(seq)
	}
	j.Silence = max(j.Silence, now-j.heard)
	j.heard, j.retry, j.told, j.gap = now, st.retry(), false, false
	if r := j.last(); r != nil && seq > j.Before && r.Returned > 0 {
		r.Renewed, j.away = now, false
	}
}
