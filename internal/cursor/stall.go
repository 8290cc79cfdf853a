package cursor

// What becomes of streams whose readers take nothing. A stream that only lags is left
// alone: its topics hold what is for it, and Settings.Skip says what to do when they
// do not.

// Stuck aborts a stream that has taken nothing for too long, if its end waits for
// that, or memory that is nobody else's any more: one that is to end, inside an event
// or with its farewell, after LingerFor; one inside an event that its topic has
// evicted, after Patience. It reports whether it did.
func (m *Machine) Stuck(key int32, s *Stream, now int64) bool {
	quiet := now - s.Wrote
	switch {
	case s.Phase == Closing, s.Phase == Ending && s.Pending:
		if quiet < m.LingerFor {
			return false
		}
		m.Abort(key, s, s.Reason)
	case s.Phase <= Draining && s.Pending && m.Patience > 0 && quiet >= m.Patience && m.insideEvicted(key, s):
		why := Timeout
		if s.Phase == Draining {
			why = s.Reason
		}
		m.Abort(key, s, why)
	default:
		return false
	}
	return true
}

// insideEvicted reports whether the stream is inside an event that one of its topics
// has evicted: the rest of it may keep a segment in memory.
func (m *Machine) insideEvicted(key int32, s *Stream) bool {
	return m.unsent[key].event && m.Feeds[s.Feed].lostSince(s.Next-1, s.Live) > 0
}

// Inside reports whether an offer of which not all was taken ends inside an event.
func (m *Machine) Inside(o *Offer, key int32) bool {
	return len(o.Bytes) > 0 && (o.kind == fromLog || (o.kind == fromUnsent && m.unsent[key].event))
}

// Abort ends a stream at once: its connection must not look complete.
func (m *Machine) Abort(key int32, s *Stream, why Reason) {
	if m.unsent[key].event {
		m.Aborted++
	}
	m.keepUnsent(key, s, unsent{})
	s.Phase, s.Reason = Aborted, why
}
