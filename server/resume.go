package server

import (
	"encoding/json"

	"github.com/fastsse/fastsse/internal/eventlog"
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
	next     uint64 // the first sequence it is owed
	live     uint64 // the first sequence that was not there when it came
	toldLost uint64 // losses that the gap tells of
	gap      string // why what it missed is not all there; empty: it is
}

// resume says where a stream begins whose client has seen lastID last: fresh,
// at the present, if that is empty. Otherwise it gets everything after it or,
// with a gap, everything that is left.
func resume(h *eventlog.History, lastID string, topics []*eventlog.Topic, now int64) start {
	if lastID == "" {
		next := h.Newest() + 1
		return start{next: next, live: next}
	}
	seen, gap := positionOf(h, lastID, topics)
	newest := h.Newest()
	if seen > newest {
		seen, gap = 0, gapAhead
	}
	s := start{next: seen + 1, live: newest + 1, gap: gap}
	for _, t := range topics {
		h.Expire(t, s.next, now)
	}
	f := feed{topics: topics}
	if lost := f.lostSince(s.next, s.live); lost > 0 {
		s.toldLost = lost
		if s.gap == "" {
			s.gap = gapEvicted
		}
	}
	return s
}

// positionOf returns the sequence of an id, or 0 and why it has none.
func positionOf(h *eventlog.History, id string, topics []*eventlog.Topic) (seen uint64, gap string) {
	epoch, seq, native := eventlog.ParseID(id)
	if native && epoch == h.Epoch() { // no publisher's id is of that form
		return seq, ""
	}
	if seq, found := aliasSeq(h, id, topics); found {
		return seq, ""
	}
	if native && eventlog.IsEpoch(epoch) {
		return 0, gapEpoch
	}
	return 0, gapUnknown
}

// aliasSeq finds the event that bears a publisher's own id. Of several topics
// that know it, the earliest event counts: what follows it may come twice, but
// nothing is left out. An id that several events of a topic bear is not found:
// nobody can say which of them the client has seen.
func aliasSeq(h *eventlog.History, id string, topics []*eventlog.Topic) (seq uint64, found bool) {
	for _, t := range topics {
		at, uses := h.FindAlias(t, id)
		if uses > 1 {
			return 0, false
		}
		if uses == 1 && (!found || at < seq) {
			seq, found = at, true
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
	}{why, eventlog.Shorten(lastID)})
	if err != nil {
		panic("server: two strings do not marshal: " + err.Error()) // unreachable
	}
	return streamwriter.AppendEvent(dst, &streamwriter.Event{
		ID: string(eventlog.AppendID(nil, epoch, next-1)), Type: typ, Data: data,
	})
}
