package eventlog

import (
	"container/list"
	"sync/atomic"
)

// subtree is what a Topic has that is a subtree: the topics below it that hold events
// and, while it is read, an index of these events.
type subtree struct {
	events int                   // entries that its index may have; static
	index  atomic.Pointer[index] // nil: there is none; replaced under History.mu

	// Guarded by History.mu.
	below     []below
	readers   int           // subscriptions to it
	making    *indexing     // the index still lacks older events; nil: it is complete
	listed    *list.Element // in History.reading or, if idle, in History.idle
	idle      bool          // it has an index and no readers
	idleSince uint32        // seconds of the hub's clock
}

// below is a topic that holds events, as its subtree lists it.
type below struct {
	topic *Topic
	place int // index in topic.log.above
}

// member is a subtree that a topic is in, as the topic's log lists it.
type member struct {
	sub *Topic
	at  int // index in sub.sub.below
}

// What a topic that holds events counts for, in bytes, besides the segments of its log and
// its name: the topic itself; each subtree that it is in; the first topic of a subtree.
const (
	topicCost   = 512
	memberCost  = 64
	subtreeCost = 384
)

// enroll enters t, which holds its first event, into the subtrees that it is in.
func (h *History) enroll(t *Topic) {
	l := t.log.Load()
	h.memory += int64(topicCost + len(t.Name))
	ancestors(t.Name, func(name string) {
		s := h.registry.acquire(name)
		if len(s.sub.below) == 0 {
			h.memory += int64(subtreeCost + len(name))
		}
		l.above = append(l.above, member{s, len(s.sub.below)})
		s.sub.below = append(s.sub.below, below{t, len(l.above) - 1})
		h.memory += memberCost
	})
}

// withdraw undoes enroll, and drops t's log. Indexes may refer to t for as long as they
// have entries of it, but not to its log.
func (h *History) withdraw(t *Topic) {
	l := t.log.Load()
	h.memory -= int64(topicCost + len(t.Name))
	l.ages.remove(t)
	for _, m := range l.above {
		h.memory -= memberCost
		m.sub.sub.remove(m.at)
		if len(m.sub.sub.below) == 0 {
			h.memory -= int64(subtreeCost + len(m.sub.Name))
			h.dropIdleIndex(m.sub)
		}
		h.registry.release(m.sub)
	}
	l.above = nil
	t.log.Store(nil)
}

// remove takes the topic at index hole out of below, and moves the last one there. While
// an index is being made, the topics that are still to be read stay in front.
func (s *subtree) remove(hole int) {
	if j := s.making; j != nil && hole < j.next {
		j.next--
		s.move(j.next, hole)
		hole = j.next
	}
	last := len(s.below) - 1
	if hole != last { // else it is the topic to remove, whose log may not list it any more
		s.move(last, hole)
	}
	s.below[last] = below{}
	s.below = s.below[:last]
	if last == 0 {
		s.below = nil
	}
}

// move moves a topic from one index of below to another.
func (s *subtree) move(from, to int) {
	b := s.below[from]
	s.below[to] = b
	b.topic.log.Load().above[b.place].at = to
}

// read counts one more reader of a subtree, and gives it an index if it has none. If
// making is not nil, the index is not complete before making.ready is closed; if make is
// true, the caller has to complete it (makeIndex).
func (h *History) read(t *Topic) (making *indexing, make bool) {
	s := t.sub
	s.readers++
	if s.idle {
		h.idle.Remove(s.listed)
		s.idle, s.listed = false, h.reading.PushBack(t)
	}
	if s.index.Load() != nil {
		return s.making, false
	}
	s.index.Store(&index{})
	s.listed = h.reading.PushBack(t)
	if len(s.below) == 0 {
		return nil, false
	}
	s.making = h.newIndexing(t)
	return s.making, true
}

// unread undoes read. An index without readers is kept for the next reader for keptIdle,
// as long as there is room for it and the subtree holds events.
func (h *History) unread(t *Topic) {
	s := t.sub
	s.readers--
	if s.readers > 0 {
		return
	}
	h.reading.Remove(s.listed)
	s.idle, s.idleSince, s.listed = true, h.swept, h.idle.PushBack(t)
	if len(s.below) == 0 {
		h.dropIdleIndex(t)
	}
}

// keptIdle is how long an index without readers is kept, in seconds.
const keptIdle = 60

// dropIdleIndex drops t's index if it has one without readers.
func (h *History) dropIdleIndex(t *Topic) {
	if !t.sub.idle {
		return
	}
	h.idle.Remove(t.sub.listed)
	t.sub.idle, t.sub.listed = false, nil
	h.indexed -= int64(t.sub.index.Load().memory)
	t.sub.index.Store(nil)
}

// note appends an event of t to the index of each subtree that t is in, if it has one.
func (h *History) note(t *Topic, e *entry, flags frameFlags) {
	for _, m := range t.log.Load().above {
		x := m.sub.sub.index.Load()
		if x == nil {
			continue
		}
		if x.full() && !h.makeRoom(m.sub, x) {
			continue
		}
		found := indexed{seq: e.seq, topic: t, flags: flags}
		if e.alias != "" {
			found.alias = h.aliasHash(e.alias)
		}
		before := x.memory
		x.append(found)
		h.indexed += int64(x.memory - before)
		for x.count > m.sub.sub.events {
			h.dropIndexed(m.sub, x)
		}
		m.sub.head.Store(e.seq)
	}
}

// makeRoom makes room for another block of x, the index of t, within the bound for all
// indexes. It reports false if x was dropped for that, because it has no readers.
func (h *History) makeRoom(t *Topic, x *index) bool {
	h.squeeze(int64(x.nextBlock()*indexedCost), 8)
	if t.sub.index.Load() != x {
		return false
	}
	for h.indexed+int64(x.nextBlock()*indexedCost) > h.maxIndexed && x.count > 0 {
		h.dropBlock(t, x)
	}
	return true
}

// squeeze makes room for more bytes of indexes, as far as it can: it drops those without
// readers, and then, of at most so many others, what each has beyond an even share.
func (h *History) squeeze(more int64, looks int) {
	h.dropIdleIndexes(more)
	for ; looks > 0 && h.indexed+more > h.maxIndexed && h.reading.Len() > 0; looks-- {
		e := h.reading.Front()
		h.reading.MoveToBack(e)
		t := e.Value.(*Topic)
		if t.sub.making != nil {
			continue // it is still to get its older events: they must not displace newer ones
		}
		share := int(h.maxIndexed) / h.reading.Len()
		for x := t.sub.index.Load(); h.indexed+more > h.maxIndexed && x.memory > share && len(x.blocks) > 1; {
			h.dropBlock(t, x)
		}
	}
}

// dropIdleIndexes drops indexes without readers until there is room for more bytes, the
// longest unread first.
func (h *History) dropIdleIndexes(more int64) {
	for h.indexed+more > h.maxIndexed && h.idle.Len() > 0 {
		h.dropIdleIndex(h.idle.Front().Value.(*Topic))
	}
}

// dropIndexed drops the oldest entry of t's index, after recording the loss.
func (h *History) dropIndexed(t *Topic, x *index) {
	e := x.oldestEntry()
	t.noteEvicted(e.seq, e.flags&ephemeralFrame != 0)
	before := x.memory
	x.dropOldest()
	h.indexed += int64(x.memory - before)
}

// dropBlock drops the oldest block of t's index.
func (h *History) dropBlock(t *Topic, x *index) {
	for b := x.blocks[0]; len(x.blocks) > 0 && x.blocks[0] == b; {
		h.dropIndexed(t, x)
	}
}
