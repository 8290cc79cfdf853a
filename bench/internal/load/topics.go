package load

// With several topics event n of a lane is for topic n-1, or as many topics before it as there
// are, and stream i reads topic i in the same way. A stream is to get all events of its topic.
// These have numbers of their own, from 1 on and without holes: what a tally counts.

// topic is the number of the stream's topic.
func (s *Swarm) topic(st *stream) uint64 {
	return uint64(s.request.Data.First+st.index) % uint64(s.request.Data.topics())
}

// number is that of event seq among the events of the stream's topic; ok is false if it is
// for another topic.
func (s *Swarm) number(st *stream, seq uint64) (n uint64, ok bool) {
	topics := uint64(s.request.Data.topics())
	if topics == 1 { // fast path: divisions take as long as the rest of an event
		return seq, true
	}
	return (seq-1)/topics + 1, (seq-1)%topics == s.topic(st)
}

// seq is the event with that number.
func (s *Swarm) seq(st *stream, number uint64) uint64 {
	topics := uint64(s.request.Data.topics())
	if topics == 1 { // fast path
		return number
	}
	return (number-1)*topics + s.topic(st) + 1
}

// numbers is how many of the events up to seq are for the stream.
func (s *Swarm) numbers(st *stream, seq uint64) uint64 { return s.ofTopic(s.topic(st), seq) }

// ofTopic is how many of the events up to seq are for a topic.
func (s *Swarm) ofTopic(topic, seq uint64) uint64 {
	topics := uint64(s.request.Data.topics())
	return (seq + topics - 1 - topic) / topics
}

// Due is how many deliveries the events of a lane up to seq make, to the streams that Expect
// has found.
func (s *Swarm) Due(lane int, seq uint64) (n uint64) {
	for topic := range s.spreads[lane].readers {
		n += s.ofTopic(uint64(topic), seq) * uint64(s.spreads[lane].readers[topic].Load())
	}
	return n
}
