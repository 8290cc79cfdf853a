// Command r3labs is r3labs/sse on net/http, as in its README, with what New sets: every
// event ever published is kept, and a stream without Last-Event-ID gets all of them.
// Only AutoStream is added, so that topics need not be created first.
//
// One goroutine per topic hands events to a channel of 64 for each stream, and waits if
// one is full. A stream that comes back gets the event that it names in Last-Event-ID
// again. Events published to a topic that has never had a stream are dropped, data of
// several lines breaks, and empty data ends the stream.
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
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"github.com/r3labs/sse/v2"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on; port 0 takes a free one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *addr); err != nil {
		fmt.Fprintf(os.Stderr, "r3labs: %v\n", err)
		os.Exit(1)
	}
}

// serve serves until ctx is done.
func serve(ctx context.Context, addr string) error {
	events := sse.New()
	events.AutoStream = true
	mux := http.NewServeMux()
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) {
		// It reads the topic from the query as "stream".
		r.URL.RawQuery = "stream=" + url.QueryEscape(r.URL.Query().Get("topic"))
		events.ServeHTTP(w, r)
	})
	mux.HandleFunc("POST /publish", func(w http.ResponseWriter, r *http.Request) { publish(events, w, r) })
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

func publish(events *sse.Server, w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	events.Publish(r.URL.Query().Get("topic"), &sse.Event{Data: data})
}
