package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/valyala/fasthttp"
)

// hub is what most tutorials end with: a map of channels under a mutex. If a stream's channel
// is full it misses the event, because the publisher would have to wait otherwise. There are
// no ids, so nothing can be resumed, and data of several lines would break.
type hub struct {
	mu      sync.Mutex // guards streams
	streams map[string]map[chan []byte]bool
}

func newHub() *hub { return &hub{streams: map[string]map[chan []byte]bool{}} }

func (h *hub) publish(topic string, data []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for events := range h.streams[topic] {
		select {
		case events <- data:
		default: // full: the stream misses this one
		}
	}
	return nil
}

func (h *hub) subscribe(topic string) chan []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.streams[topic] == nil {
		h.streams[topic] = map[chan []byte]bool{}
	}
	events := make(chan []byte, 64)
	h.streams[topic][events] = true
	return events
}

func (h *hub) unsubscribe(topic string, events chan []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.streams[topic], events)
}

// naiveNetHTTP has a goroutine per stream that formats and flushes each event.
func naiveNetHTTP() (library, error) {
	h := newHub()
	return library{h.stream, h.publish}, nil
}

// stream subscribes before the head is sent: a client that has the answer gets
// every event from then on.
func (h *hub) stream(w http.ResponseWriter, r *http.Request) {
	topic := r.URL.Query().Get("topic")
	events := h.subscribe(topic)
	defer h.unsubscribe(topic, events)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	flusher := w.(http.Flusher) // net/http's always is one
	flusher.Flush()
	for {
		select {
		case <-r.Context().Done():
			return
		case data := <-events:
			fmt.Fprintf(w, "data: %s\n\n", data)
			flusher.Flush()
		}
	}
}

// naiveFasthttp is what people write first with fasthttp's SetBodyStreamWriter. It notices
// that a client has left only when it cannot flush an event to it. It does not call
// Shutdown, which waits for streams that never end: the process ends instead.
func naiveFasthttp(ctx context.Context, addr string) error {
	ln, err := listen(addr)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = ln.Close() })
	if err = fasthttp.Serve(ln, newHub().handle); ctx.Err() != nil {
		return nil
	}
	return err
}

func (h *hub) handle(ctx *fasthttp.RequestCtx) {
	topic := string(ctx.QueryArgs().Peek("topic"))
	switch string(ctx.Method()) + " " + string(ctx.Path()) {
	case "GET /events":
		h.streamFast(ctx, topic)
	case "POST /publish":
		_ = h.publish(topic, bytes.Clone(ctx.PostBody())) // which never fails
	default:
		ctx.NotFound()
	}
}

func (h *hub) streamFast(ctx *fasthttp.RequestCtx, topic string) {
	events := h.subscribe(topic)
	ctx.SetContentType("text/event-stream")
	ctx.Response.Header.Set("Cache-Control", "no-cache")
	ctx.Response.ImmediateHeaderFlush = true // or the head waits for the first event
	ctx.SetBodyStreamWriter(func(w *bufio.Writer) {
		defer h.unsubscribe(topic, events)
		for data := range events {
			fmt.Fprintf(w, "data: %s\n\n", data)
			if w.Flush() != nil {
				return
			}
		}
	})
}
