package server_test

import (
	"context"
	"errors"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// A whole program: streams at /events, publishing at /publish, and an end at which
// nobody loses anything.
func Example() {
	hub, err := server.New(server.Config{})
	if err != nil {
		log.Fatal(err)
	}
	routes := router.New()
	server.Mount(routes, hub, server.MountOptions{
		Publish: server.PublishOptions{Token: os.Getenv("TOKEN")},
	})
	ln, err := server.Listen("tcp", ":8080")
	if err != nil {
		log.Fatal(err)
	}
	srv := &fasthttp.Server{Handler: routes.Handler}

	stop, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		<-stop.Done()
		grace, cancel := context.WithTimeout(context.Background(), 8*time.Second)
		defer cancel()
		// Streams end with what was published for them and a time to come back; then
		// requests; then the hub.
		if err := errors.Join(hub.Drain(grace), srv.ShutdownWithContext(grace), hub.Close(grace)); err != nil {
			log.Print(err)
		}
	}()
	if err := srv.Serve(ln); err != nil {
		log.Fatal(err)
	}
	<-ended // Serve returns as soon as Shutdown has begun
}

// Who may read what: the hook narrows, or refuses for good.
func ExampleHub_authorize() {
	hub, err := server.New(server.Config{})
	if err != nil {
		log.Fatal(err)
	}
	handler := server.SubscribeHandler(hub, server.SubscribeOptions{
		Authorize: func(ctx *fasthttp.RequestCtx, s *server.Subscription) error {
			user := string(ctx.Request.Header.Cookie("user"))
			if user == "" {
				return &server.StatusError{Code: fasthttp.StatusUnauthorized, Message: "sign in first"}
			}
			s.User = user                                          // for OnOpen, OnClose and KickUser
			s.Topics = []string{"news", "user/" + user + "/inbox"} // whatever it asked for
			return nil
		},
	})
	_ = fasthttp.ListenAndServe(":8080", handler)
}

// A stream of an application's own that goes on with the hub's topics.
func ExampleHub_Follow() {
	hub, err := server.New(server.Config{})
	if err != nil {
		log.Fatal(err)
	}
	_ = fasthttp.ListenAndServe(":8080", func(ctx *fasthttp.RequestCtx) {
		streamwriter.Serve(ctx, streamwriter.Options{}, func(w *streamwriter.Writer) error {
			if err := w.SendJSON(streamwriter.Event{Type: "welcome"}, map[string]string{"hello": "you"}); err != nil {
				return err
			}
			return hub.Follow(w, "news")
		})
	})
}
