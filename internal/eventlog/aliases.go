package eventlog

// FindAlias returns how many events of t have this publisher's id, and the sequence
// of the newest one. t must have been acquired. It may be called by any goroutine.
func (h *History) FindAlias(t *Topic, id string) (seq uint64, uses int) {
	if t.sub != nil {
		return t.sub.index.Load().findAlias(id, h.aliasHash(id))
	}
	l := t.log.Load()
	if l == nil {
		return 0, 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	a := l.aliases[id]
	return a.seq, a.uses
}
