package main

import (
	"context"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/server"
	"github.com/valyala/fasthttp"
)

// parked is fastsse as in its README: a hub with the zero Config, mounted on a router, with
// nothing tuned. Where the platform allows, its streams are parked: they need no goroutine
// and no buffer.
func parked(ctx context.Context, addr string) error {
	return fastsse(ctx, addr, server.Config{})
}

// streamed is fastsse with a goroutine per stream, which is how it serves TLS, in-memory
// listeners and systems other than Linux. It shows what parking saves, and what the rest of
// the hub is worth without it.
func streamed(ctx context.Context, addr string) error {
	return fastsse(ctx, addr, server.Config{Delivery: server.DeliverByGoroutine})
}

func fastsse(ctx context.Context, addr string, c server.Config) error {
	hub, err := server.New(c)
	if err != nil {
		return err
	}
	ln, err := server.Listen("tcp", addr)
	if err != nil {
		return err
	}
	announce(ln)
	r := router.New()
	server.Mount(r, hub, server.MountOptions{Publish: server.PublishOptions{AllowAnyone: true}})
	srv := &fasthttp.Server{Handler: r.Handler}
	context.AfterFunc(ctx, func() { _ = ln.Close() }) // Serve returns; the hub ends the connections
	if err := srv.Serve(ln); ctx.Err() == nil {
		return err
	}
	return hub.Close(context.Background())
}
