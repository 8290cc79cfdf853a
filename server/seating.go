package server

// seat gives a newcomer its place.
func (s *shard) seat(n *newcomer) {
	i := s.seats.take()
	st := s.seats.at(i)
	st.stream = n.stream
	st.feed = s.feed(n.topics, n.framing)
	st.parkedSocket = n.sock
	s.live++
	if len(s.walks) > 0 {
		put(&s.seated, i, s.walked)
	}
	if n.party != nil {
		s.register(i, n.party)
	}
	if d := n.driver; d != nil {
		d.seat, d.seated = i, true
		st.fd = noDescriptor
		put(&s.drivers, i, d)
	}
	r := &s.readers[st.feed]
	st.pos = int32(len(r.seats))
	r.seats = append(r.seats, i)
	s.machine.owe(i, &st.stream, owing{bytes: n.rest})
	if n.excused > 0 {
		s.machine.excuse(i, n.excused)
	}
	if n.driver == nil && !n.sink {
		if err := s.io.watch(st.fd, seatRef{i, st.gen}); err != nil {
			s.hub.logger().Printf("server: stream cut: watch its connection: %v%s", err, watchRemedy(err))
			s.hangUp(i, ReasonError)
			return
		}
	}
	s.welcome(i, st, n)
	if d := n.driver; d != nil && d.left {
		s.vacate(i)
	}
}

// welcome gives a stream that has just been seated what it is owed: the end, if
// that was ordered while it was on its way.
func (s *shard) welcome(i int32, st *seat, n *newcomer) {
	state, kicked := s.hub.state.Load(), s.meets(n.began, i)
	n.began = nil // a streamed one's newcomer lives as long as the stream
	switch {
	case state == hubClosed:
		s.cut(i, st, ReasonClosed)
	case state == hubCutting:
		s.cut(i, st, ReasonDrain)
	case kicked:
		s.endSeat(i, leaving, ReasonKicked)
		s.deliver(i)
	case state == hubDraining:
		s.machine.until = max(s.machine.until, s.hub.committed.Load())
		s.endSeat(i, draining, ReasonDrain)
		s.deliver(i)
	default:
		s.deliver(i)
	}
}

// bid takes leave of a subscriber.
func (s *shard) bid(i int32, st *seat, why Reason) {
	p := s.parties[i]
	var topics []string
	if p.hears() {
		topics = s.names(st.feed)
	}
	s.unregister(i)
	s.leaveFeed(st)
	if st.fd != noDescriptor {
		s.hub.counters.parked.Add(-1)
	}
	s.hub.left(p, topics, why)
}

// vacate frees the seat of a streamed subscriber whose goroutine has ended.
func (s *shard) vacate(i int32) {
	st := s.seats.at(i)
	s.bid(i, st, s.drivers[i].reason)
	delete(s.drivers, i)
	s.free(i, st)
}

func (s *shard) free(i int32, st *seat) {
	s.machine.forget(i)
	s.seats.give(i)
	s.live--
}

// leaveFeed takes a stream off its feed's readers.
func (s *shard) leaveFeed(st *seat) {
	f := st.feed
	r := &s.readers[f]
	for _, t := range s.machine.feeds[f].topics {
		t.readers.Add(-1)
	}
	last := r.seats[len(r.seats)-1]
	r.seats[st.pos] = last
	s.seats.at(last).pos = st.pos
	r.seats = r.seats[:len(r.seats)-1]
	if len(r.seats) == 0 {
		s.dropFeed(f)
	}
}
