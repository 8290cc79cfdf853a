package server_test

import (
	"context"
	"log"
	"os"

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
	// Until SIGTERM. Then streams end with what was published for them and a time to come back.
	if err := server.Run(context.Background(), server.RunOptions{Hub: hub, Handler: routes.Handler}); err != nil {
		log.Fatal(err)
	}
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
