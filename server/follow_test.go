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

// What the hub does to a Writer's deadline to end a stream, it undoes: the farewell is
// sent later.
func TestFollowGivesTheWriteTimeoutBack(t *testing.T) {
	t.Parallel()
	hub := newHub(t, server.Config{Retry: time.Minute})
	ended := make(chan error, 1)
	s := servertest.Start(t, hub, func(ctx *fasthttp.RequestCtx) {
		streamwriter.Serve(ctx, streamwriter.Options{}, func(w *streamwriter.Writer) error {
			err := hub.Follow(w, "a")
			time.Sleep(300 * time.Millisecond) // what a cut gives a write, and more
			ended <- err
			return err
		})
	})
	c := s.Get("/", nil)
	hub.Close(context.Background())
	if err := <-ended; err != streamwriter.ErrReconnect {
		t.Errorf("Follow: %v", err)
	}
	c.ExpectEnd()
	if d, _ := c.Retry(); d <= time.Minute {
		t.Errorf("no farewell: retry %v", d)
	}
	if n := hub.Stats().Ended[server.ReasonClosed.String()]; n != 1 {
		t.Errorf("%d streams count as closed, want 1", n)
	}
}
