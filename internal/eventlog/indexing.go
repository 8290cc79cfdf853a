package eventlog

import (
	"cmp"
	"slices"
)

// indexing is an index that is being made, of a subtree with topics below it. It collects
// the events up to a sequence; later ones are appended by their publishers meanwhile. It
// reads the logs without History.mu, so that no publisher waits for it.
type indexing struct {
	ready chan struct{} // closed when the index is whole

	// Static after construction.
	history *History
	topic   *Topic
	most    int    // entries that the subtree may have
	upTo    uint64 // the newest sequence when it began

	next int // guarded by History.mu: topics in below before this index are still to be read

	// Owned by the goroutine that makes the index.
	found      []indexed
	floor      uint64 // events below it are not among the newest
	evicted    uint64 // highest sequence of the events that are left out
	evictedAny uint64 // the same, ephemeral ones included
}

func (h *History) newIndexing(t *Topic) *indexing {
	return &indexing{
		ready: make(chan struct{}), history: h, topic: t, next: len(t.sub.below), upTo: h.seq,
		most: max(min(t.sub.events, int(h.maxIndexed)/indexedCost), 1),
	}
}

// someBelow bounds the topics that are copied while History.mu is held once.
const someBelow = 256

// some appends the next topics to be read, or none when all have been. It is called
// under History.mu, again and again.
func (j *indexing) some(dst []*Topic) []*Topic {
	from := max(j.next-someBelow, 0)
	for _, b := range j.topic.sub.below[from:j.next] {
		dst = append(dst, b.topic)
	}
	j.next = from
	return dst
}

// add collects the events that the log of t holds.
func (j *indexing) add(t *Topic) {
	l := t.log.Load()
	if l == nil {
		return // what it held was evicted, and that is on record
	}
	v := l.view.Load()
	if v == nil {
		return
	}
	evicted := t.evicted.Load()
	for i := len(*v) - 1; i >= 0; i-- {
		frames := (*v)[i].Visible()
		for k := len(frames) - 1; k >= 0; k-- {
			if !j.offer(t, (*v)[i], &frames[k], evicted) {
				return
			}
		}
	}
}

// offer keeps an event if it is among the newest, and reports whether older events of
// the same topic must be offered too. evicted is the topic's watermark.
func (j *indexing) offer(t *Topic, s *Segment, f *Frame, evicted uint64) (more bool) {
	ephemeral := f.flags&ephemeralFrame != 0
	switch {
	case f.Seq > j.upTo:
		return true
	case f.Seq <= evicted && !ephemeral:
		return false
	case f.Seq < j.floor:
		j.leaveOut(f.Seq, f.flags)
		return ephemeral // an older one that is not ephemeral counts as evicted, too
	}
	e := indexed{seq: f.Seq, topic: t, flags: f.flags}
	if f.flags&aliasedFrame != 0 {
		e.alias = j.history.aliasHash(aliasOf(s.Payload(f)))
	}
	j.found = append(j.found, e)
	if len(j.found) >= 2*j.most {
		j.sort()
	}
	return true
}

// leaveOut counts an event as evicted from the index.
func (j *indexing) leaveOut(seq uint64, flags frameFlags) {
	if flags&ephemeralFrame == 0 {
		j.evicted = max(j.evicted, seq)
	}
	j.evictedAny = max(j.evictedAny, seq)
}

// sort puts the events found in order, the oldest first, and keeps the newest.
func (j *indexing) sort() {
	slices.SortFunc(j.found, func(a, b indexed) int { return cmp.Compare(a.seq, b.seq) })
	j.keep(j.most)
}

// keep leaves out all but the newest of the events found, which are sorted.
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

// finish puts the events found into the index, as far as there is room for them. It is
// called under History.mu, with found sorted.
func (h *History) finish(j *indexing) {
	x := j.topic.sub.index.Load()
	room := max(j.most-x.count, 0)
	h.squeeze(int64(min(len(j.found), room)*indexedCost), 64)
	j.keep(min(room, int(max(h.maxIndexed-h.indexed, 0))/indexedCost))
	j.topic.evicted.Raise(j.evicted)
	j.topic.evictedAny.Raise(j.evictedAny)
	before := x.memory
	x.prepend(j.found)
	h.indexed += int64(x.memory - before)
	if n := len(j.found); n > 0 && j.topic.head.Load() < j.found[n-1].seq {
		j.topic.head.Store(j.found[n-1].seq)
	}
	j.topic.sub.making = nil
	close(j.ready)
}

// readSubtree counts one more reader of t, and makes t's index or waits for it if it is
// not complete. Callers must not hold History.mu.
func (h *History) readSubtree(t *Topic) {
	h.mu.Lock()
	making, mine := h.read(t)
	h.mu.Unlock()
	switch {
	case mine:
		h.makeIndex(making)
	case making != nil:
		<-making.ready
	}
}

// makeIndex reads the topics below a subtree, a few at a time, so that publishers can
// take History.mu in between. Callers must not hold it.
func (h *History) makeIndex(j *indexing) {
	var batch []*Topic
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
	h.finish(j)
}
