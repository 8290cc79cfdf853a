package main

import (
	"context"
	"net"
	"testing"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/server"
	"github.com/valyala/fasthttp"
)

// What run counts equals the server's own counters exactly, and what can be worked out
// by hand.
func TestRunAgreesWithTheServersCounters(t *testing.T) {
	hub, err := server.New(server.Config{})
	if err != nil {
		t.Fatal(err)
	}
	url := serveHub(t, hub)
	before := hub.Stats()
	r := measureHere(t, "run -c 500 -rate 200 -duration 2s -settle 100ms -url "+url+"/events?topic=a -publish-url "+url+"/publish?topic=a")
	after := hub.Stats()
	for _, c := range []struct {
		what         string
		ours, theirs int64
		byHand       int64
	}{
		{"streams opened", int64(r.Opened), after.Opened - before.Opened, 500},
		{"events published", int64(r.Published), after.Published - before.Published, 400},
		{"events delivered", int64(r.Delivered), after.Delivered - before.Delivered, 500 * 400},
	} {
		if c.ours != c.theirs || c.ours != c.byHand {
			t.Errorf("%s: run says %d, the server %d; by hand it is %d", c.what, c.ours, c.theirs, c.byHand)
		}
	}
}

// serveHub serves a hub on loopback until the test ends, and returns its URL.
func serveHub(t *testing.T, hub *server.Hub) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	routes := router.New()
	server.Mount(routes, hub, server.MountOptions{Publish: server.PublishOptions{AllowAnyone: true}})
	srv := &fasthttp.Server{Handler: routes.Handler}
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() {
		_ = ln.Close()
		_ = hub.Close(context.Background())
	})
	return "http://" + ln.Addr().String()
}
