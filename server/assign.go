package server

// seat gives a newcomer its place.
func (s *shard) assign(n *admission) {
	i := s.slots.take()
	st := s.slots.at(i)
	st.stream = n.stream
	st.feed = s.feed(n.topics, n.framing)
	st.parkedSocket = n.sock
	s.live++
	if len(s.walks) > 0 {
		setLazy(&s.assigned, i, s.walked)
	}
	if n.hooks != nil {
		s.register(i, n.hooks)
	}
	if d := n.handle; d != nil {
		d.slot, d.assigned = i, true
		st.fd = noDescriptor
		setLazy(&s.handles, i, d)
	}
	r := &s.readers[st.feed]
	st.pos = int32(len(r.slots))
	r.slots = append(r.slots, i)
	s.machine.keepUnsent(i, &st.stream, unsent{bytes: n.rest})
	if n.toldLost > 0 {
		s.machine.noteTold(i, n.toldLost)
	}
	if n.handle == nil && !n.sink {
		if err := s.io.watch(st.fd, slotRef{i, st.gen}); err != nil {
			s.hub.logger().Printf("server: stream cut: watch its connection: %v%s", err, watchRemedy(err))
			s.hangUp(i, ReasonError)
			return
		}
	}
	s.firstTurn(i, st, n)
	if d := n.handle; d != nil && d.done {
		s.releasePump(i)
	}
}

// welcome gives a stream that has just been seated what it is owed: the end, if
// that was ordered while it was on its way.
func (s *shard) firstTurn(i int32, st *slot, n *admission) {
	state, kicked := s.hub.state.Load(), s.meets(n.began, i)
	n.began = nil // a streamed one's newcomer lives as long as the stream
	switch {
	case state == hubClosed:
		s.cut(i, st, ReasonClosed)
	case state == hubCutting:
		s.cut(i, st, ReasonDrain)
	case kicked:
		s.endSlot(i, ending, ReasonKicked)
		s.deliver(i)
	case state == hubDraining:
		s.machine.until = max(s.machine.until, s.hub.history.Newest())
		s.endSlot(i, draining, ReasonDrain)
		s.deliver(i)
	default:
		s.deliver(i)
	}
}

// bid takes leave of a subscriber.
func (s *shard) bid(i int32, st *slot, why Reason) {
	p := s.hooks[i]
	var topics []string
	if p.hasOnClose() {
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
func (s *shard) releasePump(i int32) {
	st := s.slots.at(i)
	s.bid(i, st, s.handles[i].reason)
	delete(s.handles, i)
	s.free(i, st)
}

func (s *shard) free(i int32, st *slot) {
	s.machine.drop(i)
	s.slots.give(i)
	s.live--
}

// leaveFeed takes a stream off its feed's readers.
func (s *shard) leaveFeed(st *slot) {
	f := st.feed
	r := &s.readers[f]
	for _, t := range s.machine.feeds[f].topics {
		t.Readers.Add(-1)
	}
	last := r.slots[len(r.slots)-1]
	r.slots[st.pos] = last
	s.slots.at(last).pos = st.pos
	r.slots = r.slots[:len(r.slots)-1]
	if len(r.slots) == 0 {
		s.dropFeed(f)
	}
}
