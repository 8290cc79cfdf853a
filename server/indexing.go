package server

import (
	"cmp"
	"slices"
)

// indexing is the index being made of a subtree with topics below: of the events up
// to a sequence, since later ones are appended by their publishers meanwhile. It
// looks at the logs without Hub.mu, so that no publisher waits for it.
type indexing struct {
	ready chan struct{} // closed when the index is whole

	// Static after construction.
	history *history
	topic   *topic
	most    int    // entries that the subtree may have
	upTo    uint64 // the newest sequence when it began

	next int // guarded by Hub.mu: the topics of below before it have not been looked at

	// Owned by who makes it.
	found []indexed
	floor uint64 // events before it are not among the newest
	lost  uint64 // highest sequence of those that are left out
	gone  uint64 // the same, ephemeral ones included
}

func (h *history) newIndexing(t *topic) *indexing {
	return &indexing{
		ready: make(chan struct{}), history: h, topic: t, next: len(t.sub.below), upTo: h.seq,
		most: max(min(t.sub.events, int(h.maxIndexed)/indexedCost), 1),
	}
}

// someBelow bounds the topics that are copied under one Hub.mu.
const someBelow = 256

// some appends the next topics to be looked at; none when all have been. It is
// called under Hub.mu, again and again.
func (j *indexing) some(dst []*topic) []*topic {
	from := max(j.next-someBelow, 0)
	for _, b := range j.topic.sub.below[from:j.next] {
		dst = append(dst, b.topic)
	}
	j.next = from
	return dst
}

// add takes what the log of t holds.
func (j *indexing) add(t *topic) {
	l := t.log.Load()
	if l == nil {
		return // what it held is lost, and the loss on record
	}
	v := l.view.Load()
	if v == nil {
		return
	}
	forgotten := t.forgotten.load()
	for i := len(*v) - 1; i >= 0; i-- {
		frames := (*v)[i].visible()
		for k := len(frames) - 1; k >= 0; k-- {
			if !j.offer(t, (*v)[i], &frames[k], forgotten) {
				return
			}
		}
	}
}

// offer keeps an event if it is among the newest, and reports whether older ones of
// the same topic have to be offered too.
func (j *indexing) offer(t *topic, s *segment, f *frame, forgotten uint64) (more bool) {
	ephemeral := f.flags&ephemeralFrame != 0
	switch {
	case f.seq > j.upTo:
		return true
	case f.seq <= forgotten && !ephemeral:
		return false
	case f.seq < j.floor:
		j.leaveOut(f.seq, f.flags)
		return ephemeral // what is lost for good counts as well
	}
	e := indexed{seq: f.seq, topic: t, flags: f.flags}
	if f.flags&aliasedFrame != 0 {
		e.alias = j.history.aliasHash(aliasOf(s.payload(f)))
	}
	j.found = append(j.found, e)
	if len(j.found) >= 2*j.most {
		j.sort()
	}
	return true
}

func (j *indexing) leaveOut(seq uint64, flags frameFlags) {
	if flags&ephemeralFrame == 0 {
		j.lost = max(j.lost, seq)
	}
	j.gone = max(j.gone, seq)
}

// sort puts what was found in order, the oldest first, and keeps the newest.
func (j *indexing) sort() {
	slices.SortFunc(j.found, func(a, b indexed) int { return cmp.Compare(a.seq, b.seq) })
	j.keep(j.most)
}

// keep leaves out all but the newest of what was found and sorted.
func (j *indexing) keep(most int) {
	drop := max(len(j.found)-most, 0)
	for _, e := range j.found[:drop] {
		j.leaveOut(e.seq, e.flags)
	}
	j.found = j.found[:copy(j.found, j.found[drop:])]
	if drop > 0 && len(j.found) > 0 {
		j.floor = j.found[0].seq
	}
}

// finish puts what was found into the index, as far as there is room for it. It is
// called under Hub.mu, with found sorted.
func (h *history) finish(j *indexing) {
	x := j.topic.sub.index.Load()
	room := max(j.most-x.count, 0)
	h.squeeze(int64(min(len(j.found), room)*indexedCost), 64)
	j.keep(min(room, int(max(h.maxIndexed-h.indexed, 0))/indexedCost))
	j.topic.forgotten.raise(j.lost)
	j.topic.gone.raise(j.gone)
	before := x.memory
	x.prepend(j.found)
	h.indexed += int64(x.memory - before)
	if n := len(j.found); n > 0 && j.topic.head.Load() < j.found[n-1].seq {
		j.topic.head.Store(j.found[n-1].seq)
	}
	j.topic.sub.making = nil
	close(j.ready)
}

// readSubtree makes sure that t has an index while it is read.
func (h *Hub) readSubtree(t *topic) {
	h.mu.Lock()
	making, mine := h.history.read(t)
	h.mu.Unlock()
	switch {
	case mine:
		h.makeIndex(making)
	case making != nil:
		<-making.ready
	}
}

// makeIndex looks at the topics below a subtree, a few at a time, and leaves the
// publishers room in between.
func (h *Hub) makeIndex(j *indexing) {
	var batch []*topic
	for {
		h.mu.Lock()
		batch = j.some(batch[:0])
		h.mu.Unlock()
		if len(batch) == 0 {
			break
		}
		for _, t := range batch {
			j.add(t)
		}
	}
	j.sort()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.history.finish(j)
}
