package server

// endIfOver closes the connection of a stream that has ended.
func (s *shard) endIfOver(i int32, st *seat) {
	switch st.phase {
	case over:
		s.startLinger(i, st)
	case broken:
		s.hangUp(i, st.reason)
	}
}

// startLinger has told the peer all: it waits for the peer to close, because
// closing with unread input would reset the connection and destroy what is on
// the way.
func (s *shard) startLinger(i int32, st *seat) {
	st.shutdownWrite()
	s.bid(i, st, st.reason)
	st.lingering = true
	put(&s.linger, i, s.now+lingerFor.Milliseconds())
}

// hangUp closes a connection at once.
func (s *shard) hangUp(i int32, why Reason) {
	st := s.seats.at(i)
	if !st.lingering {
		s.bid(i, st, why)
	}
	s.io.remove(st.fd)
	st.close()
	delete(s.linger, i)
	s.free(i, st)
}

// obey carries out an order.
func (s *shard) obey(o order) {
	if o.kind == drainAll {
		s.machine.until = o.until
	}
	s.seats.each(func(i int32, st *seat) {
		switch o.kind {
		case drainAll:
			s.endSeat(i, draining, ReasonDrain)
			s.deliver(i)
		case kickSome:
			if !st.lingering && s.picked(o.pick, i) {
				s.endSeat(i, leaving, ReasonKicked)
				s.deliver(i)
			}
		case cutAll:
			s.cut(i, st, o.why)
		}
	})
}

// picked asks an application's predicate about a stream.
func (s *shard) picked(pick func(Subscriber) bool, i int32) (yes bool) {
	defer survive(s.hub.logger(), "Kick's predicate")
	return pick(s.subscriber(i))
}

// endSeat makes a stream part soon.
func (s *shard) endSeat(i int32, how phase, why Reason) {
	if d := s.drivers[i]; d != nil {
		d.end(how, why, s.machine.until)
		return
	}
	s.seats.at(i).end(how, why)
}

// cut ends a stream now: with its last words if it can take them, without if
// not.
func (s *shard) cut(i int32, st *seat, why Reason) {
	if d := s.drivers[i]; d != nil {
		d.end(leaving, why, 0)
		d.abort()
		return
	}
	st.end(leaving, why)
	s.deliver(i)
	if st.taken {
		s.machine.breakOff(i, &st.stream, why)
		s.hangUp(i, why)
	}
}

// subscriber describes the stream in a seat.
func (s *shard) subscriber(i int32) Subscriber {
	st := s.seats.at(i)
	var sub Subscriber
	for _, t := range s.machine.feeds[st.feed].topics {
		sub.Topics = append(sub.Topics, t.name)
	}
	if p := s.parties[i]; p != nil {
		sub.User, sub.RemoteAddr = p.user, p.remoteAddr
	}
	switch d := s.drivers[i]; {
	case sub.RemoteAddr != "":
	case d != nil:
		sub.RemoteAddr = d.remoteAddr()
	default:
		sub.RemoteAddr = st.remoteAddr()
	}
	return sub
}
