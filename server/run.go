package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	stdlog "log"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/fastsse/fastsse/internal/delivery"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// RunOptions say what Run serves, and how it ends.
type RunOptions struct {
	// Handler answers all requests but GET and HEAD of /healthz and /readyz.
	Handler fasthttp.RequestHandler

	// Hub is drained and closed in the end. It may be nil, for a program that has only
	// streams of package streamwriter.
	Hub *Hub

	// Addr is the TCP address to listen on. If it is empty, AWS_LAMBDA_HTTP_ENDPOINT of the
	// environment is (host and port, as AWS Lambda's web functions demand), or else all
	// interfaces at the environment's PORT, or else ":8080".
	Addr string

	// Listener, if set, is served instead of Addr. Run closes it.
	Listener net.Listener

	// Grace is how long Run may take from the signal to its return. The platform kills the
	// process when its own time is over, so Grace must be less than that. Zero means that of
	// the platform: see PlatformNamed. The last eighth of it, or 300 ms, or half of a short
	// one, is kept for ending what has not ended by itself until then.
	Grace time.Duration

	// Ready, if set, is asked by each GET of /readyz, which answers with 503 if it returns
	// an error. The error is logged. Calls run concurrently.
	Ready func() error

	// Server, if set, is the fasthttp server to use, for its settings. Run replaces its
	// Handler, and sets CloseOnShutdown. A ReadTimeout well below Grace keeps clients that
	// have sent half a request, or none, from delaying the end until Grace is over, which
	// Run then reports as an error.
	Server *fasthttp.Server

	// Listening, if set, is called once, with the address, when clients can connect.
	Listening func(net.Addr)

	// Logger receives what happens on the way to the end. Nil means the Server's or, if it
	// has none, the standard library's default logger.
	Logger fasthttp.Logger
}

// Run serves until the process gets SIGTERM or SIGINT, or ctx is done. Then it ends
// everything within Grace, so that nobody notices:
//
//  1. /readyz answers 503 at once. Clients that want a stream are told to come back later.
//     Other requests are answered as before.
//  2. The hub is drained: each stream is sent what was published before, and ends between
//     two events. At the same time streams of streamwriter.Serve may finish what they are
//     writing: Writer.Draining is closed, their Contexts are not done.
//  3. When all have ended, or the time for that is over, Run stops listening, ends the
//     Contexts of streams that are left, and waits for requests under way.
//  4. Run waits until the clients have closed the connections of ended streams, so that
//     their last bytes have arrived (at most 5 s), and closes the hub.
//
// A second signal ends everything at once. (While Run runs, neither signal ends the
// process by itself.) ctx may be one of signal.NotifyContext: a signal that also ends ctx
// counts once. Run returns nil if everything has ended by itself, and an error that
// says what has not.
//
// Under Run, streams of streamwriter.Serve take part in a [streamwriter.Drain] without
// further settings. Run may be called once for a Hub.
func Run(ctx context.Context, o RunOptions) error {
	r, err := newRun(o)
	if err != nil {
		if o.Listener != nil {
			_ = o.Listener.Close()
		}
		return err
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)
	if err := r.listen(); err != nil {
		return err
	}
	addr := r.Listener.Addr()
	go func() { r.served <- r.server.Serve(r.Listener) }()
	if r.Listening != nil {
		r.Listening(addr)
	}
	more := 1 // signals until everything ends at once
	select {
	case err = <-r.served:
		err = fmt.Errorf("server: run: serve on %s: %w", addr, cmp.Or(err, net.ErrClosed))
		r.served <- nil
	case s := <-signals:
		r.logger().Printf("server: %v: ending within %v", s, r.Grace)
	case <-ctx.Done():
		more = 2 // the next may be the one that has ended ctx
	}
	return errors.Join(err, r.end(signals, more))
}

// run is what Run has in hand.
type run struct {
	RunOptions
	server *fasthttp.Server
	served chan error // what Serve has returned; holds one
	drain  streamwriter.Drain
}

// newRun checks o, and prepares the server.
func newRun(o RunOptions) (*run, error) {
	if o.Handler == nil {
		return nil, errors.New("server: run: RunOptions.Handler is missing; give the handler of your routes")
	}
	if o.Grace == 0 {
		o.Grace = detectPlatform().Grace
	}
	if o.Grace < time.Millisecond {
		return nil, fmt.Errorf("server: run: RunOptions.Grace (%v) is below one millisecond; give it with its unit, such as 8*time.Second", o.Grace)
	}
	r := &run{RunOptions: o, server: o.Server, served: make(chan error, 1)}
	if r.server == nil {
		r.server = new(fasthttp.Server)
	}
	r.server.CloseOnShutdown = true
	r.server.Handler = r.health(r.drain.Handler(o.Handler))
	return r, nil
}

// listen sets Listener, unless it is set.
func (r *run) listen() error {
	if r.Listener != nil {
		return nil
	}
	addr, err := listenAddr(r.Addr)
	if err != nil {
		return err
	}
	r.Listener, err = Listen("tcp", addr)
	return err
}

func (r *run) logger() fasthttp.Logger {
	switch {
	case r.Logger != nil:
		return r.Logger
	case r.server.Logger != nil:
		return r.server.Logger
	}
	return stdlog.Default()
}

var (
	errGrace  = errors.New("the grace period is over")
	errSignal = errors.New("a second signal came")
)

// leastReserve is what is kept of a grace, if it is long enough, for what has not ended by
// itself: fasthttp's Shutdown looks only every 100 ms whether connections are open.
const leastReserve = 300 * time.Millisecond

// end ends everything within the grace, or at once after so many more signals.
func (r *run) end(signals <-chan os.Signal, more int) error {
	reserve := min(max(r.Grace/8, leastReserve), r.Grace/2)
	now, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	go func() {
		for range more {
			select {
			case <-signals:
			case <-now.Done():
				return
			}
		}
		cancel(errSignal)
	}()
	last, cancelLast := context.WithTimeoutCause(now, r.Grace-reserve/4, errGrace)
	defer cancelLast()
	streams, cancelStreams := context.WithTimeoutCause(last, r.Grace-reserve, errGrace)
	defer cancelStreams()
	err := errors.Join(r.endStreams(streams), r.stopServing(last))
	_ = r.drain.Wait(last) // for streams that fasthttp does not count; endStreams has reported them
	if r.Hub == nil {
		return err
	}
	r.Hub.awaitPeers(streams)
	return errors.Join(err, r.Hub.Close(last))
}

// endStreams ends the streams of the hub, and waits for those of streamwriter.
func (r *run) endStreams(ctx context.Context) error {
	r.drain.Begin()
	var drained, finished error
	var both sync.WaitGroup
	if r.Hub != nil {
		both.Go(func() { drained = r.Hub.Drain(ctx) })
	}
	both.Go(func() { finished = r.drain.Wait(ctx) })
	both.Wait()
	return errors.Join(drained, finished)
}

// stopServing stops listening, and waits for requests under way.
func (r *run) stopServing(ctx context.Context) error {
	err := r.server.ShutdownWithContext(ctx)
	_ = r.Listener.Close() // Serve may not have begun when Shutdown was called
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("server: run: requests were still under way when time was up: %w", context.Cause(ctx))
	}
	select {
	case <-r.served:
	case <-ctx.Done():
	}
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// awaitPeers waits until the clients of ended streams have closed their connections, or
// these were kept open for long enough, or ctx is done. Where another server still takes
// clients, whom the hub tells to come back later, there may always be some.
func (h *Hub) awaitPeers(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, delivery.LingerFor)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for h.lingeringNow() > 0 && ctx.Err() == nil {
		<-tick.C
	}
}
