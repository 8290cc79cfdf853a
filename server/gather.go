package server

import "sort"

// gather merges the logs by sequence. Events that lie end to end in one segment are
// not copied: a run of them alone is a part of that segment, as in slice. Any others
// are copied to the desk. A replay ends before an ephemeral event, or is one without
// bytes, as in slice.
func (f *feed) gather(next, limit uint64) {
	d, r := f.desk, &f.last
	at := d.places[:0]
	for _, t := range f.topics {
		at = append(at, t.seek(next))
	}
	skipping := false
	for size := 0; size < mostGathered; {
		p := earliest(at)
		if p == nil || p.frm.seq > limit {
			break
		}
		seg, fr := p.seg, p.frm
		ephemeral := r.replay && fr.flags&ephemeralFrame != 0
		if ephemeral != skipping && r.to > next {
			break
		}
		skipping = ephemeral
		r.to = fr.seq + 1
		pass(at, fr.seq)
		if !skipping {
			f.add(seg, fr)
			size += int(fr.end - fr.start)
		}
	}
	if d.gatherer == f {
		r.bytes = d.bytes
	}
	clear(at) // they keep segments in memory
	d.places = at[:0]
}

// add puts an event at the end of the run.
func (f *feed) add(seg *segment, fr *frame) {
	r, d := &f.last, f.desk
	r.events++
	switch {
	case d.gatherer == f: // the run is being copied
	case r.events == 1 && f.framing == chunked:
		r.seg, r.first = seg, frameIndex(seg, fr)
		r.bytes = seg.bytes[fr.start:fr.end]
		return
	case r.seg == seg && &seg.frames[r.first+r.events-1] == fr:
		r.bytes = seg.bytes[seg.frames[r.first].start:fr.end]
		return
	default:
		d.begin(f)
	}
	if f.framing == chunked {
		d.bytes = append(d.bytes, seg.chunk(fr)...)
	} else {
		d.bytes = append(d.bytes, seg.payload(fr)...)
	}
	d.marks = append(d.marks, mark{seq: fr.seq, end: len(d.bytes)})
}

// begin makes the desk f's, and copies what f's run has as a part of a segment.
func (d *desk) begin(f *feed) {
	if d.gatherer != nil {
		d.gatherer.last = run{}
	}
	d.gatherer = f
	if cap(d.bytes) > mostKept {
		d.bytes, d.marks = nil, nil
	}
	r := &f.last
	d.bytes, d.marks = append(d.bytes[:0], r.bytes...), d.marks[:0]
	if r.seg == nil {
		return
	}
	frames := r.seg.frames[r.first : r.first+r.events-1] // the last is still to be copied
	for i := range frames {
		d.marks = append(d.marks, mark{seq: frames[i].seq, end: int(frames[i].end - frames[0].start)})
	}
	r.seg = nil
}

// frameIndex is where in its segment's index a frame is.
func frameIndex(seg *segment, fr *frame) int {
	fs := seg.visible()
	return sort.Search(len(fs), func(i int) bool { return fs[i].seq >= fr.seq })
}

// earliest returns the place with the lowest sequence.
func earliest(at []place) (first *place) {
	for i := range at {
		if p := &at[i]; p.frm != nil && (first == nil || p.frm.seq < first.frm.seq) {
			first = p
		}
	}
	return first
}

// pass moves every place that stands at seq on: an event that several of a
// stream's topics hold is sent once.
func pass(at []place, seq uint64) {
	for i := range at {
		if p := &at[i]; p.frm != nil && p.frm.seq == seq {
			p.next()
		}
	}
}
