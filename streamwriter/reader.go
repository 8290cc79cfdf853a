package streamwriter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"runtime/debug"
	"sync"
)

// Reader is an event stream to be read: the body of a response for a runtime that takes
// an io.Reader where a server would give a connection, such as AWS Lambda's response
// streaming.
type Reader struct {
	// Static after construction.
	near, far net.Conn // what far is given, near reads: there is no buffer between them
	opts      Options
	fn        func(*Writer) error

	begin sync.Once     // the first Read or Close
	w     *Writer       // set in begin; nil: Close came first
	done  chan struct{} // closed when fn has returned, or never will run

	err error // of the stream; set before far is closed, read after that
}

// NewReader makes a Reader of the stream that fn writes. fn is not called before the
// first Read; it then runs on a goroutine of its own, until the stream ends. MaxAge,
// too, counts from the first Read. What the Writer sends is handed to Read without a
// buffer in between: a method of the Writer returns when Read has taken all of it, and
// fails when Read has not within Options.WriteTimeout. The first Read returns a comment
// and the reconnection time, as with [Serve]; while fn is silent, Read returns a comment
// every Options.Heartbeat.
//
// When fn returns nil, Read returns io.EOF, once all has been read. When fn returns an
// error, or panics, that is logged, and Read returns it in place of io.EOF: the stream is
// broken, not complete. When the Writer's Context is done because of MaxAge or
// Options.Context, fn should return; Read then returns a fresh reconnection time and
// io.EOF, whatever fn has returned. So it does when fn returns ErrReconnect. Options.End has
// no effect.
//
// Whoever reads must call Close, or read to an error. Often the reader's runtime knows of
// no client that leaves: then MaxAge is what bounds a stream that nobody takes.
//
// NewReader sets no headers: see [SetHTTPHeaders]. An error is that of [Options.Validate].
func NewReader(o Options, fn func(*Writer) error) (*Reader, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("streamwriter: new reader: %w", err)
	}
	if o.Logger == nil {
		o.Logger = log.Default()
	}
	r := &Reader{opts: o, fn: fn, done: make(chan struct{})}
	r.near, r.far = net.Pipe()
	return r, nil
}

// Read waits for what the stream sends next, and returns at most one of its writes: an event,
// or what SendEncoded was given. It is for
// one goroutine at a time. After Close it returns io.ErrClosedPipe.
func (r *Reader) Read(p []byte) (int, error) {
	r.begin.Do(r.start)
	n, err := r.near.Read(p)
	if err == io.EOF && r.err != nil {
		err = r.err
	}
	return n, err
}

// Close ends the stream, if it has not ended, as a client that leaves would: the cause of
// the Writer's Context is ErrClientGone, and a write that waits for Read fails. It returns
// when fn has returned, so that nothing of the stream runs afterwards; fn must not call it.
// It may be called from any other goroutine, also while Read waits, and more than once.
// The error is always nil.
func (r *Reader) Close() error {
	r.begin.Do(func() { close(r.done) })
	if r.w != nil {
		r.w.leave()
	}
	_ = r.near.Close()
	<-r.done
	return nil
}

// start runs the stream.
func (r *Reader) start() {
	r.w = newWriter(transportOf(r.far), r.opts)
	r.opts.Drain.enter() // until fn has returned
	go r.run()
}

// run drives the callback from the first byte to the last.
func (r *Reader) run() {
	defer close(r.done)
	defer r.opts.Drain.leave()
	defer r.far.Close()
	defer r.w.release()
	defer r.w.cancel(ErrClosed)
	r.err = errGoexit
	r.err = r.finish(r.call())
}

// errGoexit is the error of a stream whose callback ends the goroutine instead of returning.
var errGoexit = errors.New("streamwriter: the callback called runtime.Goexit; return an error instead")

// call runs the callback. A panic in it is logged, and comes back as a panicError.
func (r *Reader) call() (err error) {
	defer func() {
		if v := recover(); v != nil {
			r.opts.Logger.Printf("streamwriter: panic in the callback: %v\n%s", v, debug.Stack())
			err = panicError{v}
		}
	}()
	if err := r.w.Open(); err != nil {
		return err
	}
	return r.fn(r.w)
}

// panicError is a panic of a callback.
type panicError struct{ value any }

func (p panicError) Error() string {
	return fmt.Sprintf("streamwriter: panic in the callback: %v", p.value)
}

// finish ends the stream after its callback has returned err. It returns what Read is to
// return after the last byte, or nil for io.EOF.
func (r *Reader) finish(err error) error {
	if errors.Is(err, ErrReconnect) {
		_ = r.w.Reconnect() // unless the callback has called it
	}
	closed := r.w.Close() // sends the reconnection time, if this side has ended the stream
	if _, ok := err.(panicError); ok {
		return err
	}
	if cause := context.Cause(r.w.ctx); errors.Is(cause, ErrClientGone) {
		return cause // half an event may be the last that was read
	}
	if r.w.endedHere() {
		return closed
	}
	if err != nil {
		r.opts.Logger.Printf("streamwriter: stream cut: %v", err)
	}
	return err
}
