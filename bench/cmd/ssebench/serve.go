package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/bench/internal/fault"
	"github.com/fastsse/fastsse/server"
	"github.com/valyala/fasthttp"
)

// serveCommand serves a hub with its defaults. What it answers never changes, so
// that results can be compared over the years:
//
//	GET  /events?topic=T   a stream
//	POST /publish?topic=T  the raw body is an event's data; {"id":"…"}
//
// At SIGTERM it drains the hub, as server.Run does.
//
// With a fault flag or -via, a proxy listens on the address. Behind it is the hub,
// on a loopback port of its own, or with -via another server.
type serveCommand struct {
	Addr   string     `default:"127.0.0.1:8080" help:"Address to listen on; port 0 takes a free one."`
	Via    *url.URL   `placeholder:"URL" help:"Do not serve a hub; act as a proxy with faults in front of this server of event streams."`
	Faults faultFlags `embed:"" group:"Faults. Events are counted per stream (comments are not events), and each fault counts those that the fault before it passes on:"`
}

// faultFlags are fault.Faults as flags, in the order in which they are applied.
type faultFlags struct {
	Drop         int           `placeholder:"N" help:"Leave out every N-th event."`
	Duplicate    int           `placeholder:"N" help:"Send every N-th event twice. The copy follows its event at once and is not counted again."`
	Reorder      int           `placeholder:"N" help:"Swap every N-th event with the one after it; if none comes within a second, send it on."`
	Delay        time.Duration `placeholder:"D" help:"Hold each event for D."`
	Jitter       time.Duration `placeholder:"D" help:"Hold event i for (i mod 100)/100 of D, in addition to -delay. Order is kept: an event waits for those before it."`
	Hold         time.Duration `placeholder:"D" help:"Collect events and comments, and send them on together every D, as a buffering proxy does."`
	Drip         int           `placeholder:"BYTES" help:"Send at most this many bytes per second on each stream."`
	Cut          time.Duration `placeholder:"D" help:"End each stream cleanly (last chunk, FIN) D after it opened."`
	Reset        time.Duration `placeholder:"D" help:"Reset each stream's connection (RST) D after it opened."`
	Refuse       int           `placeholder:"N" help:"Refuse every N-th subscribe request, counted over all clients."`
	RefuseStatus int           `default:"503" placeholder:"STATUS" help:"…with this status (${default})."`
	Strip        []string      `sep:"none" placeholder:"HEADER" help:"Leave this header out of all answers; may be repeated."`
	SlowDrain    time.Duration `placeholder:"D" help:"At SIGTERM, end the streams one after another over D, sending nothing meanwhile, instead of all at once."`
}

// Validate is what kong asks before Run.
func (f faultFlags) Validate() error { return fault.Faults(f).Validate() }

// Run serves until ctx is done.
func (s *serveCommand) Run(ctx context.Context, con *console) error {
	faults := fault.Faults(s.Faults)
	switch {
	case s.Via != nil:
		return serveFaults(ctx, con, s.Addr, s.Via, faults)
	case faults.Any():
		return serveFaultyHub(ctx, con, s.Addr, faults)
	}
	h, err := listenHub(s.Addr)
	if err != nil {
		return err
	}
	announce(con, h.ln)
	return h.run(ctx)
}

// silent logs nothing: that Run has begun to end is no news here.
type silent struct{}

func (silent) Printf(string, ...any) {}

// announce prints the URL of the streams.
func announce(con *console, ln net.Listener) {
	fmt.Fprintf(con.out, "serving http://%s/events?topic=T\n", ln.Addr())
}

// listen is server.Listen on -addr.
func listen(addr string) (net.Listener, error) {
	ln, err := server.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%w; choose another address with -addr", err)
	}
	return ln, nil
}

// listeningHub is a hub with an address, not yet served.
type listeningHub struct {
	hub *server.Hub
	ln  net.Listener
}

func listenHub(addr string) (*listeningHub, error) {
	hub, err := server.New(server.Config{})
	if err != nil {
		return nil, err
	}
	ln, err := listen(addr)
	if err != nil {
		return nil, err
	}
	return &listeningHub{hub, ln}, nil
}

// run serves the hub until ctx is done or a signal tells the process to end, and then
// drains it.
func (h *listeningHub) run(ctx context.Context) error {
	return server.Run(ctx, server.RunOptions{
		Hub: h.hub, Listener: h.ln, Server: h.newServer(), Handler: h.routes(), Logger: silent{},
	})
}

func (h *listeningHub) newServer() *fasthttp.Server {
	return &fasthttp.Server{Name: "fastsse", NoDefaultServerHeader: true}
}

func (h *listeningHub) routes() fasthttp.RequestHandler {
	r := router.New()
	server.Mount(r, h.hub, server.MountOptions{Publish: server.PublishOptions{AllowAnyone: true}})
	return r.Handler
}

// serve serves the hub until ctx is done, whatever signals come, and then ends it at once.
func (h *listeningHub) serve(ctx context.Context) error {
	srv := h.newServer()
	srv.Handler = h.routes()
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(h.ln) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve on %v: %w", h.ln.Addr(), err)
	case <-ctx.Done():
	}
	_ = h.ln.Close() // Serve reports errors; the hub ends the connections
	return h.hub.Close(context.Background())
}

// serveFaultyHub serves a hub through a proxy with faults. The hub outlives the
// proxy, which may take its time to drain; so server.Run, which takes signals, is not
// for it.
func serveFaultyHub(ctx context.Context, con *console, addr string, faults fault.Faults) error {
	h, err := listenHub("127.0.0.1:0")
	if err != nil {
		return err
	}
	hubCtx, stopHub := context.WithCancel(context.WithoutCancel(ctx))
	ctx, stopFront := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- h.serve(hubCtx)
		stopFront()
	}()
	err = serveFaults(ctx, con, addr, &url.URL{Scheme: "http", Host: h.ln.Addr().String()}, faults)
	stopHub()
	return errors.Join(err, <-ended)
}

// serveFaults serves what is at upstream through faults until ctx is done.
func serveFaults(ctx context.Context, con *console, addr string, upstream *url.URL, faults fault.Faults) error {
	proxy, err := fault.NewProxy(upstream, faults)
	if err != nil {
		return err
	}
	ln, err := listen(addr)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: proxy, ConnContext: fault.ConnContext, ReadHeaderTimeout: headTimeout}
	announce(con, ln)
	fmt.Fprintf(con.err, "faults in front of %s: %v\n", upstream, faults)
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(ln) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve on %v: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	_ = ln.Close() // Serve reports errors
	endFaults(srv, proxy)
	fmt.Fprintf(con.err, "faults made: %v\n", proxy.Counts())
	return nil
}

const (
	headTimeout = 10 * time.Second // for a request's head
	endTimeout  = 3 * time.Second  // for requests still open once the streams have ended
)

// endFaults ends the streams in the way that the faults ask for, then everything else.
func endFaults(srv *http.Server, proxy *fault.Proxy) {
	proxy.Drain(context.Background())
	ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
	defer cancel()
	if srv.Shutdown(ctx) != nil {
		_ = srv.Close() // connections whose clients take nothing
	}
}
