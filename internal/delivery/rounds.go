package delivery

import "github.com/fastsse/fastsse/internal/cursor"

const (
	// writesPerRound bounds the deliveries in one pass of the loop: a flood of events on
	// one topic must not delay an event on another.
	writesPerRound = 256
	// prefetchAhead is how many slots are loaded ahead of their turn.
	prefetchAhead = 16
	// turnsPerVisit bounds the writes to one reader before the next reader's turn.
	turnsPerVisit = 4
)

// job is one delivery to all readers of a feed, from the last to the first. When a reader
// leaves, the last one takes its place in the list; it has been delivered to already, so
// none is left out.
type job struct {
	feed int32
	made uint32 // readers.made of the feed
	left int    // readers before this index are still to be delivered to
}

// enqueue adds a job for a feed, or makes the present one start again when it is done.
func (s *shard) enqueue(f int32) {
	r := &s.readers[f]
	if r.queued {
		r.again = true
		return
	}
	r.queued = true
	s.jobs.Push(job{feed: f, made: r.made, left: len(r.slots)})
}

// round delivers to at most writesPerRound readers. A job that is not done then goes
// behind the others.
func (s *shard) round() {
	for budget := writesPerRound; budget > 0 && s.jobs.Len() > 0; {
		j := s.jobs.Pop()
		r := &s.readers[j.feed]
		for r.made == j.made && budget > 0 {
			j.left = min(j.left, len(r.slots))
			if j.left == 0 {
				break
			}
			if j.left%prefetchAhead == 0 || budget == writesPerRound {
				s.prefetch(r.slots[max(j.left-prefetchAhead, 0):j.left])
			}
			j.left--
			budget--
			s.deliver(r.slots[j.left])
		}
		if r.made == j.made { // else the feed's last reader has left
			s.requeue(j, r)
		}
	}
	s.runReady()
}

// prefetch loads slots into the processor's caches together, before they are needed. With
// a million slots each is a cache miss, and misses that overlap cost a tenth of misses one
// after the other (BenchmarkPublish).
func (s *shard) prefetch(slots []int32) {
	var sum uint64
	for _, i := range slots {
		sum += s.slots.at(i).Next
	}
	s.prefetchSink = sum
}

// requeue puts a job behind the others if it is not done, or is to start again.
func (s *shard) requeue(j job, r *readers) {
	if j.left == 0 {
		if !r.again {
			r.queued = false
			return
		}
		r.again = false
		j.left = len(r.slots)
	}
	s.jobs.Push(j)
}

// runReady delivers to readers that still had events to take after a full turn.
func (s *shard) runReady() {
	n := min(len(s.ready), writesPerRound/turnsPerVisit)
	for _, ref := range s.ready[:n] {
		if st, ok := s.slots.get(ref); ok {
			st.ready = false
			s.deliver(ref.slot)
		}
	}
	s.ready = append(s.ready[:0], s.ready[n:]...)
	if len(s.ready) == 0 {
		s.ready = nil
	}
}

// deliver writes to the stream in slot i what there is for it, in turnsPerVisit writes at
// most, or wakes its pump.
func (s *shard) deliver(i int32) {
	st := s.slots.at(i)
	if !st.IsParked() {
		if h := s.handles[i]; h != nil {
			h.notify()
		}
		return
	}
	if st.lagging || st.lingering {
		return
	}
	m, o := &s.machine, &s.offer
	for range turnsPerVisit {
		if !m.Next(o, i, &st.Stream, s.now) {
			s.endIfOver(i, st)
			return
		}
		write := st.Write
		if o.Behind() {
			write = st.WriteYielding
		}
		n, err := write(o.Bytes)
		if err != nil {
			s.release(i, cursor.Client)
			return
		}
		offered := len(o.Bytes)
		m.Took(o, i, &st.Stream, n, s.now)
		if n < offered {
			st.lagging = true
			return
		}
		if st.Phase >= cursor.Closed {
			s.endIfOver(i, st)
			return
		}
	}
	if !st.ready {
		st.ready = true
		s.ready = append(s.ready, slotRef{i, st.gen})
	}
}
