package streamwriter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fastsse/fastsse"
	"github.com/fastsse/fastsse/internal/backoff"
)

// Why a stream's Context is done, as context.Cause tells it.
var (
	// ErrClientGone: the client closed, half-closed or reset the connection.
	ErrClientGone = errors.New("streamwriter: the client is gone")

	// ErrMaxAge: the stream has reached Options.MaxAge. The client reconnects.
	ErrMaxAge = errors.New("streamwriter: the stream has reached its maximum age")

	// ErrServerShutdown: fasthttp's Server.Shutdown was called. ([Drain] tells it
	// earlier.)
	ErrServerShutdown = errors.New("streamwriter: the server is shutting down")

	// ErrReconnect: [Writer.Reconnect] or ReconnectAfter was called. The client reconnects. As the error
	// of a callback it means the same, whether or not Reconnect was called.
	ErrReconnect = errors.New("streamwriter: the stream ends here, and its client is to come back")

	// ErrClosed: the callback has returned, or Close was called.
	ErrClosed = errors.New("streamwriter: the stream is closed")
)

// Writer is one open stream. Its methods may be called from several
// goroutines: events are never interleaved, and an event has been flushed when the
// method returns. Once the stream has ended, methods return the reason.
type Writer struct {
	// Static after construction.
	ctx    context.Context
	cancel context.CancelCauseFunc
	out    transport
	opts   Options
	born   time.Time
	dies   time.Time // when MaxAge has passed; zero: never

	eventSource bool // the client has shown itself to be an EventSource; set before the first byte

	takesPart bool // opts.Drain counts it, until Close; Serve's streams are counted by Serve

	wrote atomic.Int64 // unix nanoseconds of the last write that succeeded
	back  atomic.Int64 // the time of ReconnectAfter; 0: none

	deadline deadline // of SetWriteDeadline

	mu     sync.Mutex // guards what follows; held during a write, not between
	buf    []byte
	armed  time.Time // when out's write deadline was last set
	broken bool      // a write failed, and may have left half an event on the wire
	closed bool      // out belongs to somebody else again
}

// maxKeptBuffer is the largest encoding buffer that a stream keeps.
const maxKeptBuffer = 64 << 10

// NewWriter makes a Writer over any io.Writer: a net/http response (flushed
// after each event), a function runtime's response stream, a buffer in a test.
// It writes nothing by itself. Call [Writer.Open] to send the first bytes at
// once, and Close when done, or heartbeats go on.
//
// If w has a FlushError or Flush method (http.Flusher, *bufio.Writer) it is called
// after each write; if it has a SetWriteDeadline method, Options.WriteTimeout takes
// effect. If a middleware's http.ResponseWriter lacks one of these methods, that of the
// response writer that it wraps is used (found by its Unwrap method, as
// http.ResponseController does). An error is that of [Options.Validate].
func NewWriter(w io.Writer, o Options) (*Writer, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("streamwriter: new writer: %w", err)
	}
	o.Drain.enter()
	made := newWriter(transportOf(w), o)
	made.takesPart = o.Drain != nil
	return made, nil
}

// newWriter makes a writer with valid options.
func newWriter(out transport, o Options) *Writer {
	o = o.withDefaults()
	now := time.Now()
	w := &Writer{out: out, opts: o, born: now}
	w.ctx, w.cancel = context.WithCancelCause(o.Context)
	w.wrote.Store(now.UnixNano())
	if o.MaxAge > 0 {
		w.dies = now.Add(backoff.Age(o.MaxAge))
	}
	if o.Heartbeat > 0 || o.MaxAge > 0 {
		heartbeats.add(w)
	}
	return w
}

// Context is done when the stream has ended: the client left, the stream reached
// Options.MaxAge, a write failed or timed out, the server shuts down. context.Cause
// says which. A callback that waits for something should wait for this too.
func (w *Writer) Context() context.Context { return w.ctx }

// Draining returns a channel that is closed when the server is about to stop, and wants
// streams to end: see [Drain]. The stream's Context is done only when the time for that is
// over. So a callback with an answer that has an end, such as a report, can finish it. One
// that goes on for ever should return now. Without a Drain the channel is nil, and never
// ready.
func (w *Writer) Draining() <-chan struct{} { return w.opts.Drain.signal() }

// ForEventSource reports whether the client has shown itself to be an EventSource: see [End].
// If so, a block without data is no event to it. It is false for a stream of [NewWriter] or
// [NewReader], whose client is not known.
func (w *Writer) ForEventSource() bool { return w.eventSource }

// LastEventID is the id of the last event that the client says it has seen, or empty.
// It is not checked: a client can send anything.
func (w *Writer) LastEventID() string { return w.opts.LastEventID }

// Open sends a comment and the reconnection time, so that the client and every
// proxy know at once that the stream is there. [Serve] has done it already.
func (w *Writer) Open() error {
	return w.send(func(dst []byte) []byte {
		dst = append(dst, heartbeat...)
		if w.opts.Retry > 0 {
			// No blank line: some clients take one for an empty event.
			dst = AppendRetry(dst, w.opts.Retry)
			dst = dst[:len(dst)-1]
		}
		return dst
	})
}

// Send sends e. An event that [Event.Validate] or [Options.NoIDs] refuses is not sent;
// the stream goes on.
func (w *Writer) Send(e Event) error {
	if err := e.Validate(); err != nil {
		return fmt.Errorf("streamwriter: send event: %w", err)
	}
	if w.opts.NoIDs && e.ID != "" {
		return fmt.Errorf("streamwriter: send event: %w", idError(e.ID))
	}
	return w.send(func(dst []byte) []byte { return AppendEvent(dst, &e) })
}

// SendString sends data as an event of type typ; an empty typ is "message".
func (w *Writer) SendString(typ, data string) error {
	return w.Send(Event{Type: typ, Data: []byte(data)})
}

// SendJSON sends e with the JSON of v as its data. It is encoded into the stream's own
// buffer. If v cannot be encoded, or e has data already, or e is one that Send refuses,
// nothing is sent; the stream goes on.
func (w *Writer) SendJSON(e Event, v any) error {
	if len(e.Data) > 0 {
		return fmt.Errorf("streamwriter: send JSON event: %w", fastsse.NewFieldError("data", string(e.Data), "is set, and would be replaced", "leave it empty: the JSON becomes the data"))
	}
	if err := e.Validate(); err != nil {
		return fmt.Errorf("streamwriter: send JSON event: %w", err)
	}
	if w.opts.NoIDs && e.ID != "" {
		return fmt.Errorf("streamwriter: send JSON event: %w", idError(e.ID))
	}
	var failed error
	err := w.send(func(dst []byte) []byte {
		dst = AppendEventFields(dst, &e)
		line := appendWriter(dst[:len(dst)-len("\n")]) // behind "data: "
		// Encode ends its one line with the newline that the field needs.
		if failed = json.NewEncoder(&line).Encode(v); failed != nil {
			return nil
		}
		if e.ID == "" {
			return append(line, '\n')
		}
		return AppendID(line, e.ID)
	})
	if failed != nil {
		return fmt.Errorf("streamwriter: send JSON event of %T: %w", v, failed)
	}
	return err
}

// Comment sends text as a comment, which clients ignore. An empty one is a
// heartbeat.
func (w *Writer) Comment(text string) error {
	return w.send(func(dst []byte) []byte { return AppendComment(dst, text) })
}

// SendEncoded sends p as it is, in one write: whole blocks and comments that
// the Append functions made. It does not keep p, and does not check it, except for ids
// if [Options.NoIDs] is set.
func (w *Writer) SendEncoded(p []byte) error {
	if w.opts.NoIDs {
		if err := checkNoIDs(p); err != nil {
			return fmt.Errorf("streamwriter: send encoded events: %w", err)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.writeLocked(p)
}

// Close ends the stream of a [NewWriter]: its Context is done and its
// heartbeats stop. If the stream had reached Options.MaxAge, or Options.Context or
// Reconnect had ended it, Close first sends a new reconnection time, and returns the
// error of that.
// It removes the write deadline, and leaves the io.Writer open. A second Close does
// nothing.
func (w *Writer) Close() error {
	w.cancel(ErrClosed)
	heartbeats.remove(w)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	var err error
	if w.endedHere() {
		err = w.farewellLocked()
	}
	if w.endDeadline() || !w.armed.IsZero() {
		_ = w.out.setDeadline(time.Time{})
	}
	w.closed = true
	if w.takesPart {
		w.opts.Drain.leave()
	}
	return err
}

// send writes what fill appends to the stream's buffer.
func (w *Writer) send(fill func(dst []byte) []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := fill(w.buf[:0])
	if cap(p) <= maxKeptBuffer {
		w.buf = p[:0]
	}
	return w.writeLocked(p)
}

// writeLocked writes p unless the stream has ended. A failure ends it.
func (w *Writer) writeLocked(p []byte) error {
	if w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	if len(p) == 0 {
		return nil
	}
	now := time.Now()
	err := w.armLocked(now)
	if w.ctx.Err() != nil { // leave came first: its deadline must stay
		return context.Cause(w.ctx)
	}
	if err == nil {
		err = w.flushLocked(p)
	}
	if err != nil {
		w.cancel(fmt.Errorf("%w: write of %d bytes: %w", ErrClientGone, len(p), err))
		return context.Cause(w.ctx)
	}
	w.wrote.Store(now.UnixNano())
	return nil
}

// flushLocked is the only place where bytes of a stream are written.
func (w *Writer) flushLocked(p []byte) error {
	_, err := w.out.Write(p)
	if err == nil && w.out.flush != nil {
		err = w.out.flush()
	}
	w.broken = err != nil
	return err
}

// A write deadline is kept for deadlineKept, as long as nine tenths of its time remain:
// setting one costs more than an event. While a stream is settling, in its first
// moments, none is kept: a CompressHandler starts a stream before fasthttp sets its own
// deadline, which has to be replaced.
const (
	deadlineKept = 100 * time.Millisecond
	settling     = time.Second
)

// armLocked sets the write deadline, or removes fasthttp's if WriteTimeout is off. A
// deadline of SetWriteDeadline stays.
func (w *Writer) armLocked(now time.Time) error {
	if w.out.setDeadline == nil {
		return nil
	}
	if w.deadline.given.Load() != nil {
		return w.setDeadline(now)
	}
	timeout := w.opts.WriteTimeout
	age := now.Sub(w.armed)
	recent := age < deadlineKept && (timeout == 0 || age < timeout/10)
	if recent && now.Sub(w.born) > settling {
		return nil
	}
	w.armed = now
	return w.setDeadline(now)
}

// leave ends the stream because its client has left, and ends a write that is waiting
// for the client. It never blocks.
func (w *Writer) leave() {
	w.cancel(ErrClientGone)
	if w.out.setDeadline != nil {
		_ = w.out.setDeadline(time.Unix(1, 0))
	}
}

// release gives back the transport of a stream whose Context is done. After that the
// stream writes nothing.
func (w *Writer) release() {
	heartbeats.remove(w)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endDeadline()
	w.closed = true
}

// appendWriter lets an encoder append to a slice.
type appendWriter []byte

func (a *appendWriter) Write(p []byte) (int, error) {
	*a = append(*a, p...)
	return len(p), nil
}
