package cursor

import "github.com/fastsse/fastsse/internal/eventlog"

// Feed is what all streams with the same topics and framing read: their logs, merged
// by sequence. It keeps the last span that it looked up, because the streams of a
// feed mostly stand at the same place.
//
// Of a topic it uses Newest, LostSince, Seek and InSegments. A log of another kind,
// such as one that keeps the latest event per key, needs no more than these.
type Feed struct {
	Topics  []*eventlog.Topic // must not be changed
	Framing Framing

	workspace *Workspace
	last      span
}

// NewFeed makes a feed. Its topics have been acquired, in the order of their names.
func NewFeed(topics []*eventlog.Topic, fr Framing, w *Workspace) *Feed {
	return &Feed{Topics: topics, Framing: fr, workspace: w}
}

// Workspace is what the feeds of one shard, or of one stream with a goroutine of its
// own, share.
type Workspace struct {
	newest func() uint64 // the newest sequence that is in all logs
	shared bool          // several streams read a feed in turn: its last span is kept for the next

	// Where spans are gathered that no segment has in one piece.
	holder   *Feed     // whose last span is in gathered; nil: nobody's
	gathered *gathered // nil: there is no memory for it
	cursors  []eventlog.Cursor
}

// NewWorkspace makes the workspace of feeds that read h. shared says that each of them
// is read by many streams.
func NewWorkspace(h *eventlog.History, shared bool) *Workspace {
	return &Workspace{newest: h.Newest, shared: shared}
}

// span is consecutive events, as bytes to be written.
type span struct {
	from   uint64 // it is what a stream with this next sequence gets
	to     uint64 // the stream's next sequence, once it has taken all
	replay bool   // it ends before an ephemeral event
	events int
	bytes  []byte

	// Where each event is: a frame of one segment, or gathered.
	segment  *eventlog.Segment
	first    int
	gathered *gathered
}

// gathered is events that were copied together.
type gathered struct {
	bytes      []byte
	boundaries []boundary
	offers     int // open ones that have these bytes
}

// boundary is where an event of a gathered span ends.
type boundary struct {
	seq uint64
	end int
}

const (
	// mostGathered bounds the bytes of a span that has to be copied together, but for
	// the last event.
	mostGathered = 32 << 10
	// mostKept bounds the bytes that a workspace keeps for the next span.
	mostKept = 128 << 10
)

// next returns the span of a stream whose next sequence is from, nil if there is no
// event for it. It is valid until the next call for any feed of the workspace.
func (f *Feed) next(from uint64, replay bool) *span {
	// Fast path: the neighbour was just here, and nothing has come since.
	if f.last.from == from && f.last.replay == replay && len(f.last.bytes) > 0 && !f.hasNews(f.last.to) {
		return &f.last
	}
	if f.workspace.shared && !f.hasNews(from) {
		return nil // and the span stays: its neighbours are about to ask for it
	}
	return f.lookup(from, replay)
}

// DropSpan gives up the last span, which keeps a segment in memory.
func (f *Feed) DropSpan() {
	f.last = span{}
	if f.workspace.holder == f {
		f.workspace.holder = nil
	}
}

// Clear gives up what was gathered, and the memory for it.
func (w *Workspace) Clear() {
	if w.holder != nil {
		w.holder.DropSpan()
	}
	w.gathered, w.cursors = nil, nil
}

// hasNews reports whether a log holds events at or after seq.
func (f *Feed) hasNews(seq uint64) bool {
	for _, t := range f.Topics {
		if t.Newest() >= seq {
			return true
		}
	}
	return false
}

// lookup is the slow path of next. Nothing beyond what is committed is taken: of a
// batch, some events could still be missing from a log.
func (f *Feed) lookup(from uint64, replay bool) *span {
	f.DropSpan()
	f.last = span{from: from, replay: replay, to: from}
	if !f.hasNews(from) {
		return nil
	}
	limit := f.workspace.newest()
	if t := f.Topics[0]; len(f.Topics) == 1 && f.Framing.inLogs() && t.InSegments() {
		f.slice(t, from, limit)
	} else {
		f.gather(from, limit)
	}
	if len(f.last.bytes) == 0 && f.last.to == from {
		return nil
	}
	return &f.last
}

// slice makes the span a part of one segment: nothing is copied. It ends with the
// segment or, in a replay, before an ephemeral event: the stream knows if it must get
// that. Ephemeral events at its beginning make a span without bytes.
func (f *Feed) slice(t *eventlog.Topic, from, limit uint64) {
	r := &f.last
	c := t.Seek(from)
	if c.Frame == nil {
		return
	}
	frames := upTo(c.Segment.Visible(), limit)
	at := c.At
	for r.replay && at < len(frames) && frames[at].IsEphemeral() {
		r.to = frames[at].Seq + 1
		at++
	}
	end := len(frames)
	if r.replay && c.MayHaveEphemerals() {
		for end = at; end < len(frames) && !frames[end].IsEphemeral(); end++ {
		}
	}
	if at >= end || r.to > from {
		return
	}
	r.segment, r.first, r.events = c.Segment, at, end-at
	r.to = frames[end-1].Seq + 1
	r.bytes = c.Segment.Bytes[frames[at].Start:frames[end-1].End]
}

// upTo leaves out the frames after a sequence.
func upTo(frames []eventlog.Frame, limit uint64) []eventlog.Frame {
	n := len(frames)
	for n > 0 && frames[n-1].Seq > limit {
		n--
	}
	return frames[:n]
}

// lostSince returns the highest sequence from next on that one of the logs cannot give
// any more; zero if there is none.
func (f *Feed) lostSince(next, live uint64) uint64 { return lostSince(f.Topics, next, live) }

func lostSince(topics []*eventlog.Topic, next, live uint64) uint64 {
	var lost uint64
	for _, t := range topics {
		lost = max(lost, t.LostSince(next, live))
	}
	return lost
}
