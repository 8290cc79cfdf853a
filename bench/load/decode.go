package load

import (
	"bytes"
	"fmt"
	"strings"
)

// decoder takes one response apart as it arrives: head, chunks, lines, events.
// It keeps what is unfinished, and nothing else.
type decoder struct {
	headDone bool
	chunked  bool
	chunk    int    // bytes of the present chunk still to come
	tail     bool   // the CRLF after a chunk's bytes comes next
	ended    bool   // the last chunk was seen
	raw      []byte // bytes of the head or the framing that could not be read yet
	begun    []byte // a line that is not complete
	id       []byte // of the block that is being read
	hasData  bool
	lastID   []byte // of the last finished block
}

// maxLine bounds what a stream may leave unfinished.
const maxLine = 8 << 20

// feed takes the next bytes of the response and calls event with the data of
// each event's first data line, valid until it returns. It uses b as its own.
func (d *decoder) feed(b []byte, event func(data []byte)) error {
	if len(d.raw) > 0 {
		b = append(d.raw, b...)
		d.raw = nil
	}
	if !d.headDone {
		rest, err := d.head(b)
		if err != nil || !d.headDone {
			return err
		}
		b = rest
	}
	body, rest, err := d.dechunk(b)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		d.raw = bytes.Clone(rest)
	}
	if len(d.begun) > 0 {
		body = append(d.begun, body...)
	}
	left := d.lines(body, event)
	if len(left) > maxLine {
		return fmt.Errorf("a line of more than %d bytes", maxLine)
	}
	d.begun = nil
	if len(left) > 0 {
		d.begun = bytes.Clone(left)
	}
	return nil
}

// head reads the status line and headers.
func (d *decoder) head(b []byte) (rest []byte, err error) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		d.raw = bytes.Clone(b)
		return nil, nil
	}
	head := string(b[:end])
	status, _, _ := strings.Cut(head, "\r\n")
	if !strings.Contains(status, " 200") {
		return nil, fmt.Errorf("the answer is %q", status)
	}
	d.chunked = strings.Contains(strings.ToLower(head), "transfer-encoding: chunked")
	d.headDone = true
	return b[end+4:], nil
}

// dechunk takes the framing out of b, in place, and returns the body's bytes and
// what could not be read yet.
func (d *decoder) dechunk(b []byte) (body, rest []byte, err error) {
	if !d.chunked {
		return b, nil, nil
	}
	out := b[:0]
	for len(b) > 0 && !d.ended {
		switch {
		case d.chunk > 0:
			n := min(d.chunk, len(b))
			out = append(out, b[:n]...)
			b = b[n:]
			d.chunk -= n
			d.tail = d.chunk == 0
		case d.tail:
			if len(b) < 2 {
				return out, b, nil
			}
			b, d.tail = b[2:], false
		default:
			n, after, ok, err := chunkSize(b)
			if err != nil {
				return nil, nil, err
			}
			if !ok {
				return out, b, nil
			}
			b, d.chunk, d.ended = after, n, n == 0
		}
	}
	return out, nil, nil
}

// chunkSize reads the line before a chunk, and is not ok if it is not all there.
func chunkSize(b []byte) (n int, rest []byte, ok bool, err error) {
	for i, c := range b {
		switch {
		case '0' <= c && c <= '9':
			n = n<<4 | int(c-'0')
		case 'a' <= c && c <= 'f':
			n = n<<4 | int(c-'a'+10)
		case 'A' <= c && c <= 'F':
			n = n<<4 | int(c-'A'+10)
		case c == '\r':
			if i+1 == len(b) {
				return 0, b, false, nil
			}
			return n, b[i+2:], true, nil
		default:
			return 0, nil, false, fmt.Errorf("chunk of size %q", b[:min(len(b), 16)])
		}
	}
	return 0, b, false, nil
}

// lines reads whole lines and returns the rest.
func (d *decoder) lines(b []byte, event func(data []byte)) []byte {
	for {
		n := bytes.IndexByte(b, '\n')
		if n < 0 {
			return b
		}
		line := b[:n]
		b = b[n+1:]
		if len(line) > 0 && line[len(line)-1] == '\r' {
			line = line[:len(line)-1]
		}
		d.line(line, event)
	}
}

var (
	dataField = []byte("data:")
	idField   = []byte("id:")
)

func (d *decoder) line(line []byte, event func(data []byte)) {
	switch {
	case len(line) == 0:
		if d.id != nil {
			d.lastID = append(d.lastID[:0], d.id...)
			d.id = d.id[:0]
		}
		d.hasData = false
	case bytes.HasPrefix(line, dataField) && !d.hasData:
		d.hasData = true
		event(bytes.TrimPrefix(line[len(dataField):], []byte{' '}))
	case bytes.HasPrefix(line, idField):
		d.id = append(d.id[:0], bytes.TrimPrefix(line[len(idField):], []byte{' '})...)
	}
}
