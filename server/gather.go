package server

import (
	"sort"

	"github.com/fastsse/fastsse/internal/eventlog"
)

// gather merges the logs by sequence. Events that lie end to end in one segment are
// not copied: a run of them alone is a part of that segment, as in slice. Any others
// are copied to the desk. A replay ends before an ephemeral event, or is one without
// bytes, as in slice.
func (f *feed) gather(next, limit uint64) {
	d, r := f.workspace, &f.last
	at := d.cursors[:0]
	for _, t := range f.topics {
		at = append(at, t.Seek(next))
	}
	skipping := false
	for size := 0; size < mostGathered; {
		p := earliest(at)
		if p == nil || p.Frame.Seq > limit {
			break
		}
		seg, fr := p.Segment, p.Frame
		ephemeral := r.replay && fr.IsEphemeral()
		if ephemeral != skipping && r.to > next {
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
	if d.holder == f {
		r.bytes = d.bytes
	}
	clear(at) // they keep segments in memory
	d.cursors = at[:0]
}

// add puts an event at the end of the run.
func (f *feed) add(seg *eventlog.Segment, fr *eventlog.Frame) {
	r, d := &f.last, f.workspace
	r.events++
	switch {
	case d.holder == f: // the run is being copied
	case r.events == 1 && f.framing == chunked:
		r.seg, r.first = seg, frameIndex(seg, fr)
		r.bytes = seg.Bytes[fr.Start:fr.End]
		return
	case r.seg == seg && &seg.Frames[r.first+r.events-1] == fr:
		r.bytes = seg.Bytes[seg.Frames[r.first].Start:fr.End]
		return
	default:
		d.claim(f)
	}
	if f.framing == chunked {
		d.bytes = append(d.bytes, seg.Chunk(fr)...)
	} else {
		d.bytes = append(d.bytes, seg.Payload(fr)...)
	}
	d.boundaries = append(d.boundaries, boundary{seq: fr.Seq, end: len(d.bytes)})
}

// begin makes the desk f's, and copies what f's run has as a part of a segment.
func (d *workspace) claim(f *feed) {
	if d.holder != nil {
		d.holder.last = span{}
	}
	d.holder = f
	if cap(d.bytes) > mostKept {
		d.bytes, d.boundaries = nil, nil
	}
	r := &f.last
	d.bytes, d.boundaries = append(d.bytes[:0], r.bytes...), d.boundaries[:0]
	if r.seg == nil {
		return
	}
	frames := r.seg.Frames[r.first : r.first+r.events-1] // the last is still to be copied
	for i := range frames {
		d.boundaries = append(d.boundaries, boundary{seq: frames[i].Seq, end: int(frames[i].End - frames[0].Start)})
	}
	r.seg = nil
}

// frameIndex is where in its segment's index a frame is.
func frameIndex(seg *eventlog.Segment, fr *eventlog.Frame) int {
	fs := seg.Visible()
	return sort.Search(len(fs), func(i int) bool { return fs[i].Seq >= fr.Seq })
}

// earliest returns the place with the lowest sequence.
func earliest(at []eventlog.Cursor) (first *eventlog.Cursor) {
	for i := range at {
		if p := &at[i]; p.Frame != nil && (first == nil || p.Frame.Seq < first.Frame.Seq) {
			first = p
		}
	}
	return first
}

// pass moves every place that stands at seq on: an event that several of a
// stream's topics hold is sent once.
func skip(at []eventlog.Cursor, seq uint64) {
	for i := range at {
		if p := &at[i]; p.Frame != nil && p.Frame.Seq == seq {
			p.Next()
		}
	}
}
