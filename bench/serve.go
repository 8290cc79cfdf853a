package main

import (
	"context"
	"fmt"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/server"
	"github.com/valyala/fasthttp"
)

// serveCommand serves a hub as any user gets it. What it answers stays as it is
// for ever, so that results can be compared over the years:
//
//	GET  /events?topic=T   a stream
//	POST /publish?topic=T  the raw body is an event's data; {"id":"…"}
type serveCommand struct {
	Addr string `default:"127.0.0.1:8080" help:"Address to listen on; port 0 takes a free one."`
}

// Run serves until ctx is done.
func (s *serveCommand) Run(ctx context.Context, con *console) error {
	hub, err := server.New(server.Config{})
	if err != nil {
		return err
	}
	ln, err := server.Listen("tcp", s.Addr)
	if err != nil {
		return fmt.Errorf("%w; choose another address with -addr", err)
	}
	r := router.New()
	server.Mount(r, hub, server.MountOptions{Publish: server.PublishOptions{Open: true}})
	srv := &fasthttp.Server{Handler: r.Handler, Name: "fastsse", NoDefaultServerHeader: true}
	fmt.Fprintf(con.out, "serving http://%s/events?topic=T\n", ln.Addr())
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(ln) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve on %v: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	_ = ln.Close() // Serve says so; connections are the hub's to end
	return hub.Close()
}
