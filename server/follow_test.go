package server_test

import (
	"context"
	"testing"
	"time"

	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/servertest"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// What the hub does to a Writer's deadline to end a stream, it undoes: the
// callback may still say goodbye.
func TestFollowGivesTheWriteTimeoutBack(t *testing.T) {
	t.Parallel()
	hub := newHub(t, server.Config{})
	ended := make(chan error, 1)
	s := servertest.Start(t, hub, func(ctx *fasthttp.RequestCtx) {
		streamwriter.Serve(ctx, streamwriter.Options{}, func(w *streamwriter.Writer) error {
			ended <- hub.Follow(w, "a")
			time.Sleep(200 * time.Millisecond) // what a cut gives a write, and more
			return w.SendString("", "goodbye")
		})
	})
	c := s.Get("/", nil)
	hub.Close(context.Background())
	if err := <-ended; err != nil {
		t.Errorf("Follow: %v", err)
	}
	c.Expect("goodbye")
	c.ExpectEnd()
	if n := hub.Stats().Ended[server.ReasonClosed.String()]; n != 1 {
		t.Errorf("%d streams count as closed, want 1", n)
	}
}
