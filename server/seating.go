package server

import (
	"encoding/binary"
	"slices"
)

// seat gives a newcomer its place.
func (s *shard) seat(n *newcomer) {
	i := s.seats.take()
	st := s.seats.at(i)
	st.stream = n.stream
	st.feed = s.feed(n.topics, n.framing)
	st.parkedSocket = n.sock
	s.live++
	if n.party != nil {
		put(&s.parties, i, n.party)
	}
	if d := n.driver; d != nil {
		d.seat = i
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
	switch s.hub.state.Load() { // it may have come while the orders went out
	case hubOpen:
		s.deliver(i)
	case hubDraining:
		s.machine.until = max(s.machine.until, s.hub.committed.Load())
		s.endSeat(i, draining, ReasonDrain)
		s.deliver(i)
	default:
		s.cut(i, st, ReasonClosed)
	}
}

// feed finds or makes the feed for topics with that framing.
func (s *shard) feed(topics []*topic, fr framing) int32 {
	key := feedKey(topics, fr)
	if f, ok := s.byKey[key]; ok {
		s.hub.releaseAll(topics) // the feed has its own references
		return f
	}
	f := s.freeFeed()
	s.machine.feeds[f] = &feed{topics: topics, framing: fr, committed: s.hub.committed.Load, shared: true}
	s.made++
	s.readers[f] = readers{key: key, made: s.made}
	put(&s.byKey, key, f)
	for _, t := range topics {
		put(&s.byTopic, t, append(s.byTopic[t], f))
		t.shards.Or(s.bit())
	}
	return f
}

// freeFeed returns an unused index for a feed.
func (s *shard) freeFeed() int32 {
	if n := len(s.spare); n > 0 {
		f := s.spare[n-1]
		s.spare = s.spare[:n-1]
		return f
	}
	s.machine.feeds = append(s.machine.feeds, nil)
	s.readers = append(s.readers, readers{})
	return int32(len(s.readers) - 1)
}

// feedKey tells feeds apart: by their topics, in the order of their names, and
// their framing.
func feedKey(topics []*topic, fr framing) string {
	key := []byte{byte(fr)}
	for _, t := range topics {
		key = binary.AppendUvarint(key, uint64(len(t.name)))
		key = append(key, t.name...)
	}
	return string(key)
}

// dropFeed forgets a feed without readers.
func (s *shard) dropFeed(i int32) {
	f := s.machine.feeds[i]
	delete(s.byKey, s.readers[i].key)
	s.machine.feeds[i] = nil
	s.readers[i] = readers{}
	s.spare = append(s.spare, i)
	for _, t := range f.topics {
		feeds := s.byTopic[t]
		feeds = slices.DeleteFunc(feeds, func(g int32) bool { return g == i })
		if len(feeds) > 0 {
			s.byTopic[t] = feeds
			continue
		}
		delete(s.byTopic, t)
		t.shards.And(^s.bit())
	}
	s.hub.releaseAll(f.topics)
}

// bid takes leave of a subscriber.
func (s *shard) bid(i int32, st *seat, why Reason) {
	if p := s.parties[i]; p != nil {
		s.hub.closings.add(p, s.subscriber(i), why)
		delete(s.parties, i)
	}
	s.leaveFeed(st)
	if st.fd != noDescriptor {
		s.hub.counters.parked.Add(-1)
	}
	s.hub.left(why)
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
