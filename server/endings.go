package server

// endIfOver closes the connection of a stream that has ended.
func (s *shard) endIfOver(i int32, st *slot) {
	switch st.phase {
	case closed:
		s.startLinger(i, st)
	case aborted:
		s.hangUp(i, st.reason)
	}
}

// startLinger has told the peer all: it waits for the peer to close, because
// closing with unread input would reset the connection and destroy what is on
// the way.
func (s *shard) startLinger(i int32, st *slot) {
	st.shutdownWrite()
	s.bid(i, st, st.reason)
	st.lingering = true
	s.hub.ended.Add(1)
	setLazy(&s.linger, i, s.now+lingerFor.Milliseconds())
}

// hangUp closes a connection at once.
func (s *shard) hangUp(i int32, why Reason) {
	st := s.slots.at(i)
	if st.lingering {
		s.hub.ended.Add(-1)
	} else {
		s.bid(i, st, why)
	}
	s.io.remove(st.fd)
	st.close()
	delete(s.linger, i)
	s.free(i, st)
}

// obey carries out an order, or begins to.
func (s *shard) apply(o command) {
	switch o.kind {
	case cutAll:
		s.walks, s.assigned = nil, nil // they have come to their end
		s.slots.each(func(i int32, st *slot) { s.cut(i, st, o.why) })
		return
	case drainAll:
		s.machine.until = o.until
	}
	s.startWalk(o)
}

// endSeat makes a stream part soon.
func (s *shard) endSlot(i int32, how phase, why Reason) {
	if d := s.handles[i]; d != nil {
		d.end(how, why, s.machine.until)
		return
	}
	s.slots.at(i).end(how, why, s.now)
}

// cut ends a stream now: with its last words if it can take them, without if
// not.
func (s *shard) cut(i int32, st *slot, why Reason) {
	if d := s.handles[i]; d != nil {
		d.end(ending, why, 0)
		d.cut()
		return
	}
	st.end(ending, why, s.now)
	s.deliver(i)
	if st.taken {
		s.machine.abort(i, &st.stream, why)
		s.hangUp(i, why)
	}
}
