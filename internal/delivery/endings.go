package delivery

import "github.com/fastsse/fastsse/internal/cursor"

// A stream ends in four steps (see the diagram at cursor.Phase): it is asked to end (end,
// or cut at once), its machine offers the farewell, this side of the connection is closed
// (halfClose), and its connection and slot are released (release).

// end asks the stream in slot i to end: see cursor.Stream.End.
func (s *shard) end(i int32, how cursor.Phase, why cursor.Reason) {
	if h := s.handles[i]; h != nil {
		h.end(how, why, s.machine.Drain)
		return
	}
	s.slots.at(i).End(how, why, s.now)
}

// cut ends the stream in slot i now: with its farewell if the socket takes it, and
// otherwise without.
func (s *shard) cut(i int32, st *slot, why cursor.Reason) {
	if h := s.handles[i]; h != nil {
		h.end(cursor.Ending, why, cursor.Drain{})
		h.cut()
		return
	}
	st.End(cursor.Ending, why, s.now)
	s.deliver(i)
	if st.taken {
		s.machine.Abort(i, &st.Stream, why)
		s.release(i, why)
	}
}

// endIfOver ends the connection of a stream if its machine has ended the stream.
func (s *shard) endIfOver(i int32, st *slot) {
	switch st.Phase {
	case cursor.Closed:
		s.halfClose(i, st)
	case cursor.Aborted:
		s.release(i, st.Reason)
	}
}

// halfClose ends this side of the connection after the last byte, and keeps it until
// the peer closes or LingerFor has passed. Closing at once with unread input would make
// the kernel send a reset and discard bytes in flight.
func (s *shard) halfClose(i int32, st *slot) {
	st.ShutdownWrite()
	s.signOff(i, st, st.Reason)
	st.lingering = true
	s.delivery.lingering.Add(1)
	setLazy(&s.linger, i, s.now+LingerFor.Milliseconds())
}

// release closes a stream's connection at once, and frees its slot, in whatever state the
// stream is. why is its reason, unless halfClose has given one already.
func (s *shard) release(i int32, why cursor.Reason) {
	st := s.slots.at(i)
	if st.lingering {
		s.delivery.lingering.Add(-1)
		delete(s.linger, i)
	} else {
		s.signOff(i, st, why)
	}
	if st.IsParked() {
		s.io.Remove(int(st.FD))
		st.Close()
	} else {
		delete(s.handles, i)
	}
	s.free(i)
}

// free frees a slot, and what is kept for its stream.
func (s *shard) free(i int32) {
	s.machine.Drop(i)
	s.slots.give(i)
	s.live--
}

// signOff takes a stream off its feed, and tells the host that it has ended.
func (s *shard) signOff(i int32, st *slot, why cursor.Reason) {
	hooks := s.hooks[i]
	var topics []string
	if hooks.Owned() {
		topics = s.names(st.Feed)
	}
	s.unregister(i)
	s.leaveFeed(st)
	if st.IsParked() {
		s.delivery.parked.Add(-1)
	}
	s.host.Ended(hooks, topics, why)
}
