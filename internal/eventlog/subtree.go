package eventlog

import (
	"container/list"
	"sync/atomic"
)

// subtree is what makes a topic a subtree: the topics below it that hold something
// and, while somebody reads it, an index of their events.
type subtree struct {
	events int                   // that its index may have; static
	index  atomic.Pointer[index] // nil: nobody reads it; replaced under History.mu

	// Guarded by History.mu.
	below     []below
	readers   int           // subscriptions that have it open
	making    *indexing     // the index does not have yet what was there before; nil: it has
	listed    *list.Element // of its index: in history.reading or, if idle, in history.idle
	idle      bool          // nobody reads it
	idleSince uint32        // seconds
}

// below is a topic in a subtree, and which of its places there this is.
type below struct {
	topic *Topic
	place int // in topic.log.above
}

// member is a topic's place in a subtree.
type member struct {
	sub *Topic
	at  int // in sub.sub.below
}

// What a topic that holds something takes, beside the segments of its log and its
// name: itself; its place in a subtree; a subtree that holds something.
const (
	topicCost   = 512
	memberCost  = 64
	subtreeCost = 384
)

// enroll makes t one of those that hold something, in all subtrees that it is in.
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

// withdraw undoes enroll. Indexes may refer to t for as long as they have entries of
// it, but not to its log.
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

// remove takes the topic at hole out of below. The last one takes its place; while an
// index is being made, those that have not been looked at stay in front of it.
func (s *subtree) remove(hole int) {
	if j := s.making; j != nil && hole < j.next {
		j.next--
		s.move(j.next, hole)
		hole = j.next
	}
	last := len(s.below) - 1
	if hole != last { // else that is the one to go: its place may be noted nowhere any more
		s.move(last, hole)
	}
	s.below[last] = below{}
	s.below = s.below[:last]
	if last == 0 {
		s.below = nil
	}
}

func (s *subtree) move(from, to int) {
	b := s.below[from]
	s.below[to] = b
	b.topic.log.Load().above[b.place].at = to
}

// read is what a subscription calls before it looks into a subtree. The index is
// made if there is none. If making is not nil the index is not whole before
// making.ready is closed; whoever is told to make it has to.
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

// unread undoes read. An index that nobody reads is kept for the next reader for a
// while, as long as there is room and there are topics below.
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

// keptIdle is how many seconds an index that nobody reads is kept.
const keptIdle = 60

// dropIdleIndex gives up t's index if nobody reads it.
func (h *History) dropIdleIndex(t *Topic) {
	if !t.sub.idle {
		return
	}
	h.idle.Remove(t.sub.listed)
	t.sub.idle, t.sub.listed = false, nil
	h.indexed -= int64(t.sub.index.Load().memory)
	t.sub.index.Store(nil)
}

// note appends an event of t to the indexes of the subtrees that t is in.
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

// makeRoom lets x, the index of t, have another block within the bound for all
// indexes. It reports false if x is given up instead, because nobody reads it.
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

// squeeze makes room for more bytes of indexes, if it can by looking at so many of
// those that are read: first those that nobody reads go, then what others have beyond
// an even share.
func (h *History) squeeze(more int64, looks int) {
	h.dropIdleIndexes(more)
	for ; looks > 0 && h.indexed+more > h.maxIndexed && h.reading.Len() > 0; looks-- {
		e := h.reading.Front()
		h.reading.MoveToBack(e)
		t := e.Value.(*Topic)
		if t.sub.making != nil {
			continue // what is made is older: it must not displace what came since
		}
		share := int(h.maxIndexed) / h.reading.Len()
		for x := t.sub.index.Load(); h.indexed+more > h.maxIndexed && x.memory > share && len(x.blocks) > 1; {
			h.dropBlock(t, x)
		}
	}
}

// dropIdleIndexes gives up indexes that nobody reads until there is room for more
// bytes, the longest unread first.
func (h *History) dropIdleIndexes(more int64) {
	for h.indexed+more > h.maxIndexed && h.idle.Len() > 0 {
		h.dropIdleIndex(h.idle.Front().Value.(*Topic))
	}
}

// dropIndexed takes the oldest entry out of t's index.
func (h *History) dropIndexed(t *Topic, x *index) {
	e := x.oldestEntry()
	t.noteEvicted(e.seq, e.flags&ephemeralFrame != 0)
	before := x.memory
	x.dropOldest()
	h.indexed += int64(x.memory - before)
}

// dropBlock takes the oldest block of entries out of t's index.
func (h *History) dropBlock(t *Topic, x *index) {
	for b := x.blocks[0]; len(x.blocks) > 0 && x.blocks[0] == b; {
		h.dropIndexed(t, x)
	}
}
