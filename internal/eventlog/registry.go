package eventlog

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync"
)

// registry finds topics by name. It is divided into stripes with a lock each, so that
// streams which come and go on different topics rarely wait for each other. A topic is in
// it while it is referred to or its log holds events.
//
// A topic's losses are among the tombstones before its log looks empty, so a topic that
// was dropped and is made anew gets them back.
type registry struct {
	seed    maphash.Seed
	stripes [stripes]stripe
	create  func(name string) *Topic
}

const stripes = 64

type stripe struct {
	mu     sync.Mutex // guards topics, and the refs of each
	topics map[string]*Topic
	_      [64 - 16]byte // a cache line each
}

func newRegistry(create func(name string) *Topic) *registry {
	return &registry{seed: maphash.MakeSeed(), create: create}
}

func (r *registry) hash(name string) uint64 { return maphash.String(r.seed, name) }

func (r *registry) stripe(name string) *stripe { return &r.stripes[r.hash(name)%stripes] }

// acquire returns the topic, makes it if need be, and keeps it from being dropped until
// release.
func (r *registry) acquire(name string) *Topic {
	s := r.stripe(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[name]
	if t == nil {
		t = r.create(name)
		if s.topics == nil {
			s.topics = make(map[string]*Topic)
		}
		s.topics[name] = t
	}
	t.refs++
	return t
}

// release undoes one acquire. A topic without references and events is dropped.
func (r *registry) release(t *Topic) {
	s := r.stripe(t.Name)
	s.mu.Lock()
	defer s.mu.Unlock()
	t.refs--
	s.dropUnused(t)
}

// dropUnused drops t if it has neither references nor events.
func (r *registry) dropUnused(t *Topic) {
	s := r.stripe(t.Name)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropUnused(t)
}

func (s *stripe) dropUnused(t *Topic) {
	if t.refs == 0 && t.Empty() && s.topics[t.Name] == t {
		delete(s.topics, t.Name)
	}
}

// lookup returns the topic, or nil. The topic may be dropped at any moment.
func (r *registry) lookup(name string) *Topic {
	s := r.stripe(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.topics[name]
}

// count returns the number of topics, with or without subtrees.
func (r *registry) count(subtrees bool) int {
	n := 0
	for i := range r.stripes {
		s := &r.stripes[i]
		s.mu.Lock()
		for name := range s.topics {
			if subtrees || !strings.HasSuffix(name, "/*") {
				n++
			}
		}
		s.mu.Unlock()
	}
	return n
}

// each calls f with every topic and subtree. f must not use the registry.
func (r *registry) each(f func(t *Topic)) {
	for i := range r.stripes {
		s := &r.stripes[i]
		s.mu.Lock()
		for _, t := range s.topics {
			f(t)
		}
		s.mu.Unlock()
	}
}

// Acquire returns the topics and subtrees with these names, each once, in the order of
// their names. They are not dropped before Release. It makes the index of each subtree
// that has none, or waits for the goroutine that is making it. The caller owns the slice.
func (h *History) Acquire(patterns []string) []*Topic {
	patterns = slices.Compact(slices.Sorted(slices.Values(patterns)))
	topics := make([]*Topic, len(patterns))
	for i, name := range patterns {
		t := h.registry.acquire(name)
		topics[i] = t
		if t.sub != nil {
			h.readSubtree(t)
		}
	}
	return topics
}

// Release undoes one Acquire.
func (h *History) Release(topics []*Topic) {
	for _, t := range topics {
		if t.sub != nil {
			h.mu.Lock()
			h.unread(t)
			h.mu.Unlock()
		}
		h.registry.release(t)
	}
}

// Lookup returns the topic or subtree of that name, or nil. It is not acquired, and may be
// dropped at any moment.
func (h *History) Lookup(name string) *Topic { return h.registry.lookup(name) }

// Topics returns how many topics hold events or are referred to, without subtrees.
func (h *History) Topics() int { return h.registry.count(false) }

// Held returns how many topics and subtrees hold events or are referred to.
func (h *History) Held() int { return h.registry.count(true) }

// Bytes returns the memory that all logs and indexes count for, in bytes.
func (h *History) Bytes() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.memory + h.indexed
}

// Names returns the names of topics, in the same order. The caller owns the slice.
func Names(topics []*Topic) []string {
	list := make([]string, len(topics))
	for i, t := range topics {
		list[i] = t.Name
	}
	return list
}
