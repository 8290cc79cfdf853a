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
	now := h.committed.Load()
	s := start{next: now + 1, live: now + 1}
	if lastID == "" {
		return s
	}
	epoch, seq, native := parseID(lastID)
	aliased, found := h.aliasSeq(lastID, topics)
	switch {
	case found:
		s.next = aliased + 1
	case !native || !isEpoch(epoch):
		s.next, s.gap = 1, gapUnknown
	case epoch != h.epoch:
		s.next, s.gap = 1, gapEpoch
	case seq > now:
		s.next, s.gap = 1, gapAhead
	default:
		s.next = seq + 1
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

// aliasSeq finds the event that bears a publisher's own id. Of several topics
// that know it, the earliest event counts: what follows it may come twice, but
// nothing is left out. An id that several events of a topic bear is not found:
// nobody can say which of them the client has seen.
func (h *Hub) aliasSeq(id string, topics []*topic) (seq uint64, found bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range topics {
		a, ok := t.log.aliases[id]
		if ok && a.uses > 1 {
			return 0, false
		}
		if ok && (!found || a.seq < seq) {
			seq, found = a.seq, true
		}
	}
	return seq, found
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
