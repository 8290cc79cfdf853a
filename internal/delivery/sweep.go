package delivery

import (
	"time"

	"github.com/fastsse/fastsse/internal/cursor"
)

const (
	// sweepsPerHeartbeat is how often per heartbeat interval each stream is looked at.
	sweepsPerHeartbeat = 4
	// sweepsPerAge is how often per maximum age it is at least.
	sweepsPerAge = 20
	// longestSweep is the interval in milliseconds when there is no heartbeat.
	longestSweep = 15_000 / sweepsPerHeartbeat
)

// sweep looks at a part of the slots: heartbeats, age, slow readers, peers that
// vanished. Each slot's turn comes several times per heartbeat interval.
func (s *shard) sweep() {
	if s.now < s.sweepAt {
		return
	}
	steps := min(int64(s.live), 64, s.every)
	if steps == 0 {
		s.sweepAt = s.now + s.every
		return
	}
	s.sweepAt = s.now + max(s.every/steps, 1)
	part := (s.slots.size() + int(steps) - 1) / int(steps)
	for range part {
		if s.sweptTo = (s.sweptTo + 1) % s.slots.size(); s.sweptTo == 0 {
			s.dropSpans()
		}
		if i := int32(s.sweptTo); s.slots.at(i).taken {
			s.inspect(i)
		}
	}
	for i, until := range s.linger {
		if s.now >= until {
			s.release(i, s.slots.at(i).Reason)
		}
	}
}

// dropSpans gives up what feeds keep for the next reader: where nothing is published
// it would keep events in memory that their topic has evicted.
func (s *shard) dropSpans() {
	for _, f := range s.machine.Feeds {
		if f != nil {
			f.DropSpan()
		}
	}
	s.machine.Workspace().Clear()
}

// inspect is one slot's part of the sweep.
func (s *shard) inspect(i int32) {
	st := s.slots.at(i)
	switch {
	case !st.IsParked() || st.lingering: // its pump looks after it; or it is soon gone
		return
	case st.peer.vanished(s.now, s.now, st.PeerSilent):
		s.release(i, cursor.Vanished)
		return
	}
	// End it now if it would pass its age before the next look.
	st.EndByAge(s.now, s.every)
	if st.lagging { // it may have fallen off the log, which nothing else would tell
		st.lagging = false
	}
	s.deliver(i)
	if st.taken && !st.lingering && s.machine.Stuck(i, &st.Stream, s.now) {
		s.endIfOver(i, st)
	}
}

// vanishedAfter is how long a peer may acknowledge nothing: with a heartbeat interval
// before it, a dead one is found within a minute.
const vanishedAfter = 30 * time.Second

// peerWatch is since when a peer has acknowledged nothing, in milliseconds; 0: it does.
type peerWatch int64

// vanished reports whether the peer has gone without a word: it has not acknowledged
// what was sent for vanishedAfter. It is to be asked every few seconds. silent asks
// the socket whether the peer should have acknowledged something, and has not for so
// many milliseconds; from is the time from which on it counts.
func (p *peerWatch) vanished(now, from int64, silent func(ms int64) bool) bool {
	if *p == 0 {
		if silent(now - from) {
			*p = peerWatch(from)
		}
		return false
	}
	quiet := now - int64(*p)
	if !silent(quiet) {
		*p = 0
		return false
	}
	return quiet >= vanishedAfter.Milliseconds()
}
