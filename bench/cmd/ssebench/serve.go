package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/url"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/bench/internal/fault"
	"github.com/fastsse/fastsse/server"
	"github.com/valyala/fasthttp"
)

// serveCommand serves a hub with its defaults. What it answers never changes, so that
// results can be compared over the years:
//
//	GET  /events?topic=T   a stream
//	POST /publish?topic=T  the raw body is an event's data; {"id":"…"}
//
// At SIGTERM it drains the hub, as server.Run does. With a fault flag or -via, a proxy
// listens on the address. Behind it is the hub, on a loopback port of its own, or with
// -via another server.
type serveCommand struct {
	Addr   string       `default:"127.0.0.1:8080" help:"Address to listen on; port 0 takes a free one."`
	Via    *url.URL     `placeholder:"URL" help:"Do not serve a hub; act as a proxy with faults in front of this server of event streams."`
	Faults fault.Faults `embed:"" group:"Faults. Events are counted per stream (comments are not events), and each fault counts those that the fault before it passes on:"`
	Former formerFaults `embed:""`
}

// formerFaults are flags that there were: faults of a connection, not of an event stream.
type formerFaults struct {
	Jitter, Hold, Drip, SlowDrain *string `hidden:""`
}

// check says what to use in place of a flag that there was.
func (f formerFaults) check() error {
	for name, value := range map[string]*string{"jitter": f.Jitter, "hold": f.Hold, "drip": f.Drip, "slow-drain": f.SlowDrain} {
		if value != nil {
			return fmt.Errorf("-%s is no fault of serve any more; for faults of connections (latency, jitter, bandwidth, slow_close) put toxiproxy in front of ssebench serve", name)
		}
	}
	return nil
}

// Run serves until ctx is done.
func (s *serveCommand) Run(ctx context.Context, con *console) error {
	if err := errors.Join(s.Former.check(), s.Faults.Validate()); err != nil {
		return err
	}
	if s.Via != nil {
		return serveFaults(ctx, con, s.Addr, s.Via, s.Faults)
	}
	if s.Faults.Any() {
		return serveFaultyHub(ctx, con, s.Addr, s.Faults)
	}
	h, err := listenHub(s.Addr)
	if err != nil {
		return err
	}
	announce(con, h.ln)
	return h.run(ctx)
}

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

func listenHub(addr string) (h listeningHub, err error) {
	if h.hub, err = server.New(server.Config{}); err == nil {
		h.ln, err = listen(addr)
	}
	return h, err
}

// run serves the hub until ctx is done or a signal tells the process to end, and then
// drains it. It logs nothing: that it has begun to end is no news here.
func (h *listeningHub) run(ctx context.Context) error {
	r := router.New()
	server.Mount(r, h.hub, server.MountOptions{Publish: server.PublishOptions{AllowAnyone: true}})
	return server.Run(ctx, server.RunOptions{
		Hub: h.hub, Listener: h.ln, Handler: r.Handler, Logger: log.New(io.Discard, "", 0),
		Server: &fasthttp.Server{Name: "fastsse", NoDefaultServerHeader: true},
	})
}

// serveFaultyHub serves a hub through a proxy with faults.
func serveFaultyHub(ctx context.Context, con *console, addr string, faults fault.Faults) error {
	h, err := listenHub("127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- h.run(ctx)
		stop()
	}()
	err = serveFaults(ctx, con, addr, &url.URL{Scheme: "http", Host: h.ln.Addr().String()}, faults)
	stop()
	return errors.Join(err, <-ended)
}

// serveFaults serves what is at upstream through faults until ctx is done.
func serveFaults(ctx context.Context, con *console, addr string, upstream *url.URL, faults fault.Faults) error {
	proxy, err := fault.NewProxy(ctx, upstream, faults)
	if err != nil {
		return err
	}
	ln, err := listen(addr)
	if err != nil {
		return err
	}
	announce(con, ln)
	fmt.Fprintf(con.err, "faults in front of %s: %v\n", upstream, faults)
	if err := proxy.Serve(ln); err != nil {
		return err
	}
	fmt.Fprintf(con.err, "faults made: %v\n", proxy.Counts())
	return nil
}
