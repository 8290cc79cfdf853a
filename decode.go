package fastsse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// ErrTooLong is wrapped by the error of a Decoder that has read an event or a line
// longer than [Decoder.MaxEvent].
var ErrTooLong = errors.New("event too long")

// Decoder reads an event stream as an EventSource does (WHATWG HTML, section 9.2.6). It
// reads whatever is available, returns each event as soon as its blank line has come,
// and does not allocate once its buffer is as large as the largest event
// (BenchmarkDecoder). Make one with [NewDecoder]. It must be used by one goroutine at a
// time.
type Decoder struct {
	// MaxEvent bounds an event, in bytes on the wire: its lines with their names and
	// ends, and comments between them. Zero means 16 MiB. Set it before the first Next.
	MaxEvent int

	r   io.Reader
	err error // of r, or of an event that is too long: the stream has ended

	// buf holds what was read. The block begins at start, its next line at scan.
	//
	//	buf   | done with  |lines of the block|    read ahead     |   room   |
	//
	//	0 ≤ start ≤ scan ≤ len(buf)
	buf   []byte
	start int
	scan  int

	begun  bool // the byte order mark has been looked for
	skipLF bool // the last line ended in CR: an LF that follows belongs to it

	id      []byte // the last event ID
	pending []byte // the last event ID once the block has ended
	retry   time.Duration
	joined  []byte // the data of a block with several data lines
	block   block
}

// block is what the fields of the current block have set.
type block struct {
	any   bool // there was a field
	typ   span
	data  span // of a single data line
	lines int  // data lines
}

// span is a range of the block's bytes, counted from its start.
type span struct{ from, to int }

// Received is a block of an event stream. Its slices belong to the Decoder, and are valid
// until the next call of Next or NextBlock.
type Received struct {
	ID      []byte // the client's last event ID, as of this block; empty: it has none
	Type    []byte // empty means "message"
	Data    []byte // lines are joined by LF
	HasData bool   // there was a data field: an EventSource dispatches the event
}

// NewDecoder returns a Decoder of the stream that r reads.
func NewDecoder(r io.Reader) *Decoder { return &Decoder{r: r} }

const (
	defaultMaxEvent  = 16 << 20
	smallestReadSize = 4 << 10
)

// LastEventID is what a client would send as Last-Event-ID: the id of the last block that
// had one, even if that block had no data. An unfinished block does not count.
func (d *Decoder) LastEventID() string { return string(d.id) }

// Retry is the last reconnection time that the stream has set; zero: none.
func (d *Decoder) Retry() time.Duration { return d.retry }

// Next returns the next event that an EventSource would dispatch. Its error is that of
// the reader: io.EOF at the end of the stream, where an unfinished event is dropped and
// its id with it. The error for an event longer than MaxEvent wraps [ErrTooLong]. After
// an error no more events come.
func (d *Decoder) Next() (Received, error) {
	for {
		b, err := d.NextBlock()
		if err != nil || b.HasData {
			return b, err
		}
	}
}

// NextBlock is Next, but also returns blocks without data, which dispatch nothing but may
// have set the last event ID or the reconnection time. Comments and blank lines alone are
// not a block.
func (d *Decoder) NextBlock() (Received, error) {
	d.block = block{}
	d.start = d.scan
	for {
		line, err := d.line()
		if err != nil {
			return Received{}, err
		}
		switch {
		case len(line) > 0:
			d.field(line)
		case d.block.any:
			return d.received(), nil
		}
		if !d.block.any {
			d.start = d.scan
		}
	}
}

// received ends the block.
func (d *Decoder) received() Received {
	d.id = append(d.id[:0], d.pending...)
	b := &d.block
	r := Received{ID: d.id, Type: d.bytes(b.typ), HasData: b.lines > 0}
	switch {
	case b.lines == 1:
		r.Data = d.bytes(b.data)
	case b.lines > 1:
		r.Data = d.joined
	}
	return r
}

func (d *Decoder) bytes(s span) []byte {
	return d.buf[d.start+s.from : d.start+s.to : d.start+s.to]
}

// field takes a line that is not empty.
func (d *Decoder) field(line []byte) {
	name, value, _ := bytes.Cut(line, []byte{':'})
	if len(name) == 0 {
		return // a comment
	}
	if len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	b := &d.block
	switch string(name) {
	case "data":
		d.data(value)
	case "event":
		b.typ = d.span(value)
	case "id":
		if bytes.IndexByte(value, 0) < 0 {
			d.pending = append(d.pending[:0], value...)
		}
	case "retry":
		d.setRetry(value)
	default:
		return
	}
	b.any = true
}

// span is the range of a part of the line in the block.
func (d *Decoder) span(value []byte) span {
	if len(value) == 0 {
		return span{}
	}
	from := cap(d.buf) - cap(value) - d.start // value is a part of buf
	return span{from, from + len(value)}
}

// data adds a line of data.
func (d *Decoder) data(value []byte) {
	b := &d.block
	b.lines++
	switch b.lines {
	case 1:
		b.data = d.span(value)
		return
	case 2:
		d.joined = append(d.joined[:0], d.bytes(b.data)...)
	}
	d.joined = append(d.joined, '\n')
	d.joined = append(d.joined, value...)
}

// setRetry takes the value of a retry field, and ignores it unless it is all digits.
func (d *Decoder) setRetry(value []byte) {
	const most = math.MaxInt64 / int64(time.Millisecond)
	var ms int64
	for _, c := range value {
		if c < '0' || c > '9' {
			return
		}
		ms = min(ms*10+int64(c-'0'), most/10-1)
	}
	if len(value) > 0 {
		d.retry = time.Duration(ms) * time.Millisecond
	}
}

// line returns the next line without its end. It is valid until the next call.
func (d *Decoder) line() ([]byte, error) {
	looked := d.scan
	for {
		if d.skipLF && d.scan < len(d.buf) {
			d.skipLF = false
			if d.buf[d.scan] == '\n' {
				d.scan++
				looked = max(looked, d.scan)
				if !d.block.any {
					d.start = d.scan
				}
			}
		}
		if i := endOfLine(d.buf[looked:]); i >= 0 {
			end := looked + i
			line := d.buf[d.scan:end]
			d.skipLF = d.buf[end] == '\r'
			d.scan = end + 1
			if !d.begun {
				d.begun = true
				line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
			}
			return line, nil
		}
		looked = len(d.buf)
		moved, err := d.read()
		if err != nil {
			return nil, err
		}
		looked -= moved
	}
}

// endOfLine is the offset of the first CR or LF, or negative.
func endOfLine(b []byte) int {
	lf := bytes.IndexByte(b, '\n')
	if lf >= 0 {
		b = b[:lf]
	}
	if cr := bytes.IndexByte(b, '\r'); cr >= 0 {
		return cr
	}
	return lf
}

// read reads more bytes, after those that are there. It returns how far those were moved
// to make room.
func (d *Decoder) read() (moved int, err error) {
	if d.err != nil {
		return 0, d.err
	}
	most := d.MaxEvent
	if most == 0 {
		most = defaultMaxEvent
	}
	if len(d.buf)-d.start > most {
		d.err = fmt.Errorf("fastsse: decode event: %w: more than %d bytes; raise Decoder.MaxEvent", ErrTooLong, most)
		return 0, d.err
	}
	moved = d.makeRoom()
	for range 100 {
		var n int
		n, err = d.r.Read(d.buf[len(d.buf):cap(d.buf)])
		d.buf = d.buf[:len(d.buf)+n]
		if n > 0 {
			d.err = err // returned after the bytes that came with it
			return moved, nil
		}
		if err != nil {
			d.err = err
			return moved, err
		}
	}
	d.err = io.ErrNoProgress
	return moved, d.err
}

// makeRoom moves the block to the front of a buffer that has room.
func (d *Decoder) makeRoom() (moved int) {
	if cap(d.buf)-len(d.buf) > 0 && d.start == 0 {
		return 0
	}
	moved = d.start
	held := d.buf[d.start:]
	to := d.buf[:0]
	if len(held) >= cap(d.buf)/2 {
		to = make([]byte, 0, max(2*cap(d.buf), smallestReadSize))
	}
	d.buf = append(to, held...)
	d.start, d.scan = 0, d.scan-moved
	return moved
}
