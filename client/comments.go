package client

import (
	"bytes"
	"io"
)

// comments passes on what it reads of a stream, and says each comment when its line has
// ended. It ends a Read before a comment, so that whoever reads has dealt with all that comes
// before it. (A Decoder takes all whole lines that it has before it reads again.)
type comments struct {
	r   io.Reader
	say func(text string)

	err  error  // of r, after what is in rest
	rest []byte // what was read and not passed on
	buf  []byte

	mark    int  // how many bytes of a byte order mark have come at the beginning; -1: no more
	inLine  bool // the line has begun, and is none of a comment
	afterCR bool // an LF would belong to the line before
	comment bool
	text    []byte // of the comment, with its colon
}

func newComments(r io.Reader, say func(string)) *comments {
	return &comments{r: r, say: say, buf: make([]byte, 4<<10)}
}

func (c *comments) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		if c.err != nil {
			return 0, c.err
		}
		n, err := c.r.Read(c.buf)
		if c.rest, c.err = c.buf[:n], err; n == 0 {
			return 0, err
		}
	}
	if len(p) == 0 {
		return 0, nil
	}
	n := c.pass(c.rest[:min(len(c.rest), len(p))])
	copy(p, c.rest[:n])
	c.rest = c.rest[n:]
	return n, nil
}

const byteOrderMark = "\xef\xbb\xbf"

// pass returns how much of b, which is not empty, is passed on next.
func (c *comments) pass(b []byte) int {
	if c.mark >= 0 {
		if c.mark < len(byteOrderMark) && b[0] == byteOrderMark[c.mark] {
			c.mark++
			return 1
		}
		c.inLine = c.mark > 0 && c.mark < len(byteOrderMark)
		c.mark = -1
	}
	if c.afterCR && b[0] == '\n' {
		c.afterCR = false
		return 1
	}
	c.afterCR = false
	if !c.inLine && !c.comment && b[0] == ':' {
		c.comment, c.text = true, c.text[:0]
	}
	if c.comment {
		return c.passComment(b)
	}
	return c.passLines(b)
}

// passComment returns the length of the comment's line in b, or of what is there of it.
func (c *comments) passComment(b []byte) int {
	i := bytes.IndexAny(b, "\r\n")
	if i < 0 {
		c.text = append(c.text, b...)
		return len(b)
	}
	c.comment, c.afterCR = false, b[i] == '\r'
	c.say(string(append(c.text, b[:i]...)[1:]))
	return i + 1
}

// passLines returns where in b the next comment begins, or the length of b.
func (c *comments) passLines(b []byte) int {
	for at := 0; ; {
		i := bytes.IndexAny(b[at:], "\r\n")
		if i < 0 {
			c.inLine = true
			return len(b)
		}
		at += i + 1
		c.afterCR = b[at-1] == '\r'
		if c.afterCR && at < len(b) && b[at] == '\n' {
			at++
			c.afterCR = false
		}
		c.inLine = false
		if at == len(b) || b[at] == ':' {
			return at
		}
	}
}
