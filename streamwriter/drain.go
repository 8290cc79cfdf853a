package streamwriter

import (
	"context"
	"fmt"
	"sync"

	"github.com/valyala/fasthttp"
)

// Drain lets streams finish before their server stops. A stream of [Serve] takes part if
// its request came through Handler, and any Writer if [Options.Drain] says so. The zero
// value is ready. Methods may be called by any goroutine.
//
// A server that is about to stop calls Begin, then Wait, and fasthttp's
// Server.ShutdownWithContext last: that ends the Context of every stream at once.
// server.Run does all of it.
type Drain struct {
	mu      sync.Mutex    // guards all below
	begun   chan struct{} // closed by Begin; nil: nobody has asked for it
	isBegun bool
	streams int           // that run
	none    chan struct{} // closed when streams becomes zero; nil: nobody waits
}

// drainKey is the key of a request's user value that holds its *Drain.
type drainKey struct{}

// Handler returns a handler that calls next, and makes the streams that next serves take
// part in the drain.
func (d *Drain) Handler(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		ctx.SetUserValue(drainKey{}, d)
		next(ctx)
	}
}

// drainOf returns the drain that a request takes part in; nil: none.
func drainOf(ctx *fasthttp.RequestCtx, o *Options) *Drain {
	if o.Drain != nil {
		return o.Drain
	}
	d, _ := ctx.UserValue(drainKey{}).(*Drain)
	return d
}

// Begin tells every stream that the server is about to stop: [Writer.Draining] is closed.
// Their Contexts are not done, and their callbacks may finish. From then on Serve does not
// call callbacks: clients are sent a reconnection time, and come back later. A second call
// does nothing.
func (d *Drain) Begin() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.isBegun {
		return
	}
	d.isBegun = true
	if d.begun == nil {
		d.begun = make(chan struct{})
	}
	close(d.begun)
}

// Draining reports whether Begin was called.
func (d *Drain) Draining() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.isBegun
}

// Wait waits until no stream runs. Those of Serve that are told to come back do not count. A
// stream over HTTP/1.0, or behind middleware that reads bodies, runs until its client has
// closed, or for 1 s more. If ctx is done first, it returns an error that says how
// many do. It does not end them: Server.ShutdownWithContext does, and so does Close of a
// Writer of [NewWriter].
func (d *Drain) Wait(ctx context.Context) error {
	for {
		n, none := d.running()
		if n == 0 {
			return nil
		}
		select {
		case <-none:
		case <-ctx.Done():
			n, _ = d.running()
			if n == 0 {
				return nil
			}
			return fmt.Errorf("streamwriter: drain: %d streams had not finished when time was up: %w; give them more time, or let their callbacks return when Writer.Draining is closed", n, context.Cause(ctx))
		}
	}
}

// running returns how many streams run, and a channel that is closed once none does.
func (d *Drain) running() (n int, none <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.none == nil {
		d.none = make(chan struct{})
	}
	return d.streams, d.none
}

// enter counts a stream, until leave is called. It reports whether the drain has not
// begun. d may be nil.
func (d *Drain) enter() (open bool) {
	if d == nil {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.streams++
	return !d.isBegun
}

// leave undoes enter.
func (d *Drain) leave() {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.streams--; d.streams == 0 && d.none != nil {
		close(d.none)
		d.none = nil
	}
}

// signal returns the channel that Begin closes; nil without a drain.
func (d *Drain) signal() <-chan struct{} {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.begun == nil {
		d.begun = make(chan struct{})
	}
	return d.begun
}
