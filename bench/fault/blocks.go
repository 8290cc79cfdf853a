package fault

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// block is a part of a stream: lines up to a blank one, and that line.
type block struct {
	bytes []byte
	event bool   // it has a data line, and counts
	n     uint64 // the event's number in the order of sending, from 1; a copy has the same; zero if it is no event
}

// maxBlock is the largest block that an upstream may send, in bytes.
const maxBlock = 16 << 20

// blockReader takes a stream apart as it arrives.
type blockReader struct {
	scanner *bufio.Scanner
	split   splitter
}

func newBlockReader(r io.Reader) *blockReader {
	b := &blockReader{scanner: bufio.NewScanner(r)}
	b.scanner.Buffer(nil, maxBlock)
	b.scanner.Split(b.split.next)
	return b
}

// next returns a block, which the caller may keep. At the end it first returns what
// is left, which is no event, and then the reader's error: io.EOF if the stream ended
// cleanly.
func (b *blockReader) next() (block, error) {
	if b.scanner.Scan() {
		return block{bytes: bytes.Clone(b.scanner.Bytes()), event: b.split.event}, nil
	}
	err := b.scanner.Err()
	switch {
	case err == nil:
		return block{}, io.EOF
	case errors.Is(err, bufio.ErrTooLong):
		return block{}, fmt.Errorf("a block of more than %d bytes; does the upstream send blank lines after its events?", maxBlock)
	}
	return block{}, err
}

// splitter finds where blocks end. Lines end with CRLF, LF or CR (WHATWG HTML
// 9.2.5). A block whose last byte so far is a CR is complete: an LF that comes
// later is the first byte of the next block, where it ends no line.
//
//	bytes of a block: | line, line, … | line being read … |
//	                  0 ≤ line ≤ seen ≤ len
type splitter struct {
	event bool // of the block that was returned last

	line    int  // where the line that is being read begins
	seen    int  // no line end before this
	data    bool // the block being read has a data line
	afterCR bool // the byte before line is a CR
	started bool // past the line where a byte order mark may stand
}

// next is a bufio.SplitFunc.
func (s *splitter) next(data []byte, atEOF bool) (advance int, token []byte, err error) {
	for s.skipLF(data) {
		end := bytes.IndexAny(data[s.seen:], "\r\n")
		if end < 0 {
			break
		}
		if end += s.seen; s.take(data, end) {
			return s.cut(data[:s.line], s.data)
		}
	}
	s.seen = len(data)
	if atEOF && len(data) > 0 {
		return s.cut(data, false)
	}
	return 0, nil, nil
}

// skipLF passes the LF of a CRLF, and reports whether there is more to look at.
func (s *splitter) skipLF(data []byte) bool {
	if s.afterCR && s.line < len(data) {
		s.afterCR = false
		if data[s.line] == '\n' {
			s.line++
		}
	}
	s.seen = max(s.seen, s.line)
	return s.seen < len(data)
}

// take passes the line that ends at end, with its CR, LF or (if all of it has come)
// CRLF. It reports whether the line was blank.
func (s *splitter) take(data []byte, end int) (blank bool) {
	line := data[s.line:end]
	if !s.started {
		line, s.started = bytes.TrimPrefix(line, byteOrderMark), true
	}
	name, _, _ := bytes.Cut(line, colon)
	s.data = s.data || string(name) == "data"
	s.line, s.afterCR = end+1, data[end] == '\r'
	s.skipLF(data)
	return len(line) == 0
}

var (
	byteOrderMark = []byte("\xef\xbb\xbf")
	colon         = []byte(":")
)

// cut returns a block and begins the next.
func (s *splitter) cut(whole []byte, event bool) (advance int, token []byte, err error) {
	s.event, s.line, s.seen, s.data = event, 0, 0, false
	return len(whole), whole, nil
}
