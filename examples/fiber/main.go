// Command fiber is an application made with Fiber v3, behind its usual middleware. All
// windows see the results of a poll as they change (a hub), and whoever starts a job sees
// how far it is (one stream, which goes on where it was after a cut).
//
//	go run ./examples/fiber
//	curl -N 'http://localhost:8080/poll?topic=poll'
//
// It is a module of its own, so that nothing else depends on Fiber.
package main

import (
	"context"
	_ "embed"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/compress"
	"github.com/gofiber/fiber/v3/middleware/cors"
	"github.com/gofiber/fiber/v3/middleware/logger"
	"github.com/gofiber/fiber/v3/middleware/recover"
	"github.com/gofiber/fiber/v3/middleware/requestid"
)

//go:embed index.html
var page []byte

func main() {
	addr := flag.String("addr", "", "`address` to listen on (default \":8080\", or the port in PORT)")
	flag.Parse()
	if err := run(*addr, 50*time.Millisecond); err != nil {
		log.Fatal(err)
	}
}

// run serves until SIGTERM. [server.Run] listens in place of Fiber's Listen, which would
// not drain the hub; the settings of fiber.New are kept.
func run(addr string, step time.Duration) error {
	hub, err := server.New(server.Config{})
	if err != nil {
		return err
	}
	app := newApp(hub, step, os.Stderr)
	return server.Run(context.Background(), server.RunOptions{
		Hub: hub, Server: app.Server(), Handler: app.Handler(), Addr: addr, Grace: 3 * time.Second,
		Listening: func(at net.Addr) {
			port := at.(*net.TCPAddr).Port
			fmt.Printf("open    http://localhost:%d\nor      curl -N 'http://localhost:%[1]d/poll?topic=poll'\n", port)
		},
	})
}

// newApp registers the streams before compress, and all else after it: a stream runs once
// the middleware in front of it has returned, so compress would find nothing to compress.
func newApp(hub *server.Hub, step time.Duration, out io.Writer) *fiber.App {
	p := &poll{hub: hub, Votes: map[string]int{"green": 0, "black": 0, "mint": 0}}
	app := fiber.New()
	lines := logger.New(logger.Config{Stream: out, Format: "${time} ${respHeader:X-Request-ID} ${status} ${method} ${path}\n"})
	app.Use(requestid.New(), lines, recover.New(), cors.New())
	subscribe := hub.SubscribeHandler(server.SubscribeOptions{OnOpen: p.show})
	app.Get("/poll", func(c fiber.Ctx) error { subscribe(c.RequestCtx()); return nil })
	app.Get("/job", func(c fiber.Ctx) error { return job(c, step, log.New(out, "", 0)) })
	app.Use(compress.New())
	app.Post("/votes/:tea", p.vote)
	app.Get("/", func(c fiber.Ctx) error { return c.Type("html", "utf-8").Send(page) })
	return app
}

// poll is what has been voted for. Its events hold all of it, so one that comes twice does
// no harm, and none needs the one before it.
type poll struct {
	hub *server.Hub

	mu    sync.Mutex // guards Votes, and keeps the events in their order
	Votes map[string]int
}

func (p *poll) vote(c fiber.Ctx) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	tea := c.Params("tea")
	if _, ok := p.Votes[tea]; !ok {
		return fiber.NewError(fiber.StatusNotFound, "there is no such tea: vote for green, black or mint")
	}
	p.Votes[strings.Clone(tea)]++ // what a Ctx returns is valid within the handler only
	if _, err := p.hub.PublishJSON("poll", streamwriter.Event{}, p.Votes); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// show sends the results as they are to a stream that opens, before all that are to come.
func (p *poll) show(_ server.Subscriber, w *streamwriter.Writer) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return w.SendJSON(streamwriter.Event{}, p.Votes)
}

// job sends how much of a job is done, in percent. The callback runs when the handler has
// returned, and must not use c. Its panics do not reach recover: Serve logs them.
func job(c fiber.Ctx, step time.Duration, out *log.Logger) error {
	request := strings.Clone(requestid.FromContext(c))
	streamwriter.Serve(c.RequestCtx(), streamwriter.Options{Retry: time.Second}, func(w *streamwriter.Writer) error {
		done, _ := strconv.Atoi(w.LastEventID())
		for ; done < 100; done++ {
			select {
			case <-w.Context().Done():
				out.Printf("%s: %v at %d %%", request, context.Cause(w.Context()), done)
				return nil
			case <-w.Draining(): // the server is about to stop: the browser goes on at the next
				return w.Reconnect()
			case <-time.After(step):
				percent := strconv.Itoa(done + 1)
				if err := w.Send(streamwriter.Event{ID: percent, Data: []byte(percent)}); err != nil {
					return err
				}
			}
		}
		return w.SendString("done", "") // the page closes its EventSource
	})
	return nil
}
