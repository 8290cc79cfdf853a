package streamwriter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/fastsse/fastsse/internal/header"
	"github.com/fastsse/fastsse/internal/hijack"
	"github.com/fastsse/fastsse/internal/socket"
	"github.com/valyala/fasthttp"
)

// Serve answers the request with a stream that fn writes. Call it last in a
// handler and return: fn runs on the connection's own goroutine, once the handler
// and its middleware have returned. fn must not use ctx: copy what it needs from the
// request before.
//
// When fn returns nil the stream is finished: the response ends cleanly. An EventSource
// reconnects all the same; if that is to end, send an event at which the page closes its
// EventSource, or answer its next request with 204. When fn returns an error, or panics,
// the error is logged and the connection is cut, so that clients can tell a broken answer
// from a complete one. Neither affects other streams.
//
// When the server is about to stop, Writer.Draining is closed first, if the stream takes
// part in a [Drain] (under server.Run, each does): fn can finish what it is writing.
//
// When the Writer's Context is done because of MaxAge or a server shutdown, fn should
// return, with whatever error. Then, and when fn returns [ErrReconnect], the stream is not
// finished: Serve sends a fresh reconnection time, and ends the response as Options.End
// says.
//
// A HEAD request is answered with the headers alone, and fn does not run. An
// HTTP/1.0 request gets the bytes without chunks, and the connection ends with the
// stream. Behind fasthttp's CompressHandler each event is compressed and flushed, and
// fn starts at once, on the goroutine that compresses. Do not put TimeoutHandler around
// a stream.
//
// Middleware that reads the body of a response before it is sent (fasthttp's
// Response.Body; fiber's compress, etag, and loggers of bodies) finds it empty. The
// stream starts once all middleware has returned: uncompressed, on a connection that
// ends with it, and which Server.Shutdown ends without waiting. If such middleware
// sets a body or another status, that response is sent instead. Such middleware must
// not wrap a CompressHandler, nor call Response.String: neither can be told from
// fasthttp sending the response, so they would read until the client leaves.
func Serve(ctx *fasthttp.RequestCtx, o Options, fn func(*Writer) error) {
	if err := o.Validate(); err != nil {
		ctx.Logger().Printf("streamwriter: serve stream: %v", err)
		ctx.SetStatusCode(fasthttp.StatusInternalServerError)
		ctx.Response.Header.Set(fasthttp.HeaderCacheControl, "no-store")
		ctx.SetBodyString("the stream is misconfigured; its server's log says how\n")
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
	o.Drain = drainOf(ctx, &o)
	s := &stream{ctx: ctx, conn: ctx.Conn(), shutdown: ctx.Done(), opts: o, fn: fn, isSource: header.IsEventSource(&ctx.Request.Header), cuts: o.End.Cuts(ctx)}
	if !ctx.Request.Header.IsHTTP11() {
		hijack.Take(ctx, false, s.serveUnframed)
		return
	}
	ctx.Response.ImmediateHeaderFlush = true
	ctx.SetBodyStream(s, -1)
}

// SetHeaders sets the headers that every event stream should have: its type, without
// a charset because the format is always UTF-8; that nothing may store or transform it;
// and that nginx must not buffer it.
func SetHeaders(h *fasthttp.ResponseHeader) {
	h.SetContentType("text/event-stream")
	h.Set(fasthttp.HeaderCacheControl, "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no")
}

// SetHTTPHeaders is [SetHeaders] for net/http.
func SetHTTPHeaders(h http.Header) {
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no")
}

// HTTPLastEventID is [LastEventID] for net/http.
func HTTPLastEventID(r *http.Request) string {
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		return id
	}
	var query fasthttp.Args // net/url leaves out what is not well-formed, such as "a;b"
	query.Parse(r.URL.RawQuery)
	return string(query.Peek("lastEventId"))
}

// LastEventID returns the id that the client wants to resume from: the
// Last-Event-ID header or, for a first connection, the query's lastEventId. A
// header that is not empty wins, because a browser repeats the URL when it
// reconnects. The header's name is found in upper and lower case, even if the server
// does not normalize names; the parameter's must be spelled exactly so.
func LastEventID(ctx *fasthttp.RequestCtx) string {
	if id := header.Peek(&ctx.Request.Header, "Last-Event-ID"); len(id) > 0 {
		return string(id)
	}
	return string(ctx.QueryArgs().Peek("lastEventId"))
}

// errCut makes fasthttp close a connection without the chunk that would mark
// the body complete. fasthttp does not log an unexpected EOF, and the reason has been
// logged already, if it deserves that.
var errCut = fmt.Errorf("streamwriter: stream cut: %w", io.ErrUnexpectedEOF)

// stream is one response: the body that fasthttp asks to write itself.
type stream struct {
	// Static after construction.
	ctx      *fasthttp.RequestCtx // only for the handler's goroutine, and serveChunked
	conn     net.Conn
	shutdown <-chan struct{} // closed when the fasthttp server shuts down
	opts     Options
	fn       func(*Writer) error
	isSource bool // the client has shown itself to be an EventSource
	cuts     bool // the response must not look complete if the stream is not finished

	running sync.Mutex // held while the stream runs; guards cut and late
	cut     bool       // the response must not look complete
	late    bool       // the drain had begun before the stream: fn is not called

	mu     sync.Mutex // guards what follows
	w      *Writer    // nil: not running
	closed bool       // fasthttp is done with the response
	moved  bool       // the stream is not the response's body any more: see move
}

// SupportsBodyWriteTo makes fasthttp call WriteTo: see fasthttp.BodyWriterTo.
func (s *stream) SupportsBodyWriteTo() bool { return true }

// WriteTo runs the stream. Each Write to dst is one chunk, flushed. A
// CompressHandler calls it on a goroutine of its own, before the handler's other
// middleware has returned. Into a buffer it writes nothing: see move.
func (s *stream) WriteTo(dst io.Writer) (int64, error) {
	if inMemory(dst) && s.move() {
		return 0, nil
	}
	s.running.Lock()
	defer s.running.Unlock()
	if !s.setWriter(nil) {
		return 0, errCut // the connection belongs to somebody else by now
	}
	defer s.takePart()() // fasthttp counts the connection until the last byte is written
	err := s.run(dst)
	s.cut = err != nil
	return 0, err
}

// Close is fasthttp's last call for the response. It returns when the callback has
// returned, because the connection, the request and its logger are about to be reused.
func (s *stream) Close() error {
	if s.hasMoved() {
		return nil
	}
	s.discard()
	s.running.Lock()
	defer s.running.Unlock()
	if s.cut { // a CompressHandler does not pass the error on to fasthttp
		return errCut
	}
	_ = s.conn.SetWriteDeadline(time.Time{}) // the connection may be used again
	return nil
}

// discard ends a stream from which fasthttp takes no more bytes.
func (s *stream) discard() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.w != nil {
		s.w.cancel(ErrClientGone)
	}
}

// setWriter makes w the stream's running Writer; nil: none. It returns false if fasthttp
// is done with the response already.
func (s *stream) setWriter(w *Writer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w = w
	return !s.closed
}

// Read is there because a body stream is an io.Reader. fasthttp does not call it;
// middleware that does finds an empty body: see move.
func (s *stream) Read([]byte) (int, error) {
	if s.move() {
		return 0, io.EOF
	}
	return 0, errors.New("streamwriter: an event stream is written, not read; keep middleware that reads bodies away from it")
}

// serveUnframed runs the stream on a hijacked connection.
func (s *stream) serveUnframed(c net.Conn, head []byte) {
	defer s.takePart()()
	defer linger(c)
	if writeHead(c, head) {
		_ = s.run(c) // has been logged, if it deserves that
	}
}

// lingerFor is how long a hijacked connection whose stream has ended waits for the client
// to close.
const lingerFor = time.Second

// linger lets arrive what was written to c, which is about to be closed.
func linger(c net.Conn) { socket.Linger(c, lingerFor, func() bool { return false }) }

func writeHead(c net.Conn, head []byte) bool {
	if err := c.SetWriteDeadline(time.Now().Add(defaultWriteTimeout)); err != nil {
		return false
	}
	_, err := c.Write(head)
	return err == nil
}

// run drives the callback from the first byte to the last. An error means that
// the response must not look complete.
func (s *stream) run(dst io.Writer) error {
	socket.Unblock(s.conn) // or no deadline would end a write
	w := newWriter(s.transport(dst), s.opts)
	w.eventSource = s.isSource
	defer w.release()
	defer w.cancel(ErrClosed)
	defer s.setWriter(nil)
	if !s.setWriter(w) {
		return errCut
	}
	shutdowns.add(s.shutdown, w)
	defer shutdowns.remove(s.shutdown, w)
	if stop, ok := socket.Watch(s.conn, w.leave); ok {
		defer stop()
	}
	err := w.Open()
	switch {
	case s.late:
		w.cancel(ErrServerShutdown)
	case err == nil: // else the stream has ended already: the server is shutting down, say
		err = s.call(w)
	}
	return s.finish(w, err)
}

// takePart counts the stream in its drain, until leave is called. A late stream does not
// count: while clients keep coming, some are always there.
func (s *stream) takePart() (leave func()) {
	d := s.opts.Drain
	if s.late = !d.enter(); s.late {
		d.leave()
		return func() {}
	}
	return d.leave
}

// transport is dst, with deadlines and writability from the connection under it.
func (s *stream) transport(dst io.Writer) transport {
	out := transport{Writer: dst, setDeadline: s.conn.SetWriteDeadline}
	if raw, ok := socket.Transparent(s.conn); ok && socket.CanAskWritable {
		out.writable = func() bool { return socket.Writable(raw) }
	}
	return out
}

// call runs the callback. A panic in it is logged, and comes back as errCut.
func (s *stream) call(w *Writer) (err error) {
	defer func() {
		if r := recover(); r != nil {
			s.opts.Logger.Printf("streamwriter: panic in the callback: %v\n%s", r, debug.Stack())
			err = errCut
		}
	}()
	return s.fn(w)
}

// finish ends a stream whose callback has returned err.
func (s *stream) finish(w *Writer, err error) error {
	if errors.Is(err, ErrReconnect) {
		err = w.Reconnect() // unless the callback has called it
	}
	switch {
	case err == errCut, errors.Is(context.Cause(w.ctx), ErrClientGone):
		return errCut // logged already, or the client is gone
	case w.endedHere():
		if err = w.farewell(); err == nil && s.cuts {
			socket.DropInput(s.conn) // or the farewell might not arrive
			return errCut
		}
	case err != nil:
		s.opts.Logger.Printf("streamwriter: stream cut: %v", err)
	default:
		err = w.prepareEnd()
	}
	if err != nil {
		return errCut
	}
	return nil
}
