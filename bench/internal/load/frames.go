package load

import (
	"bytes"
	"regexp"
	"time"

	"github.com/fastsse/fastsse"
)

// frames are the blocks with events of this process that a reader's streams were sent last.
// All streams of a fan-out are sent the same bytes, so that one of them has to be decoded:
// the others compare. Bytes that are equal, where a block begins for both, are the same
// event, and leave the same last event id and reconnection time behind.
type frames struct {
	ring    [1024]frame
	decoded uint64 // events that had to be decoded
	vain    int    // frames that were remembered since one was met again
}

// frame is a block as it was on the wire, and what it says.
type frame struct {
	stamp
	wire  []byte        // with its blank line; empty: there is none
	id    *string       // the last event id that it sets; nil: none
	retry time.Duration // the reconnection time that it sets; negative: none
	then  int           // the lane of the event that came next
}

// maxFrame bounds a block that is remembered: what is longer costs little more to decode.
const maxFrame = 16 << 10

// slot is where an event is remembered: at places of their own for up to 1,024 lanes.
func slot(lane int, seq uint64) int {
	return int((seq + 389*uint64(lane)) % uint64(len(frames{}.ring)))
}

// expected is the frame that the stream should get next, if nothing is lost and all get events
// of several lanes in one order. A wrong guess costs time alone.
func (fs *frames) expected(st *stream) (at int, f *frame) {
	lane, number := fs.ring[st.frame].then, uint64(1)
	if lane < len(st.tallies) {
		number += st.tallies[lane].last
	}
	at = slot(lane, st.meter.swarm.seq(st, number))
	return at, &fs.ring[at]
}

// compare takes the blocks at the beginning of b that the stream was expected to get, and
// returns what follows them.
func (m *meter) compare(st *stream, b []byte, now time.Duration) (rest []byte) {
	for len(b) > 0 && st.begun && st.held == 0 {
		at, f := m.frames.expected(st)
		n := len(f.wire)
		if n == 0 || n > len(b) || string(b[:n]) != string(f.wire) || f.retry >= 0 && f.retry != st.retry() {
			break
		}
		st.frame, b, m.frames.vain = at, b[n:], 0
		if f.id != nil {
			st.id = f.id
		}
		m.counts(st, f.stamp, now)
	}
	return b
}

// remember keeps a block that a stream was sent, unless other streams that are sent it would
// not be as they are by decoding it.
func (fs *frames) remember(st *stream, raw []byte, b *fastsse.Received, s stamp) {
	fs.decoded++
	at := slot(s.lane, s.seq)
	fs.ring[st.frame].then = s.lane
	st.frame = at
	if fs.vain > len(fs.ring) && fs.decoded%17 > 0 { // each stream gets its own: look seldom
		return
	}
	f := &fs.ring[at]
	if !st.begun || len(raw) > maxFrame || raw[0] == ':' || string(b.Type) == gapType || bytes.IndexByte(raw, 0) >= 0 {
		return
	}
	if bytes.Equal(f.wire, raw) {
		return
	}
	fs.vain++
	if f.stamp != s {
		f.then = s.lane
	}
	f.stamp, f.wire, f.id, f.retry = s, append(f.wire[:0], raw...), nil, -1
	if idField.Match(raw) {
		id := string(b.ID)
		f.id = &id
	}
	if b.HasRetry {
		f.retry = st.retry()
	}
}

// idField finds the field that sets the last event id.
var idField = regexp.MustCompile(`(^|[\r\n])id[:\r\n]`)

// blockEnd is how much of b comes before the end of the first block in it, or all of b. Where
// lines end in CR alone, it is all.
func blockEnd(b []byte) int {
	for i := 0; ; {
		n := bytes.IndexByte(b[i:], '\n') + 1
		if n == 0 {
			return len(b)
		}
		i += n
		switch {
		case i < len(b) && b[i] == '\n':
			return i + 1
		case i+1 < len(b) && b[i] == '\r' && b[i+1] == '\n':
			return i + 2
		}
	}
}
