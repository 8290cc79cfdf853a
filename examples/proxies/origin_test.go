package proxies

import (
	"context"
	_ "embed"
	"testing"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/examples/internal/exampletest"
	"github.com/fastsse/fastsse/examples/internal/listen"
	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

//go:embed testdata/page.html
var pageHTML []byte

// origin is the server behind the proxies: a page, and a hub of events. Its address
// stays the same when it starts anew.
type origin struct {
	addr string
	hub  *server.Hub
	life *exampletest.Server
}

// startOrigin starts a server that ends with the test.
func startOrigin(t *testing.T) *origin {
	t.Helper()
	o := &origin{addr: testkit.FreeAddress(t)}
	o.start(t)
	return o
}

// newHub makes a hub that is closed at the end of the test, if it is not before.
func newHub(t *testing.T) *server.Hub {
	t.Helper()
	hub, err := server.New(server.Config{Retry: minRetry})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = hub.Close(context.Background()) })
	return hub
}

// start starts the server with a new hub, which knows nothing of the last one's events.
func (o *origin) start(t *testing.T) {
	t.Helper()
	hub := newHub(t)
	routes := router.New()
	routes.GET("/", listen.Page(fasthttp.StatusOK, pageHTML))
	hub.Mount(routes, server.MountOptions{Publish: server.PublishOptions{AllowAnyone: true}})
	o.hub = hub
	o.life = exampletest.Serve(t, o.addr, routes.Handler)
}

// stop ends the server as a deploy does: the streams first, each with a time to come
// back, then the rest. Afterwards its address refuses connections.
func (o *origin) stop(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	if err := o.hub.Drain(ctx); err != nil {
		t.Fatalf("drain: %v", err)
	}
	o.life.Stop()
	if err := o.hub.Close(ctx); err != nil {
		t.Fatalf("close: %v", err)
	}
}

func (o *origin) publish(t *testing.T, data string) {
	t.Helper()
	if _, err := o.hub.Publish("news", streamwriter.Event{Data: []byte(data)}); err != nil {
		t.Fatal(err)
	}
}
