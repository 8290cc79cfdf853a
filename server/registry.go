package server

import (
	"hash/maphash"
	"strings"
	"sync"
)

// registry finds topics by name. It is cut into stripes with a lock each, so
// that streams which come and go on different topics do not meet. A topic is in
// it while somebody refers to it or its log holds something.
//
// What a topic has forgotten is among the tombstones before its log looks empty,
// so that whoever makes the topic anew after it was dropped finds them.
type registry struct {
	seed    maphash.Seed
	stripes [stripes]stripe
	create  func(name string) *topic
}

const stripes = 64

type stripe struct {
	mu     sync.Mutex // guards topics, and their refs
	topics map[string]*topic
	_      [64 - 16]byte // a cache line each
}

func newRegistry(create func(name string) *topic) *registry {
	return &registry{seed: maphash.MakeSeed(), create: create}
}

func (r *registry) hash(name string) uint64 { return maphash.String(r.seed, name) }

func (r *registry) stripe(name string) *stripe { return &r.stripes[r.hash(name)%stripes] }

// acquire returns the topic and keeps it from being dropped until release.
func (r *registry) acquire(name string) *topic {
	s := r.stripe(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[name]
	if t == nil {
		t = r.create(name)
		if s.topics == nil {
			s.topics = make(map[string]*topic)
		}
		s.topics[name] = t
	}
	t.refs++
	return t
}

// release undoes one acquire. A topic that nobody refers to and that holds
// nothing is dropped.
func (r *registry) release(t *topic) {
	s := r.stripe(t.name)
	s.mu.Lock()
	defer s.mu.Unlock()
	t.refs--
	s.dropUnused(t)
}

// dropUnused drops t if nobody refers to it and it holds nothing.
func (r *registry) dropUnused(t *topic) {
	s := r.stripe(t.name)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropUnused(t)
}

func (s *stripe) dropUnused(t *topic) {
	if t.refs == 0 && t.empty() && s.topics[t.name] == t {
		delete(s.topics, t.name)
	}
}

// find returns the topic if it is there. It may be dropped at any moment.
func (r *registry) find(name string) *topic {
	s := r.stripe(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.topics[name]
}

// len counts topics; subtrees are not counted.
func (r *registry) len() int {
	n := 0
	for i := range r.stripes {
		s := &r.stripes[i]
		s.mu.Lock()
		for name := range s.topics {
			if !strings.HasSuffix(name, "/*") {
				n++
			}
		}
		s.mu.Unlock()
	}
	return n
}
