package eventlog

// What is too old leaves its log when its topic is published to, with any publish, a
// little each time (sweep), or when a stream is about to be given it (expire).

// mostExpired bounds the events that a publish evicts for their age, of its own topic
// and of each other that it looks at: the next one goes on.
const mostExpired = 64

// sweep evicts what is too old, a little at each call.
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

// expireSome evicts events of t that are too old, and reports whether there may be
// more of them.
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

// Expire evicts what t holds from next on that is too old, if no publish has come
// since to do it: it is not given out.
// now is in milliseconds.
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

// expired reports whether an event of t is older than t keeps it.
func (h *History) expired(t *Topic, f *Frame, now uint32) bool {
	l := t.log.Load()
	return l != nil && f.expired(l.ages.window.Age, now)
}

// expireTopic evicts the events of t that are too old, a few under each History.mu.
func (h *History) expireTopic(t *Topic, now uint32) {
	for more := true; more; {
		h.mu.Lock()
		more = h.expireSome(t, now)
		h.mu.Unlock()
	}
}
