package streamwriter

import (
	"io"
	"net"
	"strconv"
	"strings"

	"github.com/fastsse/fastsse/internal/hijack"
)

// Middleware that reads a response's body before it is sent would wait for the end of
// the stream, while the client waits for its beginning. Instead it finds an empty body:
// the stream moves to the hijacked connection, where it is no longer a body.

// inMemory reports whether dst is a buffer that a body is being read into, and not the
// connection to a client: fasthttp's Response.Body uses a ByteBuffer.
func inMemory(dst io.Writer) bool {
	switch dst.(type) {
	case interface{ Bytes() []byte }, *strings.Builder:
		return true
	}
	return false
}

// move makes the stream use the hijacked connection. It returns false if the stream is
// no longer the body of the response, or is running. It must be called on the handler's
// goroutine.
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
	_ = s.ctx.Response.CloseBodyStream() // Close does nothing to a stream that has moved
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
	defer s.takePart()()
	defer linger(c)
	if !writeHead(c, head) {
		return
	}
	if s.run(&chunkWriter{w: c}) == nil {
		_, _ = io.WriteString(c, "0\r\n\r\n") // the last chunk: the response is whole
	}
}

// chunkWriter frames each write as a chunk: RFC 9112, section 7.1.
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
