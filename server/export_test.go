package server

import "net"

// SpendReserve closes the descriptor that a listener of Listen keeps in reserve.
func SpendReserve(ln net.Listener) {
	l := ln.(*listener)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spendReserve()
}

// HasReserve reports whether a listener of Listen keeps a descriptor in reserve.
func HasReserve(ln net.Listener) bool { return ln.(*listener).reserve.Load() != nil }

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
