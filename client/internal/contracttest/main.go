// Command contracttest is the test service through which LaunchDarkly's sse-contract-tests, a
// suite for clients of event streams, drives package client. The suite's program (a release of
// github.com/launchdarkly/sse-contract-tests) is run beside it:
//
//	go run ./client/internal/contracttest -addr 127.0.0.1:8000
//	sse-contract-tests -url http://127.0.0.1:8000
//
// The tests of this package play the suite's part by its documentation, for it is not run in CI.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8000", "`address` to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	l, err := net.Listen("tcp", *addr)
	if err == nil {
		fmt.Printf("listens at http://%s\n", l.Addr())
		err = serve(ctx, l)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "contracttest:", err)
		os.Exit(1)
	}
}

// serve serves at l until ctx is done, or a request says so.
func serve(ctx context.Context, l net.Listener) error {
	ctx, quit := context.WithCancel(ctx)
	defer quit()
	s := newService(ctx, quit)
	server := &http.Server{Handler: s.handler()}
	context.AfterFunc(ctx, func() {
		// What is being answered, among it the request to stop, is answered.
		_ = server.Shutdown(context.WithoutCancel(ctx))
	})
	err := server.Serve(l)
	<-ctx.Done()
	s.running.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
