package cursor

import (
	"sort"

	"github.com/fastsse/fastsse/internal/eventlog"
)

// gather merges the logs by sequence. Events that lie end to end in one segment are
// not copied: a span of them alone is a part of that segment, as in slice. Any others
// are copied to the workspace. A replay ends before an ephemeral event, or is one
// without bytes, as in slice.
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
		r.bytes, r.gathered = w.gathered.bytes, w.gathered
	}
	clear(at) // they keep segments in memory
	w.cursors = at[:0]
}

// add puts an event at the end of the span.
func (f *Feed) add(seg *eventlog.Segment, fr *eventlog.Frame) {
	r, w := &f.last, f.workspace
	r.events++
	switch {
	case w.holder == f: // the span is being copied
	case r.events == 1 && f.Framing.inLogs():
		r.segment, r.first = seg, frameIndex(seg, fr)
		r.bytes = seg.Bytes[fr.Start:fr.End]
		return
	case r.segment == seg && &seg.Frames[r.first+r.events-1] == fr:
		r.bytes = seg.Bytes[seg.Frames[r.first].Start:fr.End]
		return
	default:
		w.claim(f)
	}
	g := w.gathered
	g.bytes = f.Framing.appendEvent(g.bytes, seg, fr)
	g.boundaries = append(g.boundaries, boundary{seq: fr.Seq, end: len(g.bytes)})
}

// claim makes the workspace f's, and copies what f's span has as a part of a segment.
// What an open offer still has is left to it.
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
	frames := r.segment.Frames[r.first : r.first+r.events-1] // the last is still to be copied
	for i := range frames {
		g.boundaries = append(g.boundaries, boundary{seq: frames[i].Seq, end: int(frames[i].End - frames[0].Start)})
	}
	r.segment = nil
}

// frameIndex is where in its segment's index a frame is.
func frameIndex(seg *eventlog.Segment, fr *eventlog.Frame) int {
	fs := seg.Visible()
	return sort.Search(len(fs), func(i int) bool { return fs[i].Seq >= fr.Seq })
}

// earliest returns the cursor with the lowest sequence.
func earliest(at []eventlog.Cursor) (first *eventlog.Cursor) {
	for i := range at {
		if c := &at[i]; c.Frame != nil && (first == nil || c.Frame.Seq < first.Frame.Seq) {
			first = c
		}
	}
	return first
}

// skip moves every cursor that stands at seq on: an event that several of a stream's
// topics hold is sent once.
func skip(at []eventlog.Cursor, seq uint64) {
	for i := range at {
		if c := &at[i]; c.Frame != nil && c.Frame.Seq == seq {
			c.Next()
		}
	}
}
