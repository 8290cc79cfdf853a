// Command clock says hello, and then what time it is, for as long as somebody
// listens.
//
//	go run ./examples/clock
//	curl -N http://localhost:8080/sse
package main

import (
	_ "embed"
	"flag"
	"time"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/examples/internal/listen"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

var (
	//go:embed index.html
	index []byte
	//go:embed 404.html
	notFound []byte
)

func main() {
	addr := flag.String("addr", listen.Addr(), "`address` to listen on; PORT in the environment changes the default")
	listen.Parse()
	listen.Exit(listen.Serve(*addr, "/sse", handler(2*time.Second)))
}

// handler serves the page, and a stream that ticks at every interval.
func handler(every time.Duration) fasthttp.RequestHandler {
	r := router.New()
	r.RedirectTrailingSlash, r.RedirectFixedPath = false, false // a stream must not be redirected
	for _, method := range []string{fasthttp.MethodGet, fasthttp.MethodHead} {
		r.Handle(method, "/", listen.Page(fasthttp.StatusOK, index))
		r.Handle(method, "/sse", func(ctx *fasthttp.RequestCtx) { serve(ctx, every) })
	}
	r.GlobalOPTIONS = preflight
	r.NotFound = listen.Page(fasthttp.StatusNotFound, notFound)
	return r.Handler
}

// serve is one stream: "hello", the time at every tick, and after every fifth a
// custom-event.
func serve(ctx *fasthttp.RequestCtx, every time.Duration) {
	ctx.Response.Header.Set("Access-Control-Allow-Origin", "*")
	streamwriter.Serve(ctx, streamwriter.Options{}, func(w *streamwriter.Writer) error {
		if err := w.SendString("", "hello"); err != nil {
			return err
		}
		ticks := time.Tick(every)
		for n := 1; ; n++ {
			select {
			case <-w.Context().Done(): // the reader left
				return nil
			case <-w.Draining(): // the server is about to stop
				return w.Reconnect()
			case now := <-ticks:
				err := w.SendString("", now.UTC().Format(time.RFC3339))
				if err == nil && n%5 == 0 {
					err = w.SendJSON(streamwriter.Event{Type: "custom-event"}, map[string]int{"ticks": n})
				}
				if err != nil {
					return err
				}
			}
		}
	})
}

// preflight lets fetch-based clients of any origin send the headers of SSE.
func preflight(ctx *fasthttp.RequestCtx) {
	ctx.Response.Header.Set("Access-Control-Allow-Origin", "*")
	ctx.Response.Header.Set("Access-Control-Allow-Headers", "Cache-Control, Last-Event-ID")
	ctx.SetStatusCode(fasthttp.StatusNoContent)
}
