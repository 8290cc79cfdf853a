// Command parked is fastsse as in its README: a hub with the zero Config, mounted on a
// router, with nothing tuned. Where the platform allows, its streams are parked: they
// need no goroutine and no buffer. It serves what bench serve does, without the rest of
// that program in its memory.
//
//	GET  /events?topic=T   a stream
//	POST /publish?topic=T  the raw body is an event's data
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/server"
	"github.com/valyala/fasthttp"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on; port 0 takes a free one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *addr); err != nil {
		fmt.Fprintf(os.Stderr, "parked: %v\n", err)
		os.Exit(1)
	}
}

// serve serves until ctx is done.
func serve(ctx context.Context, addr string) error {
	hub, err := server.New(server.Config{})
	if err != nil {
		return err
	}
	ln, err := server.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("%w; choose another address with -addr", err)
	}
	r := router.New()
	server.Mount(r, hub, server.MountOptions{Publish: server.PublishOptions{AllowAnyone: true}})
	srv := &fasthttp.Server{Handler: r.Handler}
	fmt.Printf("serving http://%s/events?topic=T\n", ln.Addr())
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(ln) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve on %v: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	_ = ln.Close() // Serve reports errors; the hub ends the connections
	return hub.Close(context.Background())
}
