// Command naivenethttp is the event stream that most tutorials end with, on net/http:
// a map of channels under a mutex, and a goroutine per stream that formats and flushes
// each event. If a client's channel is full it misses the event, because the publisher
// would have to wait otherwise. There are no ids, so nothing can be resumed, and data of
// several lines would break.
//
//	GET  /events?topic=T   a stream
//	POST /publish?topic=T  the raw body is an event's data
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on; port 0 takes a free one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *addr); err != nil {
		fmt.Fprintf(os.Stderr, "naivenethttp: %v\n", err)
		os.Exit(1)
	}
}

// serve serves until ctx is done.
func serve(ctx context.Context, addr string) error {
	h := &hub{clients: map[string]map[chan []byte]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /events", h.stream)
	mux.HandleFunc("POST /publish", h.publish)
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("%w; choose another address with -addr", err)
	}
	srv := &http.Server{Handler: mux}
	context.AfterFunc(ctx, func() { _ = srv.Close() })
	fmt.Printf("serving http://%s/events?topic=T\n", ln.Addr())
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

type hub struct {
	mu      sync.Mutex // guards clients
	clients map[string]map[chan []byte]bool
}

// stream subscribes before the head is sent: a client that has the answer gets
// every event from then on.
func (h *hub) stream(w http.ResponseWriter, r *http.Request) {
	topic := r.URL.Query().Get("topic")
	events := make(chan []byte, 64)
	h.subscribe(topic, events)
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

func (h *hub) publish(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for events := range h.clients[r.URL.Query().Get("topic")] {
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
