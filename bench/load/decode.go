package load

import (
	"bytes"
	"fmt"
	"time"
)

// decoder splits an event stream as it arrives, strictly according to WHATWG HTML
// 9.2.6: lines end with CRLF, LF or CR, a blank line completes an event, and an
// unfinished event at the end is dropped with its id. Of an event with several data
// lines it keeps the first.
type decoder struct {
	begun   []byte // a line that is not complete
	data    []byte // the first data line of the block that is being read
	id      []byte // of the block that is being read
	lastID  []byte // of the last finished block
	hasData bool
	owned   bool // data is the decoder's, not the caller's
	hasID   bool
	started bool // past the place where a byte order mark may stand
	afterCR bool // the last line ended with a CR: an LF that follows belongs to it

	retry    time.Duration // the last one that was sent
	hasRetry bool
}

// maxLine bounds a line, in bytes.
const maxLine = 8 << 20

// feed takes the next bytes of the body and calls event with each finished
// event's data, valid until it returns.
func (d *decoder) feed(b []byte, event func(data []byte)) error {
	if len(d.begun) > 0 {
		b = append(d.begun, b...)
	}
	rest := d.lines(b, event)
	if len(rest) > maxLine {
		return fmt.Errorf("a line of more than %d bytes", maxLine)
	}
	d.begun = nil
	if len(rest) > 0 {
		d.begun = bytes.Clone(rest)
	}
	if d.hasData && !d.owned {
		d.data, d.owned = bytes.Clone(d.data), true
	}
	return nil
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// lines reads whole lines and returns the rest.
func (d *decoder) lines(b []byte, event func(data []byte)) []byte {
	if !d.started {
		if len(b) < len(byteOrderMark) && bytes.HasPrefix(byteOrderMark, b) {
			return b
		}
		b, d.started = bytes.TrimPrefix(b, byteOrderMark), true
	}
	for {
		if d.afterCR && len(b) > 0 {
			b, d.afterCR = bytes.TrimPrefix(b, lineFeed), false
		}
		line, rest, ok := d.cut(b)
		if !ok {
			return b
		}
		d.line(line, event)
		b = rest
	}
}

var lineFeed = []byte{'\n'}

// cut takes the first line from b; ok is false if it has no end yet.
func (d *decoder) cut(b []byte) (line, rest []byte, ok bool) {
	lf := bytes.IndexByte(b, '\n')
	line = b
	if lf >= 0 {
		line, rest = b[:lf], b[lf+1:]
	}
	if cr := bytes.IndexByte(line, '\r'); cr >= 0 {
		d.afterCR = true
		return b[:cr], b[cr+1:], true
	}
	return line, rest, lf >= 0
}

var (
	dataField  = []byte("data:")
	idField    = []byte("id:")
	retryField = []byte("retry:")
)

func (d *decoder) line(line []byte, event func(data []byte)) {
	switch {
	case len(line) == 0:
		d.finish(event)
	case bytes.HasPrefix(line, dataField):
		if !d.hasData {
			d.hasData, d.owned, d.data = true, false, value(line[len(dataField):])
		}
	case bytes.HasPrefix(line, idField):
		if id := value(line[len(idField):]); bytes.IndexByte(id, 0) < 0 {
			d.id, d.hasID = append(d.id[:0], id...), true
		}
	case bytes.HasPrefix(line, retryField):
		if retry, ok := readMillis(value(line[len(retryField):])); ok {
			d.retry, d.hasRetry = retry, true
		}
	case string(line) == "data" && !d.hasData:
		d.hasData, d.data = true, nil
	case string(line) == "id":
		d.id, d.hasID = d.id[:0], true
	}
}

// finish ends a block.
func (d *decoder) finish(event func(data []byte)) {
	if d.hasID {
		d.lastID, d.hasID = append(d.lastID[:0], d.id...), false
	}
	if d.hasData {
		event(d.data)
		d.hasData, d.data = false, nil
	}
}

// restart forgets the unfinished block of a broken connection. The id and the retry
// time are kept, as a browser keeps them.
func (d *decoder) restart() {
	*d = decoder{lastID: d.lastID, id: d.id[:0], retry: d.retry, hasRetry: d.hasRetry}
}

// value is a field's value: what follows the colon, without one leading space.
func value(b []byte) []byte {
	if len(b) > 0 && b[0] == ' ' {
		return b[1:]
	}
	return b
}

// maxRetry is the longest retry time; a longer one counts as this.
const maxRetry = 1 << 31 * time.Millisecond

// readMillis reads milliseconds: digits, and nothing else.
func readMillis(b []byte) (d time.Duration, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		d = min(10*d+time.Duration(c-'0')*time.Millisecond, maxRetry)
	}
	return d, len(b) > 0
}
