package cursor

// What happens to streams whose readers take nothing. A stream that only lags is left
// alone: its topics hold its events, and Settings.Skip says what to do when they no longer
// do.

// Stuck aborts a stream whose reader has taken nothing for too long, and reports whether
// it did: a stream that is to end and has not taken the rest of an event, or its farewell,
// for LingerFor; a stream that is inside an event which its topic has evicted, and so may
// keep a segment in memory for itself alone, for Patience.
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

// insideEvicted reports whether the stream is inside an event that one of its topics may
// have evicted.
func (m *Machine) insideEvicted(key int32, s *Stream) bool {
	return m.unsent[key].event && m.Feeds[s.Feed].lostSince(s.Next-1, s.Live) > 0
}

// Inside reports whether a stream whose offer was not taken to its end may be inside an
// event.
func (m *Machine) Inside(o *Offer, key int32) bool {
	return len(o.Bytes) > 0 && (o.kind == fromLog || (o.kind == fromUnsent && m.unsent[key].event))
}

// Abort ends a stream at once. Its connection must be closed without the end of the body.
func (m *Machine) Abort(key int32, s *Stream, why Reason) {
	if m.unsent[key].event {
		m.Aborted++
	}
	m.keepUnsent(key, s, unsent{})
	s.Phase, s.Reason = Aborted, why
}
