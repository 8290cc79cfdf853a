package server

import (
	"encoding/json"

	"github.com/fastsse/fastsse/streamwriter"
)

// Why a stream could not go on where it left off, as gap events say it.
const (
	gapEvicted = "evicted" // what it missed is no longer held
	gapUnknown = "unknown" // the id is of no event that is held
	gapEpoch   = "epoch"   // the id is of another hub, or of one before a restart
	gapAhead   = "ahead"   // the id is of an event that this hub has not had
	gapSlow    = "slow"    // the reader fell behind what is held
)

// start is where a stream begins.
type start struct {
	next    uint64 // the first sequence it is owed
	live    uint64 // the first sequence that was not there when it came
	excused uint64 // losses that the gap tells of
	gap     string // why what it missed is not all there; empty: it is
}

// resume says where a stream begins whose client has seen lastID last: fresh,
// at the present, if that is empty. Otherwise it gets everything after it or,
// with a gap, everything that is left.
func (h *Hub) resume(lastID string, topics []*topic) start {
	if lastID == "" {
		next := h.committed.Load() + 1
		return start{next: next, live: next}
	}
	seen, gap := h.positionOf(lastID, topics)
	now := h.committed.Load()
	if seen > now {
		seen, gap = 0, gapAhead
	}
	s := start{next: seen + 1, live: now + 1, gap: gap}
	for _, t := range topics {
		h.expire(t, s.next)
	}
	f := feed{topics: topics}
	if lost := f.lost(s.next, s.live); lost > 0 {
		s.excused = lost
		if s.gap == "" {
			s.gap = gapEvicted
		}
	}
	return s
}

// positionOf returns the sequence of an id, or 0 and why it has none.
func (h *Hub) positionOf(id string, topics []*topic) (seen uint64, gap string) {
	epoch, seq, native := parseID(id)
	if native && epoch == h.epoch { // no publisher's id is of that form
		return seq, ""
	}
	if seq, found := h.aliasSeq(id, topics); found {
		return seq, ""
	}
	if native && isEpoch(epoch) {
		return 0, gapEpoch
	}
	return 0, gapUnknown
}

// aliasSeq finds the event that bears a publisher's own id. Of several topics
// that know it, the earliest event counts: what follows it may come twice, but
// nothing is left out. An id that several events of a topic bear is not found:
// nobody can say which of them the client has seen.
func (h *Hub) aliasSeq(id string, topics []*topic) (seq uint64, found bool) {
	for _, t := range topics {
		at, uses := h.findAlias(t, id)
		if uses > 1 {
			return 0, false
		}
		if uses == 1 && (!found || at < seq) {
			seq, found = at, true
		}
	}
	return seq, found
}

// findAlias returns how many events of t bear a publisher's own id, and the
// sequence of the newest one.
func (h *Hub) findAlias(t *topic, id string) (seq uint64, uses int) {
	if t.sub != nil {
		return t.sub.index.Load().findAlias(id, h.history.aliasHash(id))
	}
	l := t.log.Load()
	if l == nil {
		return 0, 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	a := l.aliases[id]
	return a.seq, a.uses
}

// expire forgets what t holds from next on that is too old, if no publish has come
// since to do it: it is not given out.
func (h *Hub) expire(t *topic, next uint64) {
	now := secondsOf(h.now())
	for p := t.seek(next); p.frm != nil; p.next() {
		of := t
		if t.sub != nil {
			of = p.topic()
		}
		switch {
		case h.expired(of, p.frm, now):
			h.expireTopic(of, now)
			if t.sub == nil {
				return
			}
		case t.sub == nil || !p.frm.expired(h.history.leastAge, now):
			return // all that follow are younger
		}
	}
}

// expired reports whether an event of t is older than t keeps it.
func (h *Hub) expired(t *topic, f *frame, now uint32) bool {
	l := t.log.Load()
	return l != nil && f.expired(l.ages.window.age, now)
}

// expireTopic forgets the events of t that are too old, a few under each Hub.mu.
func (h *Hub) expireTopic(t *topic, now uint32) {
	for more := true; more; {
		h.mu.Lock()
		more = h.history.expireSome(t, now)
		h.mu.Unlock()
	}
}

// appendGap appends a gap event. Its id is the position before next, so that a
// stream which breaks right after it resumes there.
func appendGap(dst []byte, typ, epoch string, next uint64, why, lastID string) []byte {
	data, err := json.Marshal(struct {
		Reason      string `json:"reason"`
		LastEventID string `json:"lastEventId,omitempty"`
	}{why, shorten(lastID)})
	if err != nil {
		panic("server: two strings do not marshal: " + err.Error()) // unreachable
	}
	return streamwriter.AppendEvent(dst, &streamwriter.Event{
		ID: string(appendID(nil, epoch, next-1)), Type: typ, Data: data,
	})
}
