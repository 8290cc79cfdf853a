package server_test

import (
	"context"
	"testing"
	"time"

	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// What the hub does to a Writer's deadline to end a stream, it undoes: the
// callback may still say goodbye.
func TestFollowGivesTheWriteTimeoutBack(t *testing.T) {
	t.Parallel()
	var r *rig
	ended := make(chan error, 1)
	r = newRig(t, followTCP, rigging{wrap: func(fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(ctx *fasthttp.RequestCtx) {
			streamwriter.Serve(ctx, streamwriter.Options{}, func(w *streamwriter.Writer) error {
				ended <- r.hub.Follow(w, "a")
				time.Sleep(200 * time.Millisecond) // what a cut gives a write, and more
				return w.SendString("", "goodbye")
			})
		}
	}})
	c := r.open("a")
	r.hub.Close(context.Background())
	if err := <-ended; err != nil {
		t.Errorf("Follow: %v", err)
	}
	c.expect("goodbye")
	c.ends()
	r.ended(server.ReasonClosed, 1)
}
