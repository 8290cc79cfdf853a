package server

// What becomes of streams whose readers take nothing. A stream that only lags is
// left alone: its topics hold what it is owed, and SlowReaders says what to do
// when they do not.

// stuck breaks off a stream that has taken nothing for too long, if its end waits
// for that, or memory that is nobody else's any more: one that is leaving, inside
// an event or with its last bytes, after lingerFor; one inside an event that its
// topic has forgotten, after the machine's patience. It reports whether it did.
func (m *machine) stuck(key int32, s *stream, now int64) bool {
	quiet := now - s.wrote
	switch {
	case s.phase == closing, s.phase == ending && s.pending:
		if quiet < lingerFor.Milliseconds() {
			return false
		}
		m.abort(key, s, s.reason)
	case s.phase <= draining && s.pending && m.patience > 0 && quiet >= m.patience && m.insideForgotten(key, s):
		m.abort(key, s, max(s.reason, ReasonTimeout))
	default:
		return false
	}
	return true
}

// insideForgotten reports whether the stream is inside an event that one of its
// topics has forgotten: the rest of it may keep a segment in memory.
func (m *machine) insideForgotten(key int32, s *stream) bool {
	return m.unsent[key].event && m.feeds[s.feed].lostSince(s.next-1, s.live) > 0
}

// inside reports whether the turn's bytes, if not all were taken, end inside an
// event.
func (m *machine) inside(key int32) bool {
	return len(m.offered) > 0 && (m.kind == fromLog || (m.kind == fromUnsent && m.unsent[key].event))
}

// breakOff ends a stream at once: its connection must not look complete.
func (m *machine) abort(key int32, s *stream, why Reason) []byte {
	if m.unsent[key].event {
		m.aborted++
	}
	m.keepUnsent(key, s, unsent{})
	s.phase, s.reason = aborted, why
	return nil
}
