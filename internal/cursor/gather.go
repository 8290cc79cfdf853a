package cursor

import (
	"sort"

	"github.com/fastsse/fastsse/internal/eventlog"
)

// gather makes the span by merging the logs. As long as its events are end to end in one
// segment, the span is a slice of that segment, as in slice; otherwise they are copied to
// the workspace. A replay ends before an ephemeral event, or is a span without bytes, as
// in slice.
func (f *Feed) gather(from, limit uint64) {
	w, r := f.workspace, &f.last
	at := w.cursors[:0]
	for _, t := range f.Topics {
		at = append(at, t.Seek(from))
	}
	skipping := false
	for size := 0; size < mostGathered; {
		c := earliest(at)
		if c == nil || c.Frame.Seq > limit {
			break
		}
		seg, fr := c.Segment, c.Frame
		ephemeral := r.replay && fr.IsEphemeral()
		if ephemeral != skipping && r.to > from {
			break
		}
		skipping = ephemeral
		r.to = fr.Seq + 1
		skip(at, fr.Seq)
		if !skipping {
			f.add(seg, fr)
			size += int(fr.End - fr.Start)
		}
	}
	if w.holder == f {
		r.bytes = w.gathered.bytes
	}
	clear(at) // they keep segments in memory
	w.cursors = at[:0]
}

// add appends an event to the span.
func (f *Feed) add(seg *eventlog.Segment, fr *eventlog.Frame) {
	r, w := &f.last, f.workspace
	r.events++
	switch {
	case w.holder == f: // the span is in the workspace already
	case r.events == 1 && f.Framing.inLogs():
		r.segment, r.first = seg, int32(frameIndex(seg, fr))
		r.bytes = seg.Bytes[fr.Start:fr.End]
		return
	case r.segment == seg && &seg.Frames[int(r.first)+r.events-1] == fr:
		r.bytes = seg.Bytes[seg.Frames[r.first].Start:fr.End]
		return
	default:
		w.claim(f)
	}
	g := w.gathered
	g.bytes = f.Framing.appendEvent(g.bytes, seg, fr)
	g.boundaries = append(g.boundaries, boundary{seq: fr.Seq, end: len(g.bytes)})
}

// claim gives the workspace to f, and copies f's span, so far a slice of a segment, to it.
// If an offer of the buffer is still open, the workspace gets another buffer.
func (w *Workspace) claim(f *Feed) {
	if w.holder != nil {
		w.holder.last = span{}
	}
	w.holder = f
	g := w.gathered
	if g == nil || g.offers > 0 || cap(g.bytes) > mostKept {
		g = new(gathered)
		w.gathered = g
	}
	r := &f.last
	g.bytes, g.boundaries = append(g.bytes[:0], r.bytes...), g.boundaries[:0]
	if r.segment == nil {
		return
	}
	frames := r.segment.Frames[r.first : int(r.first)+r.events-1] // the last is still to be copied
	for i := range frames {
		g.boundaries = append(g.boundaries, boundary{seq: frames[i].Seq, end: int(frames[i].End - frames[0].Start)})
	}
	r.segment = nil
}

// frameIndex is the index of a frame in its segment.
func frameIndex(seg *eventlog.Segment, fr *eventlog.Frame) int {
	fs := seg.Visible()
	return sort.Search(len(fs), func(i int) bool { return fs[i].Seq >= fr.Seq })
}

// earliest returns the cursor with the lowest sequence; nil: all are past the end.
func earliest(at []eventlog.Cursor) (first *eventlog.Cursor) {
	for i := range at {
		if c := &at[i]; c.Frame != nil && (first == nil || c.Frame.Seq < first.Frame.Seq) {
			first = c
		}
	}
	return first
}

// skip moves every cursor at seq to its next event: an event that is in several of the
// topics (a topic and its subtree) is sent once.
func skip(at []eventlog.Cursor, seq uint64) {
	for i := range at {
		if c := &at[i]; c.Frame != nil && c.Frame.Seq == seq {
			c.Next()
		}
	}
}
