package streamwriter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"runtime/debug"
	"time"

	"github.com/fastsse/fastsse/internal/hijack"
	"github.com/fastsse/fastsse/internal/socket"
	"github.com/valyala/fasthttp"
)

// Serve answers the request with a stream that fn writes. Call it last in a
// handler and return: fn runs once the handler and its middleware have, on the
// connection's own goroutine. It must not use ctx; what it needs of the
// request it takes before.
//
// When fn returns nil the response ends cleanly, and an EventSource reconnects:
// tell the page to close it if the end is final. When fn returns an error, or
// panics, the error is logged and the connection cut, so that clients can tell
// a broken answer from a whole one. Neither touches another stream.
//
// When the Writer's Context is done because of MaxAge or a server shutdown, fn
// should return; Serve then sends a fresh reconnection time and ends cleanly.
//
// A HEAD request is answered with the headers alone, and fn does not run. An
// HTTP/1.0 request gets the bytes unframed, and the end of the connection.
// Behind fasthttp's CompressHandler each event is compressed and flushed. Do
// not put TimeoutHandler around a stream.
func Serve(ctx *fasthttp.RequestCtx, o Options, fn func(*Writer) error) {
	if err := o.Validate(); err != nil {
		ctx.Logger().Printf("streamwriter: serve stream: %v", err)
		ctx.Error("the stream is misconfigured; its server's log says how", fasthttp.StatusInternalServerError)
		return
	}
	SetHeaders(&ctx.Response.Header)
	if ctx.IsHead() {
		return
	}
	if o.LastEventID == "" {
		o.LastEventID = LastEventID(ctx)
	}
	if o.Logger == nil {
		o.Logger = ctx.Logger()
	}
	s := &stream{conn: ctx.Conn(), shutdown: ctx.Done(), opts: o, fn: fn}
	if !ctx.Request.Header.IsHTTP11() {
		hijack.Take(ctx, false, s.serveUnframed)
		return
	}
	ctx.Response.ImmediateHeaderFlush = true
	ctx.SetBodyStream(s, -1)
}

// SetHeaders sets what every event stream should say: its type, bare because
// some clients compare it; that nothing may store or transform it; and that
// nginx must not buffer it.
func SetHeaders(h *fasthttp.ResponseHeader) {
	h.SetContentType("text/event-stream")
	h.Set(fasthttp.HeaderCacheControl, "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no")
}

// LastEventID returns the id that the client wants to resume from: the
// Last-Event-ID header or, for a first connection, the query's lastEventId. A
// header that is not empty wins, because a browser repeats the URL when it
// reconnects.
func LastEventID(ctx *fasthttp.RequestCtx) string {
	if id := ctx.Request.Header.Peek("Last-Event-ID"); len(id) > 0 {
		return string(id)
	}
	return string(ctx.QueryArgs().Peek("lastEventId"))
}

// errCut makes fasthttp close a connection without the chunk that would mark
// the body complete. fasthttp does not log an unexpected EOF; what is worth
// logging has been logged.
var errCut = fmt.Errorf("streamwriter: stream cut: %w", io.ErrUnexpectedEOF)

// stream is one response: the body that fasthttp asks to write itself.
type stream struct {
	conn     net.Conn
	shutdown <-chan struct{} // closed when the fasthttp server shuts down
	opts     Options
	fn       func(*Writer) error
}

// SupportsBodyWriteTo makes fasthttp call WriteTo: see fasthttp.BodyWriterTo.
func (s *stream) SupportsBodyWriteTo() bool { return true }

// WriteTo runs the stream. Each Write to dst is one chunk, flushed.
func (s *stream) WriteTo(dst io.Writer) (int64, error) {
	defer func() { _ = s.conn.SetWriteDeadline(time.Time{}) }() // the connection may live on
	return 0, s.run(dst)
}

// Read is there because a body stream is an io.Reader. Nothing calls it: a
// stream cannot be read ahead.
func (s *stream) Read([]byte) (int, error) {
	return 0, errors.New("streamwriter: an event stream is written, not read; keep middleware that reads bodies away from it")
}

// serveUnframed runs the stream on a hijacked connection.
func (s *stream) serveUnframed(c net.Conn, head []byte) {
	if err := c.SetWriteDeadline(time.Now().Add(defaultWriteTimeout)); err != nil {
		return
	}
	if _, err := c.Write(head); err != nil {
		return
	}
	_ = s.run(c) // logged where it is worth it
}

// run drives the callback from the first byte to the last. An error means that
// the response must not look complete.
func (s *stream) run(dst io.Writer) error {
	out := transport{Writer: dst, setDeadline: s.conn.SetWriteDeadline}
	if raw, ok := socket.Beneath(s.conn); ok && socket.CanAskWritable {
		out.writable = func() bool { return socket.Writable(raw) }
	}
	w := newWriter(out, s.opts)
	defer w.release()
	defer w.cancel(ErrClosed)
	shutdowns.add(s.shutdown, w)
	defer shutdowns.remove(s.shutdown, w)
	if stop, ok := socket.Watch(s.conn, w.leave); ok {
		defer stop()
	}
	if w.Open() != nil {
		return errCut
	}
	return s.finish(w, s.call(w))
}

// call runs the callback, and makes a panic in it an error.
func (s *stream) call(w *Writer) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic in the callback: %v\n%s", r, debug.Stack())
		}
	}()
	return s.fn(w)
}

// finish ends a stream whose callback has returned err.
func (s *stream) finish(w *Writer, err error) error {
	cause := context.Cause(w.ctx)
	switch {
	case errors.Is(cause, ErrClientGone): // nobody is there to hear more
		return errCut
	case cause != nil: // this side ended it: age, shutdown, Options.Context
		return w.farewell()
	case err != nil:
		s.logger().Printf("streamwriter: stream cut: %v", err)
		return errCut
	}
	return nil
}

func (s *stream) logger() fasthttp.Logger {
	if s.opts.Logger != nil {
		return s.opts.Logger
	}
	return log.Default()
}
