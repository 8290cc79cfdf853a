package server

// sweep looks at a part of the seats: heartbeats, age, slow readers, peers that
// vanished. Each seat's turn comes several times a heartbeat interval.
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
		if s.swept = (s.swept + 1) % s.slots.size(); s.swept == 0 {
			s.dropSpans()
		}
		if i := int32(s.swept); s.slots.at(i).taken {
			s.inspect(i)
		}
	}
	for i, until := range s.linger {
		if s.now >= until {
			s.hangUp(i, 0) // its reason is known already
		}
	}
}

// forgetRuns gives up what feeds keep for the next reader: where nothing is
// published it would keep events in memory that their topic has forgotten.
func (s *shard) dropSpans() {
	for _, f := range s.machine.feeds {
		if f != nil {
			f.dropSpan()
		}
	}
	s.machine.workspace.clear()
}

// inspect is one seat's part of the sweep.
func (s *shard) inspect(i int32) {
	st := s.slots.at(i)
	switch {
	case st.fd == noDescriptor || st.lingering: // its goroutine looks after it; or soon gone
		return
	case s.vanished(st):
		s.hangUp(i, ReasonVanished)
		return
	}
	// End it now if it would pass its age before the next look.
	s.machine.age(&st.stream, s.now, s.every)
	if st.lagging { // it may have fallen off the log, which nothing else would tell
		st.lagging = false
	}
	s.deliver(i)
	if st.taken && !st.lingering && s.machine.stuck(i, &st.stream, s.now) {
		s.endIfOver(i, st)
	}
}

// vanished reports whether the peer of a stream has gone without a word: it has
// not acknowledged what was sent for vanishedAfter.
func (s *shard) vanished(st *slot) bool {
	if st.silentSince == 0 {
		if st.parkedSocket.peerSilent(0) {
			st.silentSince = s.now
		}
		return false
	}
	quiet := s.now - st.silentSince
	if !st.parkedSocket.peerSilent(quiet) {
		st.silentSince = 0
		return false
	}
	return quiet >= vanishedAfter.Milliseconds()
}

// report copies the loop's counters to where Stats reads them.
func (s *shard) report() {
	s.tally.delivered.Store(s.machine.events)
	s.tally.gaps.Store(s.machine.gaps)
	s.tally.aborted.Store(s.machine.aborted)
}
