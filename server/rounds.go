package server

// enqueue starts a round for the readers of a feed, or has the one under way
// done again.
func (s *shard) enqueue(f int32) {
	r := &s.readers[f]
	if r.queued {
		r.again = true
		return
	}
	r.queued = true
	s.jobs.push(job{feed: f, made: r.made, left: len(r.slots)})
}

// round delivers to a limited number of readers, and lets the next job come
// first the next time.
func (s *shard) round() {
	for budget := writesPerRound; budget > 0 && s.jobs.len() > 0; {
		j := s.jobs.pop()
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
		if r.made == j.made { // else its last reader has left
			s.requeue(j, r)
		}
	}
	s.runReady()
}

// touch loads seats into the processor's caches all at once, before each is
// needed: with a million of them every one is a miss, and misses that overlap
// cost a tenth of misses that wait for each other (BenchmarkPublish).
func (s *shard) prefetch(seats []int32) {
	var sum uint64
	for _, i := range seats {
		sum += s.slots.at(i).next
	}
	s.prefetchSink = sum // or the compiler would leave it out
}

// requeue puts a job that is not done behind the others.
func (s *shard) requeue(j job, r *readers) {
	if j.left == 0 {
		if !r.again {
			r.queued = false
			return
		}
		r.again = false
		j.left = len(r.slots)
	}
	s.jobs.push(j)
}

// feedHungry gives another turn to those that did not get all in one.
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

// deliver gives a reader what there is for it, a few writes at most.
func (s *shard) deliver(i int32) {
	st := s.slots.at(i)
	if st.fd == noDescriptor {
		if d := s.handles[i]; d != nil {
			d.notify()
		}
		return
	}
	if st.lagging || st.lingering {
		return
	}
	m := &s.machine
	for range turnsPerVisit {
		b := m.next(i, &st.stream, s.now)
		if b == nil {
			s.endIfOver(i, st)
			return
		}
		write := st.write
		if m.behind() {
			write = st.writeBusy
		}
		n, err := write(b)
		if err != nil {
			s.hangUp(i, ReasonClient)
			return
		}
		m.took(i, &st.stream, n, s.now)
		if n < len(b) {
			st.lagging = true
			return
		}
		if st.phase >= closed {
			s.endIfOver(i, st)
			return
		}
	}
	if !st.ready {
		st.ready = true
		s.ready = append(s.ready, slotRef{i, st.gen})
	}
}
