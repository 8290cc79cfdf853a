package server

import (
	"bytes"
	"sort"

	"github.com/fastsse/fastsse/internal/eventlog"
)

// framing is how a stream's bytes are wrapped.
type framing uint8

const (
	chunked  framing = iota // HTTP/1.1: every event is a chunk, as the logs hold it
	identity                // HTTP/1.0: the bare blocks, until the connection ends
	embedded                // inside a streamwriter.Writer, which frames what it is given
)

// feed is what all streams with the same topics and framing read: their logs,
// merged by sequence. It keeps the last run that it looked up, because the
// streams of a feed mostly stand at the same place.
//
// A feed belongs to one driver: a shard, or the goroutine of one stream.
type feed struct {
	topics    []*eventlog.Topic
	workspace *workspace
	framing   framing
	last      span
}

// desk is what the feeds of one driver share.
type workspace struct {
	committed func() uint64 // the hub's newest sequence that is in all its logs
	shared    bool          // several streams read a feed in turn: its last run is kept for the next

	// Where runs are gathered that no segment has in one piece: one at a time.
	holder     *feed // whose last run is here; nil: nobody's
	bytes      []byte
	boundaries []boundary
	cursors    []eventlog.Cursor
}

// run is some events on end, as bytes to be written.
type span struct {
	from   uint64 // it is what a stream with this next sequence gets
	to     uint64 // the stream's next sequence, once it has taken all
	replay bool   // it ends before an ephemeral event
	events int
	bytes  []byte

	// Where each event is: in the index of one segment, or, if there is none, at the
	// marks of the desk.
	seg   *eventlog.Segment
	first int
}

// mark is where an event of a gathered run ends.
type boundary struct {
	seq uint64
	end int
}

const (
	// mostGathered bounds the bytes of a run that has to be copied together, but for
	// the last event.
	mostGathered = 32 << 10
	// mostKept bounds the bytes that a desk keeps for the next one.
	mostKept = 128 << 10
)

// look returns the run of a stream whose next sequence is next, nil if there is
// no event for it. It is valid until the next look into any feed of the desk.
func (f *feed) next(next uint64, replay bool) *span {
	// Fast path: the neighbour was just here, and nothing has come since.
	if f.last.from == next && f.last.replay == replay && len(f.last.bytes) > 0 && !f.hasNews(f.last.to) {
		return &f.last
	}
	if f.workspace.shared && !f.hasNews(next) {
		return nil // and the run stays: its neighbours are about to ask for it
	}
	return f.lookup(next, replay)
}

// forget gives up the run, which keeps a segment in memory.
func (f *feed) dropSpan() {
	f.last = span{}
	if f.workspace.holder == f {
		f.workspace.holder = nil
	}
}

// clear gives up what was gathered, and the memory for it.
func (d *workspace) clear() {
	if d.holder != nil {
		d.holder.dropSpan()
	}
	d.bytes, d.boundaries, d.cursors = nil, nil, nil
}

// beyond reports whether a log holds events at or after seq.
func (f *feed) hasNews(seq uint64) bool {
	for _, t := range f.topics {
		if t.Newest() >= seq {
			return true
		}
	}
	return false
}

// find is the slow path of look. Nothing beyond what is committed is taken: of a
// batch, some events could still be missing from a log.
func (f *feed) lookup(next uint64, replay bool) *span {
	f.dropSpan()
	f.last = span{from: next, replay: replay, to: next}
	if !f.hasNews(next) {
		return nil
	}
	limit := f.workspace.committed()
	if t := f.topics[0]; len(f.topics) == 1 && f.framing == chunked && t.InSegments() {
		f.slice(t, next, limit)
	} else {
		f.gather(next, limit)
	}
	if len(f.last.bytes) == 0 && f.last.to == next {
		return nil
	}
	return &f.last
}

// slice makes the run a part of one segment: nothing is copied. It ends with
// the segment or, in a replay, before an ephemeral event: the stream knows if it
// must get that. Ephemeral events at its beginning make a run without bytes.
func (f *feed) slice(t *eventlog.Topic, next, limit uint64) {
	r := &f.last
	p := t.Seek(next)
	if p.Frame == nil {
		return
	}
	seg := p.Segment
	frames := upTo(seg.Visible(), limit)
	for r.replay && p.At < len(frames) && frames[p.At].IsEphemeral() {
		r.to = frames[p.At].Seq + 1
		p.At++
	}
	end := len(frames)
	if r.replay && p.MayHaveEphemerals() {
		for end = p.At; end < len(frames) && !frames[end].IsEphemeral(); end++ {
		}
	}
	if p.At >= end || r.to > next {
		return
	}
	r.seg, r.first, r.events = seg, p.At, end-p.At
	r.to = frames[end-1].Seq + 1
	r.bytes = seg.Bytes[frames[p.At].Start:frames[end-1].End]
}

// upTo leaves out the frames after a sequence.
func upTo(frames []eventlog.Frame, limit uint64) []eventlog.Frame {
	n := len(frames)
	for n > 0 && frames[n-1].Seq > limit {
		n--
	}
	return frames[:n]
}

// cut says where a stream stands that has taken the first n bytes of the run,
// fewer than all: its next sequence, how many events it took, the unfinished
// one included, and the rest of that one. rest is nil between events.
func (f *feed) split(n int) (next uint64, events int, rest []byte) {
	r := &f.last
	if n == 0 {
		return r.from, 0, nil
	}
	if r.seg != nil {
		base := int(r.seg.Frames[r.first].Start)
		i := r.first + sort.Search(r.events, func(i int) bool {
			return int(r.seg.Frames[r.first+i].End)-base >= n
		})
		fr := &r.seg.Frames[i]
		return fr.Seq + 1, i - r.first + 1, nonEmpty(r.bytes[n : int(fr.End)-base])
	}
	marks := f.workspace.boundaries
	i := sort.Search(len(marks), func(i int) bool { return marks[i].end >= n })
	// The bytes are the next run's: what is still owed is copied.
	return marks[i].seq + 1, i + 1, nonEmpty(bytes.Clone(r.bytes[n:marks[i].end]))
}

func nonEmpty(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// lost returns the highest sequence from next on that one of the logs cannot
// give any more; zero if there is none.
func (f *feed) lostSince(next, live uint64) uint64 {
	var lost uint64
	for _, t := range f.topics {
		lost = max(lost, t.LostSince(next, live))
	}
	return lost
}
