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

// Held is a topic that somebody refers to, as a stream does.
type Held struct {
	hub   *Hub
	topic *topic
}

// Hold refers to a topic without subscribing to it.
func (h *Hub) Hold(name string) Held { return Held{h, h.registry.acquire(name)} }

// Release undoes Hold.
func (h Held) Release() { h.hub.release(h.topic) }

// Empty reports whether nothing is left that a reader could see.
func (h Held) Empty() bool { return h.topic.empty() }

// HasForgotten reports whether a stream that has not seen the event with that id
// would be told of a loss.
func (h Held) HasForgotten(id string) bool {
	_, seq, _ := parseID(id)
	return h.topic.lostSince(seq, seq) >= seq
}
