package server

// TopicsHeld is how many topics and subtrees are in the registry.
func (h *Hub) TopicsHeld() int {
	n := 0
	for i := range h.registry.stripes {
		s := &h.registry.stripes[i]
		s.mu.Lock()
		n += len(s.topics)
		s.mu.Unlock()
	}
	return n
}

// ShardsRunning is how many shards have a goroutine.
func (h *Hub) ShardsRunning() int {
	n := 0
	for _, s := range h.shards {
		s.mu.Lock()
		if s.running {
			n++
		}
		s.mu.Unlock()
	}
	return n
}
