package eventlog

import (
	"bytes"
	"math"
	"slices"
	"sort"
	"sync/atomic"
)

// log is the recent events of one topic, in the order of their sequence. One publisher at
// a time appends and evicts (under History.mu); any number of readers read without a
// lock. A segment that a reader has stays valid for as long as the reader has it; a
// reader between two reads keeps nothing in memory.
type log struct {
	// Static after construction.
	ages    *ageList // its window, and the topics with the same one
	largest int      // bytes of a segment, unless one event needs more

	// Owned by the publisher.
	segs    []*Segment // oldest first
	oldest  int        // index of the oldest frame held, in segs[0]
	count   int        // frames held
	held    int        // their bytes
	memory  int        // bytes of all segments and of the alias index
	aliases map[string]alias
	above   []member // its topic's membership in subtrees, the nearest first
	newer   *Topic   // its topic's neighbours in the age list
	older   *Topic
	listed  bool // its topic is in the age list

	// Written by the publisher, read by all.
	view       atomic.Pointer[[]*Segment]
	ephemerals atomic.Int64 // how many ephemeral events were ever appended
}

// alias is where a publisher's own id points.
type alias struct {
	seq  uint64 // of the newest event that has it
	uses int    // how many held events have it: more than one is ambiguous
}

// aliasCost is what an entry of the alias index takes, in bytes, besides its text.
const aliasCost = 96

// room returns n bytes to write the next frame into; commit makes it visible.
func (l *log) room(n int) []byte {
	if len(l.segs) > 0 {
		s := l.segs[len(l.segs)-1]
		if from := s.used(); from+n <= len(s.Bytes) && int(s.n.Load()) < len(s.Frames) {
			return s.Bytes[from : from+n]
		}
	}
	size := smallestSegment
	if len(l.segs) > 0 {
		size = min(2*len(l.segs[len(l.segs)-1].Bytes), l.largest)
	}
	s := newSegment(max(size, n))
	l.segs = append(l.segs, s)
	l.memory += s.memory()
	return s.Bytes[:n]
}

// commit makes the frame that was written into room's bytes readable. f.Start and f.End
// are relative to them.
func (l *log) commit(f Frame) {
	s := l.segs[len(l.segs)-1]
	from := uint32(s.used())
	f.Start += from
	f.End += from
	n := s.n.Load()
	s.Frames[n] = f
	s.n.Store(n + 1)
	if n == 0 {
		l.publishView()
	}
	l.count++
	l.held += int(f.End - f.Start)
	if f.flags&ephemeralFrame != 0 {
		l.ephemerals.Add(1)
	}
	if f.flags&aliasedFrame != 0 {
		l.remember(aliasOf(s.Payload(&f)), f.Seq)
	}
}

func (l *log) publishView() {
	if len(l.segs) == 0 {
		l.view.Store(nil)
		return
	}
	view := slices.Clone(l.segs)
	l.view.Store(&view)
}

// overWindow reports whether the log holds more events or bytes than w allows. The newest
// event alone is never too much.
func (l *log) overWindow(w *Window) bool {
	return l.count > 1 && (l.count > w.Events || l.held > w.Bytes)
}

// stale reports whether even the newest event is too old to keep.
func (l *log) stale(w *Window, now uint32) bool {
	if l.count == 0 {
		return false
	}
	last := l.segs[len(l.segs)-1]
	return last.Frames[last.n.Load()-1].expired(w.Age, now)
}

func (l *log) oldestFrame() *Frame { return &l.segs[0].Frames[l.oldest] }

// dropOldest removes the oldest event. Its loss must have been recorded.
func (l *log) dropOldest() {
	s, f := l.segs[0], l.oldestFrame()
	if f.flags&aliasedFrame != 0 {
		l.disown(aliasOf(s.Payload(f)))
	}
	l.count--
	l.held -= int(f.End - f.Start)
	l.oldest++
	if l.oldest < int(s.n.Load()) {
		return
	}
	l.segs = slices.Delete(l.segs, 0, 1)
	l.oldest = 0
	l.memory -= s.memory()
	l.publishView()
}

// remember notes that an event has a publisher's id.
func (l *log) remember(id string, seq uint64) {
	if l.aliases == nil {
		l.aliases = make(map[string]alias)
	}
	a, known := l.aliases[id]
	l.aliases[id] = alias{seq: seq, uses: a.uses + 1}
	if !known {
		l.memory += len(id) + aliasCost
	}
}

// disown undoes one remember.
func (l *log) disown(id string) {
	a := l.aliases[id]
	if a.uses <= 1 {
		delete(l.aliases, id)
		l.memory -= len(id) + aliasCost
		return
	}
	a.uses--
	l.aliases[id] = a
}

// aliasOf returns the id with which a block ends.
func aliasOf(payload []byte) string {
	block := payload[:len(payload)-len("\n\n")]
	return string(block[bytes.LastIndexByte(block, '\n')+1+len("id: "):])
}

// seek finds the first frame at or after next. Any goroutine may call it.
func (l *log) seek(next uint64) (view []*Segment, seg, at int, ok bool) {
	v := l.view.Load()
	if v == nil {
		return nil, 0, 0, false
	}
	view = *v
	// Fast path: most readers are in the newest segment.
	seg = len(view) - 1
	if fs := view[seg].Visible(); fs[0].Seq > next {
		seg = sort.Search(seg, func(i int) bool {
			fs := view[i].Visible()
			return fs[len(fs)-1].Seq >= next
		})
	}
	fs := view[seg].Visible()
	at = sort.Search(len(fs), func(i int) bool { return fs[i].Seq >= next })
	return view, seg, at, at < len(fs)
}

// event returns the event with that sequence; ok is false if the log does not hold it.
func (l *log) event(seq uint64) (s *Segment, f *Frame, ok bool) {
	view, i, at, ok := l.seek(seq)
	if !ok {
		return nil, nil, false
	}
	f = &view[i].Frames[at]
	return view[i], f, f.Seq == seq
}

// secondsOf turns milliseconds of the hub's clock into the seconds of frames.
func secondsOf(ms int64) uint32 { return uint32(min(ms/1000, math.MaxUint32)) }
