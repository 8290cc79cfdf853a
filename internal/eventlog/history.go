package eventlog

import (
	"container/list"
	"sync"
	"sync/atomic"
)

// History is all logs together: what is appended, how much may be kept, and what
// is evicted. Its exported methods may be called by any goroutine. The others, if
// they do not say otherwise, need mu.
type History struct {
	// Static after construction.
	registry   *registry
	tombstones *tombstones
	rules      []Rule
	classes    []*ageList // of each rule
	leastAge   uint32     // seconds: the least of all windows
	epoch      string
	max        int64 // bytes of all logs
	maxIndexed int64 // bytes of all indexes of subtrees

	committed atomic.Uint64 // the newest sequence that is in all of its logs

	// mu orders the world: whoever has it numbers events and writes into the logs.
	// It is held for a copy or two.
	mu sync.Mutex

	// Guarded by mu.
	seq     uint64     // the newest sequence
	memory  int64      // bytes of all logs
	indexed int64      // bytes of all indexes
	ages    []*ageList // one for each window
	reading *list.List // of subtrees whose index is read
	idle    *list.List // of subtrees whose index nobody reads, the longest unread first
	swept   uint32     // when the last sweep was, in seconds
}

// indexedShare is the share of Config.MaxHistoryBytes that the indexes of subtrees may
// take: an eighth, apart from the logs, so that no subscription costs an event.
const indexedShare = 8

// New makes a history without events. Its ids begin with epoch, and its memory is
// bounded by so many bytes. The first rule that matches a topic counts; the last one
// has to match all.
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

// Newest is the sequence up to which all events are in the logs. Any goroutine may
// ask.
func (h *History) Newest() uint64 { return h.committed.Load() }

// MayBeFalse is the highest sequence that may stand for a topic's loss although it is not
// that topic's own: a position above it raises no false alarm.
func (h *History) MayBeFalse() *Watermark { return &h.tombstones.top }

// Epoch is what the ids begin with: it names the log of record.
func (h *History) Epoch() string { return h.epoch }

// ID is the id of a sequence.
func (h *History) ID(seq uint64) string {
	var id [MaxIDBytes]byte
	return string(AppendID(id[:0], h.epoch, seq))
}

// classOf returns the list that a topic or subtree of that name belongs to. It does
// not need the lock.
func (h *History) classOf(name string) *ageList {
	last := len(h.rules) - 1
	for i := range last {
		if h.rules[i].matches(name) {
			return h.classes[i]
		}
	}
	return h.classes[last]
}

// class returns the list of the topics with a window.
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

// newTopic makes a topic. It does not need the lock.
func (h *History) newTopic(name string) *Topic {
	t := &Topic{Name: name}
	if name[len(name)-1] == '*' {
		t.sub = &subtree{events: h.classOf(name).window.Events}
	}
	lost := h.tombstones.last(h.registry.hash(name))
	t.noteEvicted(lost, false)
	return t
}

// newLog makes the log of a topic, which has the window that it has a right to.
func (h *History) newLog(of *ageList) *log {
	// A segment is evicted whole, so it must be small beside the bound.
	return &log{ages: of, largest: int(min(max(h.max/16, smallestSegment), largestSegment))}
}

// aliasHash is what an index knows a publisher's own id by; never 0.
func (h *History) aliasHash(id string) uint32 { return uint32(h.registry.hash(id)) | 1 }

// append writes e into its topic's log, and notes it in the indexes of the subtrees
// that the topic is in.
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
	payload := len("id: ") + len(id) + 1 + len(e.fields)
	f.head = uint8(chunkHeadLen(payload))
	f.End = uint32(int(f.head) + payload + 2)

	dst := l.room(int(f.End))
	b := appendChunkHead(dst[:0], payload)
	b = append(b, "id: "...)
	b = append(b, id...)
	b = append(b, '\n')
	b = append(b, e.fields...)
	copy(dst[len(b):], "\r\n")
	return f
}

// evictOldest drops the oldest event of t. This is the only way that an event leaves a
// log: the loss is on record, for the topic and the subtrees that it is in, before
// the event leaves the view that readers see, and among the tombstones before the
// log looks empty.
func (h *History) evictOldest(t *Topic) {
	l := t.log.Load()
	f := l.oldestFrame()
	ephemeral := f.flags&ephemeralFrame != 0
	for _, m := range l.above { // first: an index looks at the watermark of its topics
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

// bury leaves tombstones for t, whose last event is about to go, and for the subtrees
// in which it is the last topic.
func (h *History) bury(t *Topic) {
	h.buryOne(t)
	for _, m := range t.log.Load().above {
		if len(m.sub.sub.below) == 1 { // else the subtree itself remembers
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

// shrink evicts what is beyond the bound for all logs. Topics that were not
// published to for longest lose their oldest events; the newest event of last, which
// was published to just now, stays.
func (h *History) shrink(last *Topic) {
	for h.memory > h.max {
		t := h.leastRecent()
		if t == last && len(t.log.Load().segs) == 1 {
			return
		}
		h.evictSegment(t)
	}
}

// leastRecent returns the topic that was not published to for longest.
func (h *History) leastRecent() *Topic {
	var least *Topic
	for _, a := range h.ages {
		if t := a.oldest; t != nil && (least == nil || t.head.Load() < least.head.Load()) {
			least = t
		}
	}
	return least
}
