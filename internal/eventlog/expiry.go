package eventlog

// Events that are too old are evicted when their topic is published to, a few at a time
// with each publish to any topic (sweep), and before a stream that resumes would be sent
// them (Expire).

// mostExpired bounds the events that one publish evicts for their age, from its own topic
// and from each other topic that it looks at. The next publish evicts the next ones.
const mostExpired = 64

// sweep evicts a few events that are too old, from the topics with the oldest last
// publish, and drops an index that nobody has read for keptIdle.
func (h *History) sweep(now uint32) {
	h.swept = max(h.swept, now)
	for _, a := range h.ages {
		for range 2 {
			if t := a.oldest; t != nil && t.log.Load().stale(&a.window, now) {
				h.expireSome(t, now)
			}
		}
	}
	if e := h.idle.Front(); e != nil {
		if t := e.Value.(*Topic); h.swept-t.sub.idleSince > keptIdle {
			h.dropIdleIndex(t)
		}
	}
}

// expireSome evicts up to mostExpired events of t that are too old, and reports whether
// there may be more of them.
func (h *History) expireSome(t *Topic, now uint32) (more bool) {
	l := t.log.Load()
	if l == nil {
		return false
	}
	for range mostExpired {
		if l.count == 0 || !l.oldestFrame().expired(l.ages.window.Age, now) {
			return false
		}
		h.evictOldest(t)
	}
	return true
}

// Expire evicts the events at or after next that are too old, which matters where no
// publish has come since to do it: a stream that resumes must not be sent them. ms is
// the time, in milliseconds of the hub's clock. It may be called by any goroutine.
func (h *History) Expire(t *Topic, next uint64, ms int64) {
	now := secondsOf(ms)
	for p := t.Seek(next); p.Frame != nil; p.Next() {
		of := t
		if t.sub != nil {
			of = p.topic()
		}
		switch {
		case h.expired(of, p.Frame, now):
			h.expireTopic(of, now)
			if t.sub == nil {
				return
			}
		case t.sub == nil || !p.Frame.expired(h.leastAge, now):
			return // all that follow are younger
		}
	}
}

// expired reports whether an event of t is older than t's window allows.
func (h *History) expired(t *Topic, f *Frame, now uint32) bool {
	l := t.log.Load()
	return l != nil && f.expired(l.ages.window.Age, now)
}

// expireTopic evicts the events of t that are too old. It takes History.mu for a few at
// a time.
func (h *History) expireTopic(t *Topic, now uint32) {
	for more := true; more; {
		h.mu.Lock()
		more = h.expireSome(t, now)
		h.mu.Unlock()
	}
}
