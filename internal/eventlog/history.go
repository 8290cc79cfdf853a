package eventlog

import (
	"container/list"
	"sync"
	"sync/atomic"
)

// History is all logs together: it appends to them, bounds them, and evicts events. Its
// exported methods may be called by any goroutine. Callers of the others must hold mu,
// unless a method's comment says otherwise.
type History struct {
	// Static after construction.
	registry   *registry
	tombstones *tombstones
	rules      []Rule
	classes    []*ageList // one for each rule
	leastAge   uint32     // seconds: the smallest of all windows
	epoch      string
	max        int64 // bytes that all logs may take
	maxIndexed int64 // bytes that all indexes of subtrees may take

	committed atomic.Uint64 // the newest sequence whose batch is in the logs

	forgotten Watermark // see Forget
	goOn      Watermark

	// mu is held to number events and to write into the logs, for as long as it takes to
	// copy one batch.
	mu sync.Mutex

	// Guarded by mu.
	seq     uint64     // the newest sequence
	memory  int64      // bytes of all logs
	indexed int64      // bytes of all indexes
	ages    []*ageList // one for each window
	reading *list.List // subtrees whose index has readers
	idle    *list.List // subtrees whose index has no readers, the longest unread first
	swept   uint32     // when the last sweep was, in seconds of the hub's clock
}

// indexedShare is the share of the memory (server.Config.MaxHistoryBytes) that is set
// apart for the indexes of subtrees: an eighth. So no subscription makes an event go.
const indexedShare = 8

// New returns a history without events. Its ids begin with epoch, and its logs and
// indexes take at most so many bytes. The first rule that matches a topic counts; the
// last one must match all topics.
func New(epoch string, most int64, rules []Rule) *History {
	h := &History{
		epoch: epoch, reading: list.New(), idle: list.New(), rules: rules,
		max:        max(most-most/indexedShare, 1),
		maxIndexed: most / indexedShare,
		tombstones: &tombstones{most: mostTombstones},
	}
	h.registry = newRegistry(h.newTopic)
	for i := range rules {
		h.classes = append(h.classes, h.class(rules[i].Window))
	}
	h.leastAge = h.classes[0].window.Age
	for _, a := range h.classes {
		h.leastAge = min(h.leastAge, a.window.Age)
	}
	return h
}

// Newest is the sequence of the newest committed event: all events up to it are in the
// logs, unless they were evicted.
func (h *History) Newest() uint64 { return h.committed.Load() }

// MayBeFalse is the highest sequence that was ever recorded as a tombstone. A topic may be
// charged with another's loss only up to here: a position above it gets no false gap.
func (h *History) MayBeFalse() *Watermark { return &h.tombstones.top }

// Epoch is what ids begin with. It names the log of record.
func (h *History) Epoch() string { return h.epoch }

// ID returns the native id of a sequence.
func (h *History) ID(seq uint64) string {
	var id [MaxIDBytes]byte
	return string(AppendID(id[:0], h.epoch, seq))
}

// classOf returns the list that a topic or subtree of that name belongs to. It may be
// called without the lock.
func (h *History) classOf(name string) *ageList {
	last := len(h.rules) - 1
	for i := range last {
		if h.rules[i].matches(name) {
			return h.classes[i]
		}
	}
	return h.classes[last]
}

// class returns the list of the topics with that window. It is called by New only.
func (h *History) class(w Window) *ageList {
	for _, a := range h.ages {
		if a.window == w {
			return a
		}
	}
	a := &ageList{window: w}
	h.ages = append(h.ages, a)
	return a
}

// newTopic makes a topic or subtree. It may be called without the lock.
func (h *History) newTopic(name string) *Topic {
	t := &Topic{Name: name}
	if name[len(name)-1] == '*' {
		t.sub = &subtree{events: h.classOf(name).window.Events}
	}
	lost := h.tombstones.last(h.registry.hash(name))
	t.noteEvicted(lost, false)
	return t
}

// newLog makes the log of a topic that belongs to that list.
func (h *History) newLog(of *ageList) *log {
	// A segment is evicted whole, so it must be small beside the bound.
	return &log{ages: of, largest: int(min(max(h.max/16, smallestSegment), largestSegment))}
}

// aliasHash is the hash by which an index knows a publisher's id; never 0. It may be
// called without the lock.
func (h *History) aliasHash(id string) uint32 { return uint32(h.registry.hash(id)) | 1 }

// append writes e into its topic's log, and enters it into the indexes of the subtrees
// that the topic is in. Then it evicts what is beyond the bounds.
func (h *History) append(e *entry, now uint32) {
	h.seq = e.seq
	t := e.topic
	l := t.log.Load()
	if l == nil {
		l = h.newLog(h.classOf(t.Name))
		t.log.Store(l)
	}
	if l.count == 0 {
		h.enroll(t)
	}
	before := l.memory
	f := h.encode(l, e, now)
	l.commit(f)
	h.memory += int64(l.memory - before)
	t.head.Store(e.seq)
	h.note(t, e, f.flags)
	for l.overWindow(&l.ages.window) {
		h.evictOldest(t)
	}
	for n := 0; n < mostExpired && l.count > 1 && l.oldestFrame().expired(l.ages.window.Age, now); n++ {
		h.evictOldest(t)
	}
	l.ages.markRecent(t)
	if h.memory > h.max {
		h.shrink(t)
	}
}

// encode writes e's frame into the log, which commit makes visible.
func (h *History) encode(l *log, e *entry, now uint32) Frame {
	f := Frame{Seq: e.seq, at: now}
	if e.ephemeral || l.ages.window.Ephemeral {
		f.flags |= ephemeralFrame
	}
	var native [MaxIDBytes]byte
	id := native[:0]
	if e.alias != "" {
		f.flags |= aliasedFrame
		id = append(id, e.alias...)
	} else {
		id = AppendID(id, h.epoch, e.seq)
	}
	payload := len(e.fields) + len("id: ") + len(id) + len("\n\n")
	f.head = uint8(chunkHeadLen(payload))
	f.End = uint32(int(f.head) + payload + 2)

	dst := l.room(int(f.End))
	b := appendChunkHead(dst[:0], payload)
	b = append(b, e.fields...)
	b = append(b, "id: "...)
	b = append(b, id...)
	b = append(b, "\n\n"...)
	copy(dst[len(b):], "\r\n")
	return f
}

// evictOldest drops the oldest event of t. This is the only place where an event leaves a
// log. The loss is recorded, for the topic and for the subtrees that it is in, before
// the event leaves the view that readers have, and among the tombstones before the log
// looks empty.
func (h *History) evictOldest(t *Topic) {
	l := t.log.Load()
	f := l.oldestFrame()
	ephemeral := f.flags&ephemeralFrame != 0
	for _, m := range l.above { // first: readers of an index check its topics' watermarks
		m.sub.noteEvicted(f.Seq, ephemeral)
	}
	t.noteEvicted(f.Seq, ephemeral)
	if l.count == 1 {
		h.bury(t)
	}
	before := l.memory
	l.dropOldest()
	h.memory += int64(l.memory - before)
	if l.count == 0 {
		h.withdraw(t)
		h.registry.dropUnused(t)
	}
}

// bury records a tombstone for t, whose last event is about to be evicted, and for each
// subtree in which t is the last topic.
func (h *History) bury(t *Topic) {
	h.buryOne(t)
	for _, m := range t.log.Load().above {
		if len(m.sub.sub.below) == 1 { // else the subtree is not dropped, and has its watermark
			h.buryOne(m.sub)
		}
	}
}

func (h *History) buryOne(t *Topic) {
	if seq := t.evicted.Load(); seq > 0 {
		h.tombstones.record(h.registry.hash(t.Name), seq)
	}
}

// evictSegment drops the events of t's oldest segment.
func (h *History) evictSegment(t *Topic) {
	l := t.log.Load()
	for s := l.segs[0]; len(l.segs) > 0 && l.segs[0] == s; {
		h.evictOldest(t)
	}
}

// shrink evicts events until all logs together are within their bound. The topic with the
// oldest last publish loses its oldest events first. The newest event of last, to which
// was just published, stays.
func (h *History) shrink(last *Topic) {
	for h.memory > h.max {
		t := h.leastRecent()
		if t == last && len(t.log.Load().segs) == 1 {
			return
		}
		h.evictSegment(t)
	}
}

// leastRecent returns the topic with the oldest last publish.
func (h *History) leastRecent() *Topic {
	var least *Topic
	for _, a := range h.ages {
		if t := a.oldest; t != nil && (least == nil || t.head.Load() < least.head.Load()) {
			least = t
		}
	}
	return least
}
