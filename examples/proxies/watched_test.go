package proxies

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/examples/internal/exampletest"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// watched is a server that remembers when streams have ended: a hub at /events, one without
// heartbeats at /events/quiet, one that is full at /events/later, and at /events/status one
// that answers with the status that it is asked for.
type watched struct {
	addr string
	hub  *server.Hub

	mu     sync.Mutex // guards closed
	closed map[string]time.Time
}

// startWatched starts a server that ends with the test.
func startWatched(t *testing.T) *watched {
	t.Helper()
	w := &watched{hub: newHub(t), closed: map[string]time.Time{}}
	quiet, err := server.New(server.Config{Heartbeat: -1})
	if err != nil {
		t.Fatal(err)
	}
	drained := newHub(t)
	for _, hub := range []*server.Hub{quiet, drained} {
		t.Cleanup(func() { _ = hub.Close(context.Background()) })
	}
	if err := drained.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	handlers := map[string]fasthttp.RequestHandler{
		"/events":       w.hub.SubscribeHandler(server.SubscribeOptions{OnClose: w.onClose}),
		"/events/quiet": quiet.SubscribeHandler(server.SubscribeOptions{}),
		"/events/later": drained.SubscribeHandler(server.SubscribeOptions{}),
		"/events/status": w.hub.SubscribeHandler(server.SubscribeOptions{
			Authorize: func(ctx *fasthttp.RequestCtx, _ *server.Subscription) error {
				return &server.StatusError{Code: ctx.QueryArgs().GetUintOrZero("status")}
			},
		}),
	}
	w.addr = exampletest.Serve(t, "", func(ctx *fasthttp.RequestCtx) {
		if handler := handlers[string(ctx.Path())]; handler != nil {
			handler(ctx)
			return
		}
		ctx.NotFound()
	}).Addr
	return w
}

// direct is the way to the server without a proxy.
func (w *watched) direct() line { return line{url: "http://" + w.addr} }

// onClose remembers when the stream of a topic has ended.
func (w *watched) onClose(s server.Subscriber, _ server.Reason) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed[s.Topics[0]] = time.Now()
}

// left is when the stream of a topic has ended; the zero time: it has not.
func (w *watched) left(topic string) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed[topic]
}

// publish publishes data, and returns the event's id. It may be called on any goroutine.
func (w *watched) publish(t *testing.T, topic, data string) string {
	id, err := w.hub.Publish(topic, streamwriter.Event{Data: []byte(data)})
	if err != nil {
		t.Error(err)
	}
	return id
}

// number publishes a number.
func (w *watched) number(t *testing.T, topic string, n int) string {
	return w.publish(t, topic, strconv.Itoa(n))
}
