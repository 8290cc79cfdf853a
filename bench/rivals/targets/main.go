// Command targets serves event streams with a library, or with nginx, in the way that the
// library's README shows. It is what `go run ./bench/rivals` compares:
//
//	targets [-addr HOST:PORT] NAME
//
// Every target serves the same two things, and nothing else:
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
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// targets serve at an address until ctx is done.
var targets = map[string]func(ctx context.Context, addr string) error{
	"parked":        parked,
	"streamed":      streamed,
	"gosse":         overHTTP(gosse),
	"r3labs":        overHTTP(r3labs),
	"naivenethttp":  overHTTP(naiveNetHTTP),
	"naivefasthttp": naiveFasthttp,
}

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	flag.Parse()
	serve := targets[flag.Arg(0)]
	if serve == nil {
		names := slices.Sorted(maps.Keys(targets))
		fmt.Fprintf(os.Stderr, "targets: %q is no target; give one of %s\n", flag.Arg(0), strings.Join(names, ", "))
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := serve(ctx, *addr)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", flag.Arg(0), err)
		os.Exit(1)
	}
}

// listen listens, and says where.
func listen(addr string) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%w; choose another address with -addr", err)
	}
	announce(ln)
	return ln, nil
}

func announce(ln net.Listener) { fmt.Printf("serving http://%s/events?topic=T\n", ln.Addr()) }

// library is a library for net/http: what it makes of a subscription and of an event.
type library struct {
	events  http.HandlerFunc
	publish func(topic string, data []byte) error
}

// overHTTP serves a library by net/http, with nothing tuned.
func overHTTP(make func() (library, error)) func(context.Context, string) error {
	return func(ctx context.Context, addr string) error {
		lib, err := make()
		if err != nil {
			return err
		}
		ln, err := listen(addr)
		if err != nil {
			return err
		}
		mux := http.NewServeMux()
		mux.HandleFunc("GET /events", lib.events)
		mux.HandleFunc("POST /publish", lib.post)
		srv := &http.Server{Handler: mux}
		context.AfterFunc(ctx, func() { _ = srv.Close() })
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	}
}

func (lib library) post(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	if err == nil {
		err = lib.publish(r.URL.Query().Get("topic"), data)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}
