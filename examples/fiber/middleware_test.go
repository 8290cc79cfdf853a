package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/compress"
	"github.com/gofiber/fiber/v3/middleware/cors"
	"github.com/gofiber/fiber/v3/middleware/etag"
	"github.com/gofiber/fiber/v3/middleware/logger"
	"github.com/gofiber/fiber/v3/middleware/recover"
	"github.com/valyala/fasthttp"
)

const patience = 20 * time.Second // for what should happen at once, on a busy machine

// stacks are the middleware in front of a stream. All of them but cors and
// recover read the body of a response.
func stacks(log io.Writer) map[string][]any {
	body := logger.New(logger.Config{Stream: log, Format: "${status} ${path} [${resBody}]\n"})
	return map[string][]any{
		"none":     {},
		"compress": {compress.New()},
		"etag":     {etag.New()},
		"logger":   {body},
		"all":      {recover.New(), cors.New(), body, etag.New(), compress.New()},
	}
}

// lockedLog keeps what a logger writes.
type lockedLog struct {
	mu sync.Mutex // guards b
	b  strings.Builder
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// serve runs an app with one GET handler until the test ends.
func serve(t *testing.T, stack []any, path string, h fasthttp.RequestHandler) (addr string) {
	t.Helper()
	app := fiber.New()
	if len(stack) > 0 {
		app.Use(stack...)
	}
	app.Get(path, func(c fiber.Ctx) error {
		h(c.RequestCtx())
		return nil
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- app.Listener(ln, fiber.ListenConfig{DisableStartupMessage: true}) }()
	t.Cleanup(func() {
		if err := app.ShutdownWithTimeout(patience); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := within(t, "Listener returns", served); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return ln.Addr().String()
}

// within takes one value that should be on its way.
func within[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("not within %v: %s", patience, what)
		panic("unreachable")
	}
}

// open asks for path with Accept-Encoding, and reads the head of the response.
func open(t *testing.T, addr, path string) (net.Conn, *testkit.Decoder) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: test\r\nOrigin: http://a\r\nAccept-Encoding: gzip\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("no head: %v", err)
	}
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("Content-Encoding") != "" {
		t.Fatalf("%s %v", resp.Status, resp.Header)
	}
	return c, testkit.NewDecoder(resp.Body)
}

func expect(t *testing.T, d *testkit.Decoder, data string) {
	t.Helper()
	if e, err := d.Next(); err != nil || e.Data != data {
		t.Fatalf("got %+v, %v; want %q", e, err, data)
	}
}

func TestBehindFibersMiddlewareEachEventArrivesAtOnce(t *testing.T) {
	log := &lockedLog{}
	for name, stack := range stacks(log) {
		t.Run(name, func(t *testing.T) {
			more := make(chan struct{})
			addr := serve(t, stack, "/ticks", func(ctx *fasthttp.RequestCtx) {
				streamwriter.Serve(ctx, streamwriter.Options{}, func(w *streamwriter.Writer) error {
					for {
						select {
						case _, ok := <-more:
							if !ok {
								return nil
							}
							_ = w.SendString("", "tick")
						case <-w.Context().Done():
							return nil
						}
					}
				})
			})
			_, d := open(t, addr, "/ticks")
			for range 3 {
				more <- struct{}{}
				expect(t, d, "tick")
			}
			close(more)
			if rest, err := d.All(); err != nil || len(rest) != 0 {
				t.Errorf("end: %+v, %v", rest, err)
			}
		})
	}
	if got := strings.Count(log.String(), "200 /ticks []\n"); got != 2 {
		t.Errorf("%d of 2 streams are logged as without a body: %q", got, log)
	}
}

func TestBehindFibersMiddlewareAClientThatLeavesEndsItsStream(t *testing.T) {
	for name, stack := range stacks(io.Discard) {
		t.Run(name, func(t *testing.T) {
			causes := make(chan error, 1)
			addr := serve(t, stack, "/ticks", func(ctx *fasthttp.RequestCtx) {
				streamwriter.Serve(ctx, streamwriter.Options{Heartbeat: time.Second}, func(w *streamwriter.Writer) error {
					_ = w.SendString("", "tick")
					<-w.Context().Done()
					causes <- context.Cause(w.Context())
					return nil
				})
			})
			c, d := open(t, addr, "/ticks")
			expect(t, d, "tick")
			c.Close()
			if cause := within(t, "the Context ends", causes); !errors.Is(cause, streamwriter.ErrClientGone) {
				t.Errorf("cause %v", cause)
			}
		})
	}
}

// A hub's own endpoint, and Follow.
func TestBehindFibersMiddlewareAHubsEventsArrive(t *testing.T) {
	hub := newHub(t)
	endpoints := map[string]fasthttp.RequestHandler{
		"subscribe": server.SubscribeHandler(hub, server.SubscribeOptions{}),
		"follow": func(ctx *fasthttp.RequestCtx) {
			streamwriter.Serve(ctx, streamwriter.Options{}, func(w *streamwriter.Writer) error {
				return hub.Follow(w, "news")
			})
		},
	}
	for name, h := range endpoints {
		t.Run(name, func(t *testing.T) {
			id, err := hub.Publish("news", streamwriter.Event{Data: []byte("before")})
			if err != nil {
				t.Fatal(err)
			}
			_, d := open(t, serve(t, stacks(io.Discard)["all"], "/events", h), "/events?topic=news&lastEventId="+id)
			for _, data := range []string{"one", "two"} {
				if _, err := hub.Publish("news", streamwriter.Event{Data: []byte(data)}); err != nil {
					t.Fatal(err)
				}
				expect(t, d, data)
			}
		})
	}
}
