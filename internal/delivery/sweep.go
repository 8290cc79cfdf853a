package delivery

import (
	"time"

	"github.com/fastsse/fastsse/internal/cursor"
)

const (
	// sweepsPerHeartbeat is how often each slot is swept per heartbeat interval.
	sweepsPerHeartbeat = 4
	// sweepsPerAge is how often, at least, each slot is swept per maximum age.
	sweepsPerAge = 20
	// longestSweep is the longest time between two sweeps of a slot, in milliseconds.
	longestSweep = 15_000 / sweepsPerHeartbeat
)

// sweep inspects some of the slots, if it is time, so that each is inspected once in
// s.every milliseconds: heartbeats, age, slow readers, peers that vanished. After each round
// it publishes how many streams lag.
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
			s.lag.publish(s.lagging)
			s.lagging = lagSum{}
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

// dropSpans drops the spans that feeds keep for their next reader. Where nothing is
// published, they would keep evicted events in memory.
func (s *shard) dropSpans() {
	for _, f := range s.machine.Feeds {
		if f != nil {
			f.DropSpan()
		}
	}
	s.machine.Workspace().Clear()
}

// inspect sweeps one slot, which is taken.
func (s *shard) inspect(i int32) {
	st := s.slots.at(i)
	switch {
	case !st.IsParked(): // its pump does this
		if h := s.handles[i]; h != nil && h.writing.waits(s.now) {
			s.lagging.note(h.writing.next.Load(), s.host.History.Newest())
		}
		return
	case st.lingering: // sweep releases it
		return
	case st.peer.vanished(s.now, s.now, st.PeerSilent):
		s.release(i, cursor.Vanished)
		return
	}
	// End the stream now if it would pass its maximum age before the next sweep.
	st.EndByAge(s.now, s.every)
	if st.lagging { // its next event may have been evicted, which nothing else would notice
		st.lagging = false
	}
	s.deliver(i)
	if !st.taken || st.lingering {
		return
	}
	if st.lagging {
		s.lagging.note(st.Next, s.host.History.Newest())
	}
	if s.machine.Stuck(i, &st.Stream, s.now) {
		s.endIfOver(i, st)
	}
}

// VanishedAfter is how long a peer may acknowledge nothing. As the default heartbeat
// interval may pass before it begins to count, a dead peer is found within a minute. Tests
// shorten it before they make a hub.
var VanishedAfter = 30 * time.Second

// peerWatch is the time since when a peer has acknowledged nothing, in milliseconds; 0: it
// does acknowledge.
type peerWatch int64

// vanished reports whether the peer's machine or network is gone: it has acknowledged
// nothing for VanishedAfter, although data was sent. Call it every few seconds. silent
// asks the socket whether data has been unacknowledged for so many milliseconds; if it is
// at the first call, the time counts from the time from.
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
	return quiet >= VanishedAfter.Milliseconds()
}
