package fastsse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"
)

// ErrTooLong is wrapped by the error of a Decoder that has met an event or a line
// beyond [Decoder.MaxEvent].
var ErrTooLong = errors.New("event too long")

// Decoder reads an event stream as an EventSource does (WHATWG HTML, section 9.2.6). It
// returns each event as soon as its blank line has come, and does not allocate once its
// buffer has the size of the largest event (BenchmarkDecoder). It is for one goroutine.
//
// Bytes that are not UTF-8 are returned as they came: an EventSource has U+FFFD for them.
//
// [NewDecoder] makes one that reads from a reader, as much as is there. The zero Decoder
// is given the bytes instead: see [Decoder.Feed].
type Decoder struct {
	// MaxEvent bounds how much of an unfinished event is held, in bytes on the wire:
	// its lines with their names and ends, and comments between them, but no heartbeats
	// that come before its type and data. An event that came together with its end may
	// be longer. Zero means 16 MiB. Set it before the first Next.
	MaxEvent int

	// What was read: of buf, the block begins at start, its next line at scan. From
	// there to noLF there is no LF, and to noCR no CR: a byte is looked at once for
	// each, however long the line.
	//
	//	buf   |what is done|lines of the block|what was read ahead|   room   |
	//
	//	0 ≤ start ≤ scan ≤ len(buf)
	buf        []byte
	start      int
	scan       int
	noLF, noCR int

	borrowed bool // buf is what the Decoder was fed, and fed is empty
	begun    bool // the byte order mark has been looked for
	skipLF   bool // the last line ended in CR: an LF that follows belongs to it
	raw      bool // NextRaw is reading: comments and blank lines count as a block

	// The block. Its ID, if it has one, its Type and its single line of Data are parts
	// of buf, as long as that.
	block   Received
	id      []byte // the last event ID
	any     bool   // the block has a field
	hasID   bool   // it has an id
	early   bool   // its ID is in held, and not a part of buf
	several bool   // it has several lines of data, which are joined
	done    bool   // it was returned: the next one is to begin

	// What follows is seldom touched: of thousands of Decoders that are fed in turn,
	// it would be out of the cache.

	joined   []byte
	held     []byte // an early id
	retry    time.Duration
	hasRetry bool
	comments int

	r   io.Reader // nil: the Decoder is fed
	err error     // of r, or of an event that is too long: the stream has ended
	fed []byte    // what was fed and is not in buf
	own []byte    // the memory of a buf that is not borrowed, if the Decoder is fed
}

// Received is a block of an event stream. It belongs to the Decoder that returned it, and
// so do its slices, or they are parts of what the Decoder was fed: do not change them. All
// are valid until the next call of Next, NextBlock, NextRaw, Feed or Reset.
type Received struct {
	ID       []byte // the client's last event ID, as of this block; empty: it has none
	Type     []byte // empty means "message"
	Data     []byte // lines are joined by LF
	HasData  bool   // there was a data field: an EventSource dispatches the event
	HasRetry bool   // it set the reconnection time, which Decoder.Retry returns
}

// NewDecoder returns a Decoder of the stream that r reads.
func NewDecoder(r io.Reader) *Decoder { return &Decoder{r: r} }

const (
	defaultMaxEvent  = 16 << 20
	smallestReadSize = 4 << 10
)

// LastEventID is what a client would send as Last-Event-ID: the id of the last block that
// had one, also of a block without data. A block that was not finished does not count.
func (d *Decoder) LastEventID() string { return string(d.id) }

// Retry is the reconnection time that the stream has set last. It is not set if no valid
// one has come; zero is valid, and means at once.
func (d *Decoder) Retry() (wait time.Duration, set bool) { return d.retry, d.hasRetry }

// Comments is how many lines of comment have come so far, heartbeats among them.
func (d *Decoder) Comments() int { return d.comments }

// Next returns the next event that an EventSource would dispatch. Its error is that of
// the reader: io.EOF at the end of the stream, where an unfinished event is dropped and
// its id with it. Beyond MaxEvent it wraps [ErrTooLong]. After an error there is no next
// event. (A Decoder that is fed returns io.EOF whenever it needs more: see
// [Decoder.Feed].)
func (d *Decoder) Next() (*Received, error) {
	for {
		if b, err := d.NextBlock(); err != nil || b.HasData {
			return b, err
		}
	}
}

// NextBlock is Next for blocks without data as well, which dispatch nothing but may have
// set the last event ID or the reconnection time. Comments and blank lines alone are no
// block.
func (d *Decoder) NextBlock() (*Received, error) {
	if err := d.finish(); err != nil {
		return nil, err
	}
	return &d.block, nil
}

// NextRaw is for programs that pass a stream on. It returns the next part of it as it
// came: all bytes up to and with a blank line, be they a block, comments or nothing else.
// All parts together are the stream. b is what the part says; raw is valid as long as b.
//
// A part whose blank line ends in CR is returned at once. An LF that comes after it is
// the first byte of the next part, where it ends no line.
//
// With the error that ends the stream, raw is what was left: an unfinished part, which
// says nothing.
func (d *Decoder) NextRaw() (raw []byte, b *Received, err error) {
	d.raw = true
	if err = d.finish(); err == nil {
		d.passLF()
		raw, b = d.buf[d.start:d.scan:d.scan], &d.block
	} else if d.err != nil {
		raw = d.buf[d.start:len(d.buf):len(d.buf)]
		d.start, d.scan = len(d.buf), len(d.buf)
		if d.borrowed {
			d.keep(nil)
		}
	}
	d.raw = false
	return raw, b, err
}

// finish reads on until the block is finished.
func (d *Decoder) finish() error {
	if d.done {
		d.begin()
	}
	for {
		if d.skipLF {
			d.passLF()
		}
		end := len(d.buf)
		if from := max(d.noLF, d.scan); from < end {
			if i := bytes.IndexByte(d.buf[from:], '\n'); i >= 0 {
				end = from + i
			}
			d.noLF = end
		}
		if d.noCR < end && d.scan < end {
			end = d.findCR(end)
		}
		if end == len(d.buf) {
			if err := d.read(); err != nil {
				return err
			}
			continue
		}
		line := d.buf[d.scan:end]
		d.skipLF = d.buf[end] == '\r'
		d.scan = end + 1
		if !d.begun {
			d.begun = true
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		if len(line) > 0 {
			d.field(line)
		} else if d.any || d.raw {
			d.end()
			return nil
		}
		if !d.any && !d.raw {
			d.start = d.scan
		}
	}
}

// begin begins a block.
func (d *Decoder) begin() {
	d.start = d.scan
	b := &d.block // its ID is that of the next block as well
	b.Type, b.Data, b.HasData, b.HasRetry = b.Type[:0], b.Data[:0], false, false
	d.any, d.hasID, d.early, d.several, d.done = false, false, false, false, false
}

// end completes the block, which is to be returned.
func (d *Decoder) end() {
	b := &d.block
	if d.hasID {
		d.id = append(d.id[:0], b.ID...)
		b.ID = d.id
	}
	b.Type, b.Data = slices.Clip(b.Type), slices.Clip(b.Data)
	d.done = true
}

// field takes a line that is not empty.
func (d *Decoder) field(line []byte) {
	switch line[0] {
	case ':':
		d.comments++
		if d.any && !d.raw {
			d.letGo()
		}
	case 'd':
		if v, ok := value(line, "data"); ok {
			d.data(v)
			d.any = true
		}
	case 'e':
		if v, ok := value(line, "event"); ok {
			d.block.Type = v
			d.any = true
		}
	case 'i':
		if v, ok := value(line, "id"); ok {
			if bytes.IndexByte(v, 0) < 0 {
				d.block.ID, d.hasID, d.early = v, true, false
			}
			d.any = true
		}
	case 'r':
		if v, ok := value(line, "retry"); ok {
			d.setRetry(v)
			d.any = true
		}
	}
}

// value returns the value of the field name, if that is what line is: what follows the
// colon, less one space. Without a colon it is empty.
func value(line []byte, name string) (v []byte, ok bool) {
	if len(line) < len(name) || string(line[:len(name)]) != name {
		return nil, false
	}
	v = line[len(name):]
	switch {
	case len(v) == 0:
		return v, true
	case v[0] != ':':
		return nil, false
	case len(v) > 1 && v[1] == ' ':
		return v[2:], true
	}
	return v[1:], true
}

// data adds a line of data.
func (d *Decoder) data(value []byte) {
	b := &d.block
	if !b.HasData {
		b.Data, b.HasData = value, true
		return
	}
	if !d.several {
		d.joined = append(d.joined[:0], b.Data...)
		d.several = true
	}
	d.joined = append(d.joined, '\n')
	d.joined = append(d.joined, value...)
	b.Data = d.joined
}

// setRetry takes the value of a retry field, which counts if it is all digits.
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
		d.retry, d.hasRetry = time.Duration(ms)*time.Millisecond, true
		d.block.HasRetry = true
	}
}

// passLF passes the LF of a CRLF whose CR has ended a line, if it is there.
func (d *Decoder) passLF() {
	if !d.skipLF || d.scan == len(d.buf) {
		return
	}
	d.skipLF = false
	if d.buf[d.scan] == '\n' {
		d.scan++
		if !d.any && !d.raw {
			d.start = d.scan
		}
	}
}

// findCR is the offset of a CR in the line at scan, or its end: that of its LF.
func (d *Decoder) findCR(end int) int {
	d.noCR = max(d.noCR, d.scan)
	if i := bytes.IndexByte(d.buf[d.noCR:], '\r'); i >= 0 {
		d.noCR += i
	} else {
		d.noCR = len(d.buf)
	}
	return min(end, d.noCR)
}

// read reads more of the stream, behind what is in buf.
func (d *Decoder) read() error {
	if d.borrowed && d.start == len(d.buf) {
		return io.EOF // all that was fed has been read
	}
	if d.err != nil {
		return d.err
	}
	most := d.MaxEvent
	if most == 0 {
		most = defaultMaxEvent
	}
	if len(d.buf)-d.start > most {
		d.err = fmt.Errorf("fastsse: decode event: %w: more than %d bytes; raise MaxEvent of the Decoder or client.EventSource", ErrTooLong, most)
		return d.err
	}
	if d.r == nil {
		return d.takeFed()
	}
	d.makeRoom()
	for range 100 {
		n, err := d.r.Read(d.buf[len(d.buf):cap(d.buf)])
		d.buf = d.buf[:len(d.buf)+n]
		d.err = err // after what came with it
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	d.err = io.ErrNoProgress
	return d.err
}
