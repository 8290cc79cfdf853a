package cursor

import "github.com/fastsse/fastsse/internal/eventlog"

// Start is where a stream begins.
type Start struct {
	Next     uint64 // the first sequence that it is sent
	Live     uint64 // the first sequence published after it opened
	ToldLost uint64 // the highest loss that the gap reports; 0: none
	Gap      string // why some of what it missed is lost; empty: nothing is
}

// Resume returns where a stream begins whose client has seen the event lastID last. If
// that is empty, the stream begins at the present. Otherwise it gets everything after
// that event or, with a gap, everything that is left. The topics must have been acquired.
// now is in milliseconds of the hub's clock.
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

// positionOf returns the sequence of an id, or 0 and why it is not known.
func positionOf(h *eventlog.History, id string, topics []*eventlog.Topic) (seen uint64, gap string) {
	epoch, seq, native := eventlog.ParseID(id)
	if native && epoch == h.Epoch() { // no publisher's id is of that form
		return seq, ""
	}
	if seq, found := aliasSeq(h, id, topics); found {
		return seq, ""
	}
	if native && h.IsEpoch(epoch) {
		return 0, GapEpoch
	}
	return 0, GapUnknown
}

// aliasSeq finds the event that has a publisher's id. If several topics have one, the
// earliest event counts: events after it may come twice, but none is left out. If several
// events of one topic have the id, it is not found: it cannot be known which of them the
// client has seen.
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
