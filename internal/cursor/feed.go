package cursor

import "github.com/fastsse/fastsse/internal/eventlog"

// Feed is what all streams with the same topics, framing and gap event read: the logs of these
// topics, merged by sequence. It keeps the last span that it looked up, because most
// streams of a feed are at the same position.
//
// Of a topic it uses only Newest, LostSince, Seek and InSegments, so another kind of
// log, such as one that keeps the latest event per key, needs only these.
type Feed struct {
	Topics  []*eventlog.Topic // in the order of their names; must not be changed
	Framing Framing
	Gap     *Gap // how its streams are told of a gap; nil: as Settings.Gap says

	workspace *Workspace
	last      span
}

// NewFeed makes a feed. The topics must have been acquired, be in the order of their
// names, and not be released while the feed is used. It keeps the slice.
func NewFeed(topics []*eventlog.Topic, fr Framing, w *Workspace) *Feed {
	return &Feed{Topics: topics, Framing: fr, workspace: w}
}

// Workspace is the memory that feeds share: those of one shard, or the one feed of a
// stream with a goroutine.
type Workspace struct {
	newest func() uint64 // the newest sequence that is in all logs
	shared bool          // several streams read each feed: its last span is kept for the next one

	// For spans that are not one piece of a segment, and so are copied.
	holder   *Feed     // the feed whose last span is in gathered; nil: none
	gathered *gathered // nil: there is no memory for it
	cursors  []eventlog.Cursor
}

// NewWorkspace makes a workspace for feeds that read h. shared says that each of them is
// read by several streams.
func NewWorkspace(h *eventlog.History, shared bool) *Workspace {
	return &Workspace{newest: h.Newest, shared: shared}
}

// span is consecutive events of a feed, as bytes to be written.
type span struct {
	from   uint64 // Next of the streams that the span is for
	to     uint64 // their Next once they have taken all of it
	events int
	bytes  []byte

	// Where each event ends: the frames of one segment, or else the boundaries of what
	// the workspace has gathered.
	segment *eventlog.Segment
	first   int32 // not more, or a feed would need 128 bytes: many a stream has one of its own
	replay  bool  // the span ends before an ephemeral event
}

// gathered is events that were copied into one buffer.
type gathered struct {
	bytes      []byte
	boundaries []boundary
	offers     int // open offers of these bytes
}

// boundary is where an event of a gathered span ends.
type boundary struct {
	seq uint64
	end int
}

const (
	// mostGathered bounds the bytes of a gathered span: an event is added only below it.
	mostGathered = 32 << 10
	// mostKept is the largest buffer that a workspace keeps for the next span.
	mostKept = 128 << 10
)

// next returns the span for a stream at position from, nil if there is no event for it.
// replay says that the stream gets no ephemeral events yet. The span is valid until the
// next call for any feed of the workspace.
func (f *Feed) next(from uint64, replay bool) *span {
	// Fast path: another stream was just here, and nothing was published since.
	if f.last.from == from && f.last.replay == replay && len(f.last.bytes) > 0 && !f.hasNews(f.last.to) {
		return &f.last
	}
	if f.workspace.shared && !f.hasNews(from) {
		return nil // the span stays: other streams are about to ask for it
	}
	return f.lookup(from, replay)
}

// DropSpan drops the last span, which keeps a segment in memory.
func (f *Feed) DropSpan() {
	f.last = span{}
	if f.workspace.holder == f {
		f.workspace.holder = nil
	}
}

// Clear drops the workspace's memory, and the span that is in it.
func (w *Workspace) Clear() {
	if w.holder != nil {
		w.holder.DropSpan()
	}
	w.gathered, w.cursors = nil, nil
}

// hasNews reports whether one of the logs has had an event at or after seq.
func (f *Feed) hasNews(seq uint64) bool {
	for _, t := range f.Topics {
		if t.Newest() >= seq {
			return true
		}
	}
	return false
}

// lookup is the slow path of next. It takes only committed events: of a batch that is being
// committed, some logs may not have theirs yet.
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

// slice makes the span a slice of one segment, without copying. The span ends with the
// segment or, in a replay, before an ephemeral event. If it would begin with ephemeral
// events, it is a span of these without bytes: the stream skips those that were published
// before it opened.
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
	r.segment, r.first, r.events = c.Segment, int32(at), end-at
	r.to = frames[end-1].Seq + 1
	r.bytes = c.Segment.Bytes[frames[at].Start:frames[end-1].End]
}

// upTo returns the frames up to a sequence.
func upTo(frames []eventlog.Frame, limit uint64) []eventlog.Frame {
	n := len(frames)
	for n > 0 && frames[n-1].Seq > limit {
		n--
	}
	return frames[:n]
}

// lostSince returns the highest sequence at or after next that one of the logs held and
// no longer holds; zero if there is none. See Topic.LostSince.
func (f *Feed) lostSince(next, live uint64) uint64 { return lostSince(f.Topics, next, live) }

func lostSince(topics []*eventlog.Topic, next, live uint64) uint64 {
	var lost uint64
	for _, t := range topics {
		lost = max(lost, t.LostSince(next, live))
	}
	return lost
}
