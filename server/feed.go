package server

import (
	"bytes"
	"sort"
)

// framing is how a stream's bytes are wrapped.
type framing uint8

const (
	chunked  framing = iota // HTTP/1.1: every event is a chunk, as the logs hold it
	identity                // HTTP/1.0: the bare blocks, until the connection ends
	inner                   // inside a streamwriter.Writer, which frames what it is given
)

// feed is what all streams with the same topics and framing read: their logs,
// merged by sequence. It keeps the last run that it looked up, because the
// streams of a feed mostly stand at the same place.
//
// A feed belongs to one driver: a shard, or the goroutine of one stream.
type feed struct {
	topics    []*topic
	framing   framing
	committed func() uint64 // the hub's newest sequence that is in all its logs
	shared    bool          // several streams read it in turn: the last run is kept for the next
	last      run
	buf       []byte // holds last.bytes, if a segment does not
}

// run is some events on end, as bytes to be written.
type run struct {
	from   uint64 // it is what a stream with this next sequence gets
	replay bool   // it ends before an ephemeral event
	to     uint64 // the stream's next sequence, once it has taken all
	events int
	bytes  []byte

	// Where each event is: in the index of one segment…
	seg   *segment
	first int
	// …or, if the bytes were gathered, here.
	marks []mark
}

// mark is where an event of a gathered run ends.
type mark struct {
	seq uint64
	end int
}

// mostGathered bounds the bytes of a run that has to be copied together.
const mostGathered = 32 << 10

// look returns the run of a stream whose next sequence is next, nil if there is
// no event for it. It is valid until the next look.
func (f *feed) look(next uint64, replay bool) *run {
	// Fast path: the neighbour was just here, and nothing has come since.
	if f.last.from == next && f.last.replay == replay && len(f.last.bytes) > 0 && !f.beyond(f.last.to) {
		return &f.last
	}
	if f.shared && !f.beyond(next) {
		return nil // and the run stays: its neighbours are about to ask for it
	}
	return f.find(next, replay)
}

// forget gives up the run, which keeps a segment in memory.
func (f *feed) forget() { f.last = run{marks: f.last.marks[:0]} }

// beyond reports whether a log holds events at or after seq.
func (f *feed) beyond(seq uint64) bool {
	for _, t := range f.topics {
		if t.log.head.Load() >= seq {
			return true
		}
	}
	return false
}

// find is the slow path of look.
func (f *feed) find(next uint64, replay bool) *run {
	f.last = run{from: next, replay: replay, to: next, marks: f.last.marks[:0]}
	if !f.beyond(next) {
		return nil
	}
	if len(f.topics) == 1 && f.framing == chunked {
		f.slice(next)
	} else {
		f.gather(next)
	}
	if len(f.last.bytes) == 0 && f.last.to == next {
		return nil
	}
	return &f.last
}

// slice makes the run a part of one segment: nothing is copied. It ends with
// the segment or, in a replay, before an ephemeral event: the stream knows if it
// must get that. Ephemeral events at its beginning make a run without bytes.
func (f *feed) slice(next uint64) {
	r, l := &f.last, &f.topics[0].log
	p, ok := l.seek(max(next, l.forgotten.Load()+1))
	if !ok {
		return
	}
	seg := p.view[p.seg]
	frames := seg.visible()
	for r.replay && p.at < len(frames) && frames[p.at].flags&ephemeralFrame != 0 {
		r.to = frames[p.at].seq + 1
		p.at++
	}
	end := len(frames)
	if r.replay && l.ephemerals.Load() > 0 {
		for end = p.at; end < len(frames) && frames[end].flags&ephemeralFrame == 0; end++ {
		}
	}
	if p.at == end || r.to > next {
		return
	}
	r.seg, r.first, r.events = seg, p.at, end-p.at
	r.to = frames[end-1].seq + 1
	r.bytes = seg.bytes[frames[p.at].start:frames[end-1].end]
}

// gather merges the logs by sequence into the feed's buffer. Nothing beyond
// what is committed is taken: an older event could still be missing from a log
// that was looked at first. A replay ends before an ephemeral event, or is one
// without bytes, as in slice.
func (f *feed) gather(next uint64) {
	r := &f.last
	limit := f.committed()
	var places [defaultMaxTopics]place
	at := places[:0]
	for _, t := range f.topics {
		p, _ := t.log.seek(max(next, t.log.forgotten.Load()+1))
		at = append(at, p)
	}
	b, passing := f.buf[:0], false
	for len(b) < mostGathered {
		seg, fr := earliest(at, limit)
		if fr == nil {
			break
		}
		ephemeral := r.replay && fr.flags&ephemeralFrame != 0
		if ephemeral != passing && r.to > next {
			break
		}
		passing = ephemeral
		r.to = fr.seq + 1
		pass(at, fr.seq)
		if passing {
			continue
		}
		if f.framing == chunked {
			b = append(b, seg.chunk(fr)...)
		} else {
			b = append(b, seg.payload(fr)...)
		}
		r.marks = append(r.marks, mark{seq: fr.seq, end: len(b)})
	}
	f.buf = b
	r.bytes, r.events = b, len(r.marks)
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
			at[i].at++
		}
	}
}

// cut says where a stream stands that has taken the first n bytes of the run,
// fewer than all: its next sequence, how many events it took, the unfinished
// one included, and the rest of that one. rest is nil between events.
func (r *run) cut(n int) (next uint64, events int, rest []byte) {
	if n == 0 {
		return r.from, 0, nil
	}
	if r.seg != nil {
		base := int(r.seg.frames[r.first].start)
		i := r.first + sort.Search(r.events, func(i int) bool {
			return int(r.seg.frames[r.first+i].end)-base >= n
		})
		fr := &r.seg.frames[i]
		return fr.seq + 1, i - r.first + 1, nonEmpty(r.bytes[n : int(fr.end)-base])
	}
	i := sort.Search(len(r.marks), func(i int) bool { return r.marks[i].end >= n })
	// The buffer is the next run's: what is still owed is copied.
	return r.marks[i].seq + 1, i + 1, nonEmpty(bytes.Clone(r.bytes[n:r.marks[i].end]))
}

func nonEmpty(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// lost returns the highest sequence from next on that one of the logs cannot
// give any more; zero if there is none.
func (f *feed) lost(next, live uint64) uint64 {
	var lost uint64
	for _, t := range f.topics {
		lost = max(lost, t.log.lostSince(next, live))
	}
	return lost
}
