// Command gosse is tmaxmax/go-sse on net/http, as in its README and its larger
// example: the provider Joe, with a replayer that gives the events their ids, and the
// topics of a session from the query.
//
// Joe writes to all streams in turn, in one goroutine, and waits for those that do not
// read. A client that comes back and has missed nothing is sent the whole buffer again.
// Events with empty data cannot be sent.
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
	"syscall"

	"github.com/tmaxmax/go-sse"
)

// history is how many events the replayer keeps: as many as fastsse keeps per topic.
const history = 4096

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on; port 0 takes a free one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *addr); err != nil {
		fmt.Fprintf(os.Stderr, "gosse: %v\n", err)
		os.Exit(1)
	}
}

// serve serves until ctx is done.
func serve(ctx context.Context, addr string) error {
	replayer, err := sse.NewFiniteReplayer(history, true)
	if err != nil {
		return err
	}
	events := &sse.Server{Provider: &sse.Joe{Replayer: headFirst{replayer}}, OnSession: topicOf}
	mux := http.NewServeMux()
	mux.Handle("GET /events", events)
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

func topicOf(_ http.ResponseWriter, r *http.Request) (topics []string, allowed bool) {
	return []string{r.URL.Query().Get("topic")}, true
}

func publish(events *sse.Server, w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	m := &sse.Message{}
	m.AppendData(string(data))
	if err := events.Publish(m, r.URL.Query().Get("topic")); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// headFirst sends a session's head when it is subscribed. On its own go-sse sends the
// head with the first event, so that a client cannot tell an open stream from one that
// hangs. Flushing in OnSession would be too early: events published between that and
// the subscription would be lost.
type headFirst struct{ sse.Replayer }

func (h headFirst) Replay(s sse.Subscription) error {
	if err := h.Replayer.Replay(s); err != nil {
		return err
	}
	return s.Client.Flush()
}
