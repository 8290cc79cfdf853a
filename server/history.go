package server

import "container/list"

// history is all logs of a hub together: what is appended, how much may be
// kept, and what is forgotten. Every method needs Hub.mu, and so does every field
// that is not static.
type history struct {
	// Static after construction.
	registry   *registry
	tombstones *tombstones
	rules      []Retention
	classes    []*ageList // what the rules come to, and the default
	leastAge   uint32     // seconds: the least of all windows
	epoch      string
	max        int64 // bytes of all logs
	maxIndexed int64 // bytes of all indexes of subtrees

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

func newHistory(epoch string, most int64, rules []Retention) *history {
	h := &history{
		epoch: epoch, reading: list.New(), idle: list.New(), rules: rules,
		max:        max(most-most/indexedShare, 1),
		maxIndexed: most / indexedShare,
		tombstones: &tombstones{most: mostTombstones},
	}
	h.registry = newRegistry(h.newTopic)
	for i := range rules {
		h.classes = append(h.classes, h.class(rules[i].window()))
	}
	h.classes = append(h.classes, h.class((&Retention{}).window()))
	h.leastAge = h.classes[0].window.age
	for _, a := range h.classes {
		h.leastAge = min(h.leastAge, a.window.age)
	}
	return h
}

// classOf returns the list that a topic or subtree of that name belongs to. It does
// not need the lock.
func (h *history) classOf(name string) *ageList {
	for i := range h.rules {
		if h.rules[i].matches(name) {
			return h.classes[i]
		}
	}
	return h.classes[len(h.classes)-1]
}

// class returns the list of the topics with a window.
func (h *history) class(w window) *ageList {
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
func (h *history) newTopic(name string) *topic {
	t := &topic{name: name}
	if name[len(name)-1] == '*' {
		t.sub = &subtree{events: h.classOf(name).window.events}
	}
	lost := h.tombstones.last(h.registry.hash(name))
	t.lose(lost, false)
	return t
}

// newLog makes the log of a topic, which has the window that it has a right to.
func (h *history) newLog(of *ageList) *log {
	// A segment is forgotten whole, so it must be small beside the bound.
	return &log{ages: of, largest: int(min(max(h.max/16, smallestSegment), largestSegment))}
}

// aliasHash is what an index knows a publisher's own id by; never 0.
func (h *history) aliasHash(id string) uint32 { return uint32(h.registry.hash(id)) | 1 }

// entry is one event on its way into the logs.
type entry struct {
	topic     *topic
	alias     string // the publisher's own id, or empty
	fields    []byte // the block after its id line
	ephemeral bool
	seq       uint64 // set by append
}

// append writes e under the next sequence into its topic's log, and notes it in the
// indexes of the subtrees that the topic is in.
func (h *history) append(e *entry, now uint32) {
	h.seq++
	e.seq = h.seq
	t := e.topic
	l := t.log.Load()
	if l == nil {
		l = h.newLog(h.classOf(t.name))
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
	for l.beyond(&l.ages.window) {
		h.forget(t)
	}
	for n := 0; n < mostExpired && l.count > 1 && l.oldestFrame().expired(l.ages.window.age, now); n++ {
		h.forget(t)
	}
	l.ages.touch(t)
	if h.memory > h.max {
		h.shrink(t)
	}
}

// mostExpired bounds the events that a publish forgets for their age, of its own topic
// and of each other that it looks at: the next one goes on.
const mostExpired = 64

// encode writes e's frame into the log, which commit makes visible.
func (h *history) encode(l *log, e *entry, now uint32) frame {
	f := frame{seq: e.seq, at: now}
	if e.ephemeral || l.ages.window.ephemeral {
		f.flags |= ephemeralFrame
	}
	var native [maxIDBytes]byte
	id := native[:0]
	if e.alias != "" {
		f.flags |= aliasedFrame
		id = append(id, e.alias...)
	} else {
		id = appendID(id, h.epoch, e.seq)
	}
	payload := len("id: ") + len(id) + 1 + len(e.fields)
	f.head = uint8(chunkHeadLen(payload))
	f.end = uint32(int(f.head) + payload + 2)

	dst := l.room(int(f.end))
	b := appendChunkHead(dst[:0], payload)
	b = append(b, "id: "...)
	b = append(b, id...)
	b = append(b, '\n')
	b = append(b, e.fields...)
	copy(dst[len(b):], "\r\n")
	return f
}

// forget drops the oldest event of t. This is the only way that an event leaves a
// log: the loss is on record, for the topic and the subtrees that it is in, before
// the event leaves the view that readers see, and among the tombstones before the
// log looks empty.
func (h *history) forget(t *topic) {
	l := t.log.Load()
	f := l.oldestFrame()
	ephemeral := f.flags&ephemeralFrame != 0
	for _, m := range l.above { // first: an index looks at the watermark of its topics
		m.sub.lose(f.seq, ephemeral)
	}
	t.lose(f.seq, ephemeral)
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
func (h *history) bury(t *topic) {
	h.buryOne(t)
	for _, m := range t.log.Load().above {
		if len(m.sub.sub.below) == 1 { // else the subtree itself remembers
			h.buryOne(m.sub)
		}
	}
}

func (h *history) buryOne(t *topic) {
	if seq := t.forgotten.load(); seq > 0 {
		h.tombstones.record(h.registry.hash(t.name), seq)
	}
}

// forgetSegment drops the events of t's oldest segment.
func (h *history) forgetSegment(t *topic) {
	l := t.log.Load()
	for s := l.segs[0]; len(l.segs) > 0 && l.segs[0] == s; {
		h.forget(t)
	}
}

// sweep forgets what is too old, a little at each call.
func (h *history) sweep(now uint32) {
	h.swept = max(h.swept, now)
	for _, a := range h.ages {
		for range 2 {
			if t := a.oldest; t != nil && t.log.Load().stale(&a.window, now) {
				h.expireSome(t, now)
			}
		}
	}
	if e := h.idle.Front(); e != nil {
		if t := e.Value.(*topic); h.swept-t.sub.idleSince > keptIdle {
			h.dropIdleIndex(t)
		}
	}
}

// expireSome forgets events of t that are too old, and reports whether there may be
// more of them.
func (h *history) expireSome(t *topic, now uint32) (more bool) {
	l := t.log.Load()
	if l == nil {
		return false
	}
	for range mostExpired {
		if l.count == 0 || !l.oldestFrame().expired(l.ages.window.age, now) {
			return false
		}
		h.forget(t)
	}
	return true
}

// shrink forgets what is beyond the bound for all logs. Topics that were not
// published to for longest lose their oldest events; the newest event of last, which
// was published to just now, stays.
func (h *history) shrink(last *topic) {
	for h.memory > h.max {
		t := h.leastRecent()
		if t == last && len(t.log.Load().segs) == 1 {
			return
		}
		h.forgetSegment(t)
	}
}

// leastRecent returns the topic that was not published to for longest.
func (h *history) leastRecent() *topic {
	var least *topic
	for _, a := range h.ages {
		if t := a.oldest; t != nil && (least == nil || t.head.Load() < least.head.Load()) {
			least = t
		}
	}
	return least
}
