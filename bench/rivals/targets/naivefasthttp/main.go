// Command naivefasthttp is the event stream that people write first with fasthttp's
// SetBodyStreamWriter: a map of channels under a mutex, and a goroutine per stream that
// formats and flushes each event. If a client's channel is full it misses the event,
// because the publisher would have to wait otherwise. There are no ids, so nothing can
// be resumed; data of several lines would break; and the server notices that a client
// has left only when it cannot flush an event to it.
//
//	GET  /events?topic=T   a stream
//	POST /publish?topic=T  the raw body is an event's data
package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/valyala/fasthttp"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on; port 0 takes a free one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *addr); err != nil {
		fmt.Fprintf(os.Stderr, "naivefasthttp: %v\n", err)
		os.Exit(1)
	}
}

// serve serves until ctx is done. It does not call Shutdown, which waits for
// streams that never end: the process ends instead.
func serve(ctx context.Context, addr string) error {
	h := &hub{clients: map[string]map[chan []byte]bool{}}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("%w; choose another address with -addr", err)
	}
	fmt.Printf("serving http://%s/events?topic=T\n", ln.Addr())
	failed := make(chan error, 1)
	go func() { failed <- fasthttp.Serve(ln, h.handle) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve on %v: %w", ln.Addr(), err)
	case <-ctx.Done():
		return nil
	}
}

type hub struct {
	mu      sync.Mutex // guards clients
	clients map[string]map[chan []byte]bool
}

func (h *hub) handle(ctx *fasthttp.RequestCtx) {
	topic := string(ctx.QueryArgs().Peek("topic"))
	switch string(ctx.Method()) + " " + string(ctx.Path()) {
	case "GET /events":
		h.stream(ctx, topic)
	case "POST /publish":
		h.publish(topic, bytes.Clone(ctx.PostBody()))
	default:
		ctx.NotFound()
	}
}

func (h *hub) stream(ctx *fasthttp.RequestCtx, topic string) {
	events := make(chan []byte, 64)
	h.subscribe(topic, events)
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

func (h *hub) publish(topic string, data []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for events := range h.clients[topic] {
		select {
		case events <- data:
		default: // full: the client misses this one
		}
	}
}

func (h *hub) subscribe(topic string, events chan []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.clients[topic] == nil {
		h.clients[topic] = map[chan []byte]bool{}
	}
	h.clients[topic][events] = true
}

func (h *hub) unsubscribe(topic string, events chan []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.clients[topic], events)
}
