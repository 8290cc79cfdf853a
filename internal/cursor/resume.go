package cursor

import (
	"encoding/json"

	"github.com/fastsse/fastsse"
	"github.com/fastsse/fastsse/internal/eventlog"
)

// Why a stream could not go on where it left off, as gap events say it.
const (
	GapEvicted = "evicted" // what it missed is no longer held
	GapUnknown = "unknown" // the id is of no event that is held
	GapEpoch   = "epoch"   // the id is of another log of record, or of one before a restart
	GapAhead   = "ahead"   // the id is of an event that these logs have not had
	GapSlow    = "slow"    // the reader fell behind what is held
)

// Start is where a stream begins.
type Start struct {
	Next     uint64 // the first sequence that is for it
	Live     uint64 // the first sequence that was not there when it came
	ToldLost uint64 // losses that the gap tells of; 0: none
	Gap      string // why what it missed is not all there; empty: it is
}

// Resume says where a stream begins whose client has seen lastID last: at the present,
// if that is empty. Otherwise it gets everything after it or, with a gap, everything
// that is left. now is in milliseconds.
func Resume(h *eventlog.History, lastID string, topics []*eventlog.Topic, now int64) Start {
	if lastID == "" {
		next := h.Newest() + 1
		return Start{Next: next, Live: next}
	}
	seen, gap := positionOf(h, lastID, topics)
	newest := h.Newest()
	if seen > newest {
		seen, gap = 0, GapAhead
	}
	s := Start{Next: seen + 1, Live: newest + 1, Gap: gap}
	for _, t := range topics {
		h.Expire(t, s.Next, now)
	}
	if lost := lostSince(topics, s.Next, s.Live); lost > 0 {
		s.ToldLost = lost
		if s.Gap == "" {
			s.Gap = GapEvicted
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
		return 0, GapEpoch
	}
	return 0, GapUnknown
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

// AppendGap appends a gap event. Its id is the position from which the stream goes on,
// so that one which breaks right after it resumes there.
func AppendGap(dst []byte, typ, id, why, lastID string) []byte {
	data, err := json.Marshal(struct {
		Reason      string `json:"reason"`
		LastEventID string `json:"lastEventId,omitempty"`
	}{why, fastsse.Shorten(lastID)})
	if err != nil {
		panic("cursor: two strings do not marshal: " + err.Error()) // unreachable
	}
	return fastsse.AppendEvent(dst, &fastsse.Event{ID: id, Type: typ, Data: data})
}
