package cursor

import (
	"bytes"
	"sort"

	"github.com/fastsse/fastsse/internal/eventlog"
)

// Offer is what a stream is sent next. The zero value is ready for Machine.Next. Use one
// again, for any stream: it keeps its buffer.
type Offer struct {
	// Bytes are to be written. They must not be changed, and are valid until Took or until
	// the offer is used again.
	Bytes []byte

	kind offerKind

	// For kind fromLog: the events.
	from     uint64
	to       uint64
	events   int
	segment  *eventlog.Segment // the events are frames of it, from first on,
	first    int
	gathered *gathered // or were copied

	told    uint64 // for kind position: the sequence
	scratch []byte // for control blocks
}

// offerKind is what the bytes of an offer are.
type offerKind uint8

const (
	fromLog    offerKind = iota // events
	fromUnsent                  // the rest of an earlier offer
	control                     // a block that is in no log: what is not taken is kept
	heartbeat                   // a comment: dropped if none of it is taken
	position                    // the position as a heartbeat: dropped if none of it is taken
)

// Behind reports whether the offer is more than one event: the stream is behind, and so,
// most likely, is the goroutine that writes it.
func (o *Offer) Behind() bool { return o.kind == fromLog && o.events > 1 }

// take sets the offer to the last span of f, which has events.
func (o *Offer) take(f *Feed) bool {
	r := &f.last
	o.kind, o.Bytes = fromLog, r.bytes
	o.from, o.to, o.events, o.segment, o.first = r.from, r.to, r.events, r.segment, int(r.first)
	if f.workspace.holder == f {
		o.gathered = f.workspace.gathered
		o.gathered.offers++
	}
	return true
}

// say sets the offer to bytes that are in no log. They must not change before the offer is
// used again.
func (o *Offer) say(k offerKind, b []byte) bool {
	o.kind, o.Bytes = k, b
	return true
}

// release gives up what the offer has of others: a segment that it would keep in memory,
// or a buffer of gathered events.
func (o *Offer) release() {
	o.Bytes, o.segment = nil, nil
	if o.gathered != nil {
		o.gathered.offers--
		o.gathered = nil
	}
}

// split returns the position of a stream that has taken the first n bytes of an offer
// from the log, fewer than all: its next sequence, the number of events taken, including
// an unfinished one, and the rest of that one. rest is nil between events.
func (o *Offer) split(n int) (next uint64, events int, rest []byte) {
	if n == 0 {
		return o.from, 0, nil
	}
	if o.segment != nil {
		frames := o.segment.Frames[o.first : o.first+o.events]
		base := int(frames[0].Start)
		i := sort.Search(len(frames), func(i int) bool { return int(frames[i].End)-base >= n })
		return frames[i].Seq + 1, i + 1, nonEmpty(o.Bytes[n : int(frames[i].End)-base])
	}
	ends := o.gathered.boundaries
	i := sort.Search(len(ends), func(i int) bool { return ends[i].end >= n })
	// Copied, because the buffer is about to be overwritten.
	return ends[i].seq + 1, i + 1, nonEmpty(bytes.Clone(o.Bytes[n:ends[i].end]))
}

// before returns how many of the first n events of an offer from the log have a sequence
// below seq.
func (o *Offer) before(seq uint64, n int) int {
	switch {
	case o.to <= seq: // Fast path: all of them.
		return n
	case o.segment != nil:
		frames := o.segment.Frames[o.first : o.first+n]
		return sort.Search(n, func(i int) bool { return frames[i].Seq >= seq })
	}
	ends := o.gathered.boundaries[:n]
	return sort.Search(n, func(i int) bool { return ends[i].seq >= seq })
}

func nonEmpty(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}
