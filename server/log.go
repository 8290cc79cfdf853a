package server

import (
	"bytes"
	"math"
	"slices"
	"sort"
	"sync/atomic"
)

// window bounds a log.
type window struct {
	events    int
	bytes     int
	age       uint32 // seconds
	ephemeral bool
}

// log is the recent events of one topic, in the order of their sequence. One
// publisher appends and forgets (under Hub.mu); any number of readers look
// things up without a lock. What readers hold stays valid for as long as they
// hold it; a reader that holds nothing keeps nothing alive.
type log struct {
	// Static after construction.
	window  window
	largest int // bytes of a segment

	// Owned by the publisher.
	segs    []*segment // oldest first
	oldest  int        // index of the oldest frame held, in segs[0]
	count   int        // frames held
	held    int        // their bytes
	memory  int        // bytes of all segments
	aliases map[string]alias

	// Written by the publisher, read by all. forgotten and gone are stored
	// before the view that lacks what they speak of, so that a reader who
	// loads the view first never takes a hole for nothing.
	view       atomic.Pointer[[]*segment]
	head       atomic.Uint64 // sequence of the newest event
	forgotten  atomic.Uint64 // highest sequence of an event that cannot be replayed any more
	gone       atomic.Uint64 // the same, ephemeral ones included
	ephemerals atomic.Int64  // how many ephemeral events were ever appended
}

// alias is where a publisher's own id points.
type alias struct {
	seq  uint64 // the newest event that bears it
	uses int    // how many held events bear it: more than one is ambiguous
}

// aliasCost is what an entry of the alias index takes beside its text.
const aliasCost = 64

// empty reports whether the log holds nothing. Any goroutine may ask.
func (l *log) empty() bool { return l.view.Load() == nil }

// room returns a slice of n bytes for the next frame; commit makes it visible.
func (l *log) room(n int) []byte {
	if len(l.segs) > 0 {
		s := l.segs[len(l.segs)-1]
		if from := s.used(); from+n <= len(s.bytes) && int(s.n.Load()) < len(s.frames) {
			return s.bytes[from : from+n]
		}
	}
	size := smallestSegment
	if len(l.segs) > 0 {
		size = min(2*len(l.segs[len(l.segs)-1].bytes), l.largest)
	}
	s := newSegment(max(size, n))
	l.segs = append(l.segs, s)
	l.memory += s.memory()
	return s.bytes[:n]
}

// commit makes the frame that was written into room readable. f.start and f.end
// are relative to that slice.
func (l *log) commit(f frame) {
	s := l.segs[len(l.segs)-1]
	from := uint32(s.used())
	f.start += from
	f.end += from
	n := s.n.Load()
	s.frames[n] = f
	s.n.Store(n + 1)
	if n == 0 {
		l.publishView()
	}
	l.count++
	l.held += int(f.end - f.start)
	if f.flags&ephemeralFrame != 0 {
		l.ephemerals.Add(1)
	}
	if f.flags&aliasedFrame != 0 {
		l.remember(aliasOf(s.payload(&f)), f.seq)
	}
	l.head.Store(f.seq)
}

func (l *log) publishView() {
	if len(l.segs) == 0 {
		l.view.Store(nil)
		return
	}
	view := slices.Clone(l.segs)
	l.view.Store(&view)
}

// trim forgets what is beyond the window at now, but never the newest event.
func (l *log) trim(now uint32) {
	for l.count > 1 && (l.count > l.window.events || l.held > l.window.bytes || l.expired(l.oldestFrame(), now)) {
		l.forget()
	}
}

// stale reports whether even the newest event is too old to keep.
func (l *log) stale(now uint32) bool {
	if l.count == 0 {
		return false
	}
	last := l.segs[len(l.segs)-1]
	return l.expired(&last.frames[last.n.Load()-1], now)
}

// expired reports whether f is too old. Publishers take the time before the lock:
// f may be of a second that now has not reached.
func (l *log) expired(f *frame, now uint32) bool {
	return now > f.at && now-f.at > l.window.age
}

func (l *log) oldestFrame() *frame { return &l.segs[0].frames[l.oldest] }

// forget drops the oldest event.
func (l *log) forget() {
	s, f := l.segs[0], l.oldestFrame()
	if f.flags&ephemeralFrame == 0 {
		l.forgotten.Store(f.seq)
	}
	l.gone.Store(f.seq)
	if f.flags&aliasedFrame != 0 {
		l.disown(aliasOf(s.payload(f)))
	}
	l.count--
	l.held -= int(f.end - f.start)
	l.oldest++
	if l.oldest < int(s.n.Load()) {
		return
	}
	l.segs = slices.Delete(l.segs, 0, 1)
	l.oldest = 0
	l.memory -= s.memory()
	l.publishView()
}

// forgetSegment drops the oldest segment's events.
func (l *log) forgetSegment() {
	for s := l.segs[0]; len(l.segs) > 0 && l.segs[0] == s; {
		l.forget()
	}
}

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

// aliasOf returns the id that a block begins with.
func aliasOf(payload []byte) string {
	line, _, _ := bytes.Cut(payload[len("id: "):], []byte{'\n'})
	return string(line)
}

// place is a frame of a log, found without a lock.
type place struct {
	view []*segment
	seg  int
	at   int
}

// seek finds the first frame at or after next.
func (l *log) seek(next uint64) (p place, ok bool) {
	v := l.view.Load()
	if v == nil {
		return place{}, false
	}
	view := *v
	// Fast path: readers are mostly near the head.
	i := len(view) - 1
	if fs := view[i].visible(); fs[0].seq > next {
		i = sort.Search(i, func(i int) bool {
			fs := view[i].visible()
			return fs[len(fs)-1].seq >= next
		})
	}
	fs := view[i].visible()
	at := sort.Search(len(fs), func(i int) bool { return fs[i].seq >= next })
	return place{view: view, seg: i, at: at}, at < len(fs)
}

// frame returns the segment and index entry of the place, or not ok past the
// last one.
func (p *place) frame() (*segment, *frame, bool) {
	for p.seg < len(p.view) {
		s := p.view[p.seg]
		if fs := s.visible(); p.at < len(fs) {
			return s, &fs[p.at], true
		}
		p.seg++
		p.at = 0
	}
	return nil, nil, false
}

// lostSince returns the highest sequence from next on that the log held and
// does not any more; zero if there is none. Ephemeral events count from live
// on: before, they were never owed.
func (l *log) lostSince(next, live uint64) uint64 {
	lost := l.forgotten.Load()
	if next >= live {
		lost = max(lost, l.gone.Load())
	}
	if lost < next {
		return 0
	}
	return lost
}

// secondsOf turns milliseconds of the hub's clock into the seconds of frames.
func secondsOf(ms int64) uint32 { return uint32(min(ms/1000, math.MaxUint32)) }
