package cursor

import (
	"bytes"
	"sort"

	"github.com/fastsse/fastsse/internal/eventlog"
)

// Offer is what a stream is to be sent next. Its zero value is ready for
// Machine.Next. It can be used again, which is what makes it cheap.
type Offer struct {
	// Bytes are valid until Took, or until the offer is used again.
	Bytes []byte

	kind offerKind

	// Of kind fromLog: where the events are.
	from     uint64
	to       uint64
	events   int
	segment  *eventlog.Segment // they are frames of it, from first on,
	first    int
	gathered *gathered // or were copied

	told    uint64 // of kind position: the sequence
	scratch []byte // for control blocks
}

// offerKind is what the bytes of an offer are.
type offerKind uint8

const (
	fromLog    offerKind = iota // events: the position says what was not taken
	fromUnsent                  // the rest of what an earlier turn began
	control                     // a block that comes from no log: what was not taken is kept
	heartbeat                   // a control block that is dropped if none of it went out
	position                    // a heartbeat that tells the client how far it is
)

// Behind reports whether the offer is more than one event: its stream, and most likely
// whoever drives it, does not keep up.
func (o *Offer) Behind() bool { return o.kind == fromLog && o.events > 1 }

// take makes the offer r's events.
func (o *Offer) take(r *span) bool {
	o.kind, o.Bytes = fromLog, r.bytes
	o.from, o.to, o.events, o.segment, o.first = r.from, r.to, r.events, r.segment, r.first
	if r.gathered != nil {
		r.gathered.offers++
		o.gathered = r.gathered
	}
	return true
}

// say makes the offer bytes that come from no log. They are the offer's, or static.
func (o *Offer) say(k offerKind, b []byte) bool {
	o.kind, o.Bytes = k, b
	return true
}

// release gives up what the offer owns.
func (o *Offer) release() {
	if o.gathered != nil {
		o.gathered.offers--
		o.gathered = nil
	}
}

// split says where a stream stands that has taken the first n bytes of an offer from
// the log, fewer than all: its next sequence, how many events it took, the unfinished
// one included, and the rest of that one. rest is nil between events.
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
	// What was gathered is about to be overwritten: the rest is copied.
	return ends[i].seq + 1, i + 1, nonEmpty(bytes.Clone(o.Bytes[n:ends[i].end]))
}

func nonEmpty(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}
