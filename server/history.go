package server

import (
	"cmp"
	"slices"
)

// history is all logs of a hub together: what is appended, how much may be
// kept, and what is forgotten. Every method needs Hub.mu.
type history struct {
	registry *registry
	trace    *trace
	epoch    string
	max      int64 // bytes

	memory     int64 // bytes of all logs
	shelves    []*shelf
	subtrees   map[string]*topic // the built ones
	generation uint64            // of subtrees: changes with each that comes or goes
}

// shelf holds the topics with the same window whose logs hold something, in the
// order of their last publish.
type shelf struct {
	window         window
	newest, oldest *topic
}

// newTopic makes a topic with the window that its name has a right to. It does
// not need the lock.
func (h *history) newTopic(name string, window window) *topic {
	t := &topic{name: name, subtree: name[len(name)-1] == '*'}
	t.log.window = window
	// A segment is forgotten whole, so it must be small beside the bound.
	t.log.largest = int(min(max(h.max/16, smallestSegment), largestSegment))
	lost := h.trace.last(h.registry.hash(name))
	t.log.forgotten.Store(lost)
	t.log.gone.Store(lost)
	return t
}

// entry is one event on its way into the logs.
type entry struct {
	topic     *topic
	alias     string // the publisher's own id, or empty
	fields    []byte // the block after its id line
	ephemeral bool
	seq       uint64 // set by append
}

// append writes e under seq into its topic's log and those of the subtrees that
// it is in, and returns these.
func (h *history) append(e *entry, seq uint64, now uint32) []*topic {
	e.seq = seq
	f := frame{seq: seq, at: now}
	if e.ephemeral || e.topic.log.window.ephemeral {
		f.flags |= ephemeralFrame
	}
	var native [maxIDBytes]byte
	id := native[:0]
	if e.alias != "" {
		f.flags |= aliasedFrame
		id = append(id, e.alias...)
	} else {
		id = appendID(id, h.epoch, seq)
	}
	payload := len("id: ") + len(id) + 1 + len(e.fields)
	f.head = uint8(chunkHeadLen(payload))
	f.end = uint32(int(f.head) + payload + 2)

	dst := h.room(e.topic, int(f.end))
	b := appendChunkHead(dst[:0], payload)
	b = append(b, "id: "...)
	b = append(b, id...)
	b = append(b, '\n')
	b = append(b, e.fields...)
	copy(dst[len(b):], "\r\n")
	h.commit(e.topic, f, now)
	for _, s := range h.above(e.topic) {
		copy(h.room(s, len(dst)), dst)
		h.commit(s, f, now)
	}
	return e.topic.subtrees
}

// room returns a slice of n bytes for t's next frame, and keeps the books.
func (h *history) room(t *topic, n int) []byte {
	before := t.log.memory
	b := t.log.room(n)
	h.memory += int64(t.log.memory - before)
	return b
}

// commit makes a frame visible, and keeps the books.
func (h *history) commit(t *topic, f frame, now uint32) {
	before := t.log.memory
	t.log.commit(f)
	t.log.trim(now)
	h.memory += int64(t.log.memory - before)
	h.touch(t)
}

// above returns the built subtrees that t is in.
func (h *history) above(t *topic) []*topic {
	if t.subtreesAt != h.generation {
		t.subtreesAt = h.generation
		t.subtrees = nil
		ancestors(t.name, func(name string) {
			if s := h.subtrees[name]; s != nil {
				t.subtrees = append(t.subtrees, s)
			}
		})
	}
	return t.subtrees
}

// build makes the log of a subtree from what its topics still hold. From then
// on it gets every event that they get.
func (h *history) build(t *topic, now uint32) {
	if t.built {
		return
	}
	type found struct {
		seg *segment
		f   frame
	}
	var all []found
	lost, gone := t.log.forgotten.Load(), t.log.gone.Load()
	for _, child := range h.registry.below(t.name) {
		l := &child.log
		lost, gone = max(lost, l.forgotten.Load()), max(gone, l.gone.Load())
		for i, seg := range l.segs {
			for j, f := range seg.visible() {
				if i > 0 || j >= l.oldest {
					all = append(all, found{seg, f})
				}
			}
		}
	}
	t.log.forgotten.Store(lost)
	t.log.gone.Store(gone)
	slices.SortFunc(all, func(a, b found) int { return cmp.Compare(a.f.seq, b.f.seq) })
	for _, e := range all {
		f := e.f
		size := f.end - f.start
		copy(h.room(t, int(size)), e.seg.chunk(&e.f))
		f.start, f.end = 0, size
		h.commit(t, f, now)
	}
	t.built = true
	if h.subtrees == nil {
		h.subtrees = make(map[string]*topic)
	}
	h.subtrees[t.name] = t
	h.generation++
}

// touch puts t at the newest end of its shelf.
func (h *history) touch(t *topic) {
	if t.shelf == nil {
		t.shelf = h.shelfFor(t.log.window)
	} else {
		t.shelf.remove(t)
	}
	t.shelf.add(t)
}

func (h *history) shelfFor(w window) *shelf {
	for _, s := range h.shelves {
		if s.window == w {
			return s
		}
	}
	s := &shelf{window: w}
	h.shelves = append(h.shelves, s)
	return s
}

// sweep forgets what is too old, a little at each call, and what is beyond the
// bound for all logs. It is called after a publish to last, whose newest event
// stays.
func (h *history) sweep(last *topic, now uint32) {
	for _, s := range h.shelves {
		for range 2 {
			if t := s.oldest; t != nil && t.log.stale(now) {
				h.clear(t)
			}
		}
	}
	for h.memory > h.max {
		t := h.leastRecent()
		if t == nil || t.log.head.Load() == last.log.head.Load() { // last, or a subtree above it
			h.shrink(last)
			for _, above := range last.subtrees {
				h.shrink(above)
			}
			return
		}
		before := t.log.memory
		t.log.forgetSegment()
		h.memory -= int64(before - t.log.memory)
		h.dropIfEmpty(t)
	}
}

// shrink takes what it can from t. It is for the topic that was published to last
// and its subtrees, when they are all that there is.
func (h *history) shrink(t *topic) {
	for h.memory > h.max && len(t.log.segs) > 1 {
		before := t.log.memory
		t.log.forgetSegment()
		h.memory -= int64(before - t.log.memory)
	}
}

// leastRecent returns the topic that was not published to for longest.
func (h *history) leastRecent() *topic {
	var least *topic
	for _, s := range h.shelves {
		if t := s.oldest; t != nil && (least == nil || t.log.head.Load() < least.log.head.Load()) {
			least = t
		}
	}
	return least
}

// clear forgets all of t.
func (h *history) clear(t *topic) {
	before := t.log.memory
	for t.log.count > 0 {
		t.log.forget()
	}
	h.memory -= int64(before - t.log.memory)
	h.dropIfEmpty(t)
}

// dropIfEmpty takes a topic with an empty log off its shelf and, if nobody
// reads it, out of the registry.
func (h *history) dropIfEmpty(t *topic) {
	if t.log.count > 0 {
		return
	}
	if t.shelf != nil {
		t.shelf.remove(t)
		t.shelf = nil
	}
	h.leaveTrace(t)
	if !h.registry.drop(t) {
		return
	}
	if t.built {
		t.built = false
		delete(h.subtrees, t.name)
		h.generation++
	}
}

// leaveTrace notes what t has forgotten, for itself and the subtrees above it,
// before it can be dropped. A subtree leaves none: what its topics still hold
// it can be built from again, and what they forgot they note themselves.
func (h *history) leaveTrace(t *topic) {
	seq := t.log.forgotten.Load()
	if t.subtree || seq == 0 {
		return
	}
	h.trace.lost(h.registry.hash(t.name), seq)
	ancestors(t.name, func(name string) { h.trace.lost(h.registry.hash(name), seq) })
}

func (s *shelf) add(t *topic) {
	t.older, t.newer = s.newest, nil
	if s.newest != nil {
		s.newest.newer = t
	} else {
		s.oldest = t
	}
	s.newest = t
}

func (s *shelf) remove(t *topic) {
	if t.newer != nil {
		t.newer.older = t.older
	} else {
		s.newest = t.older
	}
	if t.older != nil {
		t.older.newer = t.newer
	} else {
		s.oldest = t.newer
	}
	t.newer, t.older = nil, nil
}
