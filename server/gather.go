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
	for len(r.bytes) < mostGathered {
		seg, fr := earliest(at, limit)
		if fr == nil {
			break
		}
		ephemeral := r.replay && fr.flags&ephemeralFrame != 0
		if ephemeral != skipping && r.to > next {
			break
		}
		skipping = ephemeral
		r.to = fr.seq + 1
		pass(at, fr.seq)
		if !skipping {
			f.add(seg, fr)
		}
	}
	clear(at) // they keep segments in memory
	d.places = at[:0]
}

// add puts an event at the end of the run.
func (f *feed) add(seg *segment, fr *frame) {
	r, d := &f.last, f.desk
	switch {
	case f.framing == chunked && r.events == 0:
		r.seg, r.first = seg, frameIndex(seg, fr)
		r.bytes = seg.bytes[fr.start:fr.end]
	case r.seg == seg && &seg.frames[r.first+r.events] == fr:
		r.bytes = seg.bytes[seg.frames[r.first].start:fr.end]
	default:
		f.copy(seg, fr)
	}
	r.events++
	if r.seg == nil {
		d.marks = append(d.marks, mark{seq: fr.seq, end: len(r.bytes)})
	}
}

// copy appends an event to the bytes of the desk, after what the run has already.
func (f *feed) copy(seg *segment, fr *frame) {
	r, d := &f.last, f.desk
	if d.gatherer != f {
		d.begin(f)
		if r.seg != nil {
			d.take(r)
		}
	}
	if f.framing == chunked {
		d.bytes = append(d.bytes, seg.chunk(fr)...)
	} else {
		d.bytes = append(d.bytes, seg.payload(fr)...)
	}
	r.bytes = d.bytes
}

// begin makes the desk f's.
func (d *desk) begin(f *feed) {
	if d.gatherer != nil {
		d.gatherer.last = run{}
	}
	d.gatherer = f
	if cap(d.bytes) > mostKept {
		d.bytes, d.marks = nil, nil
	}
	d.bytes, d.marks = d.bytes[:0], d.marks[:0]
}

// take copies a run that was a part of a segment.
func (d *desk) take(r *run) {
	d.bytes = append(d.bytes, r.bytes...)
	base := r.seg.frames[r.first].start
	for i := range r.events {
		fr := &r.seg.frames[r.first+i]
		d.marks = append(d.marks, mark{seq: fr.seq, end: int(fr.end - base)})
	}
	r.seg = nil
}

// frameIndex is where in its segment's index a frame is.
func frameIndex(seg *segment, fr *frame) int {
	fs := seg.visible()
	return sort.Search(len(fs), func(i int) bool { return fs[i].seq >= fr.seq })
}

// earliest returns the frame with the lowest sequence among the places.
func earliest(at []place, limit uint64) (seg *segment, first *frame) {
	for i := range at {
		s, fr, ok := at[i].frame()
		if ok && fr.seq <= limit && (first == nil || fr.seq < first.seq) {
			seg, first = s, fr
		}
	}
	return seg, first
}

// pass moves every place that stands at seq on: an event that several of a
// stream's topics hold is sent once.
func pass(at []place, seq uint64) {
	for i := range at {
		if _, fr, ok := at[i].frame(); ok && fr.seq == seq {
			at[i].pass()
		}
	}
}
