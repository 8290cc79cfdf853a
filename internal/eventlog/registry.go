package eventlog

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync"
)

// registry finds topics by name. It is cut into stripes with a lock each, so
// that streams which come and go on different topics do not meet. A topic is in
// it while somebody refers to it or its log holds something.
//
// What a topic has evicted is among the tombstones before its log looks empty,
// so that whoever makes the topic anew after it was dropped finds them.
type registry struct {
	seed    maphash.Seed
	stripes [stripes]stripe
	create  func(name string) *Topic
}

const stripes = 64

type stripe struct {
	mu     sync.Mutex // guards topics, and their refs
	topics map[string]*Topic
	_      [64 - 16]byte // a cache line each
}

func newRegistry(create func(name string) *Topic) *registry {
	return &registry{seed: maphash.MakeSeed(), create: create}
}

func (r *registry) hash(name string) uint64 { return maphash.String(r.seed, name) }

func (r *registry) stripe(name string) *stripe { return &r.stripes[r.hash(name)%stripes] }

// acquire returns the topic and keeps it from being dropped until release.
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

// release undoes one acquire. A topic that nobody refers to and that holds
// nothing is dropped.
func (r *registry) release(t *Topic) {
	s := r.stripe(t.Name)
	s.mu.Lock()
	defer s.mu.Unlock()
	t.refs--
	s.dropUnused(t)
}

// dropUnused drops t if nobody refers to it and it holds nothing.
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

// lookup returns the topic if it is there. It may be dropped at any moment.
func (r *registry) lookup(name string) *Topic {
	s := r.stripe(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.topics[name]
}

// count counts topics and, if it is to, subtrees.
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

// Acquire returns the topics and subtrees of a subscription, each once, in the
// order of their names, and makes the indexes of the subtrees among them that have
// none. It may wait for another goroutine that is making one.
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

// Release undoes one acquireAll.
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

// Lookup returns the topic or subtree of that name if it is there. It may be dropped
// at any moment.
func (h *History) Lookup(name string) *Topic { return h.registry.lookup(name) }

// Topics is how many topics there are, subtrees not counted.
func (h *History) Topics() int { return h.registry.count(false) }

// Held is how many topics and subtrees there are.
func (h *History) Held() int { return h.registry.count(true) }

// Bytes is what all logs and indexes cost.
func (h *History) Bytes() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.memory + h.indexed
}

// Names returns the names of topics.
func Names(topics []*Topic) []string {
	list := make([]string, len(topics))
	for i, t := range topics {
		list[i] = t.Name
	}
	return list
}
