package streamwriter

import (
	"io"
	"net"
	"strconv"
	"strings"

	"github.com/fastsse/fastsse/internal/hijack"
)

// What reads a response's body before it is sent would wait for the end of the
// stream, and the client for its beginning. It finds an empty body instead: the
// stream moves to the hijacked connection, where it is not a body any more.

// inMemory reports whether dst is a buffer that somebody reads a body into, not
// the way to a client: fasthttp's Response.Body has a ByteBuffer.
func inMemory(dst io.Writer) bool {
	switch dst.(type) {
	case interface{ Bytes() []byte }, *strings.Builder:
		return true
	}
	return false
}

// move makes the hijacked connection the stream's way to its client. It is false
// if the stream is no longer the body of its request's response, or runs. It is
// for the goroutine of the handler.
func (s *stream) move() bool {
	s.mu.Lock()
	switch {
	case s.moved:
		s.mu.Unlock()
		return true
	case s.closed, s.w != nil, s.ctx.Response.BodyStream() != io.Reader(s):
		s.mu.Unlock()
		return false
	}
	s.moved = true
	s.mu.Unlock()
	_ = s.ctx.Response.CloseBodyStream() // Close leaves a stream that has moved alone
	hijack.TakeUnlessReplaced(s.ctx, defaultWriteTimeout, s.serveChunked)
	return true
}

func (s *stream) hasMoved() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.moved
}

// serveChunked runs a stream that has moved.
func (s *stream) serveChunked(c net.Conn, head []byte) {
	if !writeHead(c, head) {
		return
	}
	if s.run(&chunkWriter{w: c}) == nil {
		_, _ = io.WriteString(c, "0\r\n\r\n") // the last chunk: the response is whole
	}
}

// chunkWriter writes what it is given as chunks: RFC 9112, section 7.1.
type chunkWriter struct {
	w   io.Writer
	buf []byte
}

// Write writes p as one chunk, in one write.
func (c *chunkWriter) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil // an empty chunk would end the body
	}
	buf := strconv.AppendInt(c.buf[:0], int64(len(p)), 16)
	buf = append(buf, "\r\n"...)
	buf = append(buf, p...)
	buf = append(buf, "\r\n"...)
	if cap(buf) <= maxKeptBuffer {
		c.buf = buf
	}
	if _, err := c.w.Write(buf); err != nil {
		return 0, err
	}
	return len(p), nil
}
