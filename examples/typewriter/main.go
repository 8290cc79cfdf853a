// Command typewriter types a text, character by character, and goes on where it
// was when a reader comes back.
//
//	go run ./examples/typewriter -file README.md
//	curl -N http://localhost:8080/api/sse
package main

import (
	_ "embed"
	"flag"
	"fmt"
	"hash/crc32"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/examples/internal/listen"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

//go:embed index.html
var page []byte

//go:embed text.txt
var builtIn []byte

func main() {
	addr := flag.String("addr", listen.Addr(), "`address` to listen on; PORT in the environment changes the default")
	every := flag.Duration("every", 100*time.Millisecond, "time from one character to the next")
	text := builtIn
	flag.Func("file", "text `file` to type (one is built in)", func(path string) (err error) {
		text, err = os.ReadFile(path)
		return err
	})
	listen.Parse()
	listen.Exit(run(*addr, text, *every))
}

func run(addr string, text []byte, every time.Duration) error {
	if every <= 0 {
		return fmt.Errorf("cannot type a character every %v; give -every a time above zero, such as 100ms", every)
	}
	if !utf8.Valid(text) {
		fmt.Fprintln(os.Stderr, "typewriter: the text is not all UTF-8, what is not comes as \ufffd; iconv converts files")
	}
	return listen.Serve(addr, "/api/sse", newTypewriter(text, every, 5*time.Second).handler())
}

// typewriter types a text to each reader. An id is "<checksum of the text>-<how
// many characters>": the same place after a restart, and none in another text.
type typewriter struct {
	text         []rune
	sum          string
	every, retry time.Duration
}

// newTypewriter makes b fit for the wire: "\n" for line breaks, U+FFFD for what is not UTF-8.
func newTypewriter(b []byte, every, retry time.Duration) *typewriter {
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimPrefix(string(b), "\ufeff"))
	return &typewriter{[]rune(text), fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(text))), every, retry}
}

// typed is how many characters a reader with this id has: 0 if it is of another text. A bare number will do.
func (t *typewriter) typed(id string) int {
	n, _ := strconv.ParseUint(strings.TrimPrefix(id, t.sum+"-"), 10, 31) // 0, or the most there is
	return min(int(n), len(t.text))
}

func (t *typewriter) handler() fasthttp.RequestHandler {
	r := router.New()
	r.RedirectTrailingSlash, r.RedirectFixedPath = false, false // a stream must not be redirected
	for _, method := range []string{fasthttp.MethodGet, fasthttp.MethodHead} {
		r.Handle(method, "/", listen.Page(fasthttp.StatusOK, page))
		r.Handle(method, "/api/sse", t.serve)
	}
	r.GlobalOPTIONS = cors // fetch-based clients ask first
	return r.Handler
}

// serve types from where the reader is to the end, and says so: who does not close then, comes back.
func (t *typewriter) serve(ctx *fasthttp.RequestCtx) {
	cors(ctx)
	// The page asks by HEAD, and shows how far it is.
	ctx.Response.Header.Set("X-Characters", strconv.Itoa(len(t.text)))
	typ := string(ctx.QueryArgs().Peek("event")) // a copy: ctx is gone when the stream runs
	if typ != "" && typ != "lol" {
		ctx.SetStatusCode(fasthttp.StatusBadRequest)
		ctx.SetBodyString(fmt.Sprintf("cannot type events named %q; ask for ?event=lol, or leave it out for messages\n", typ))
		return
	}
	streamwriter.Serve(ctx, streamwriter.Options{Retry: t.retry}, func(w *streamwriter.Writer) error {
		send := func(n int, typ, data string) error {
			return w.Send(streamwriter.Event{ID: fmt.Sprintf("%s-%d", t.sum, n), Type: typ, Data: []byte(data)})
		}
		key, n := time.Tick(t.every), t.typed(w.LastEventID())
		for ; n < len(t.text); n++ {
			select {
			case <-w.Context().Done(): // the reader left
				return nil
			case <-w.Draining(): // the server is about to stop: the reader goes on at the next
				return w.Reconnect()
			case <-key:
				if err := send(n+1, typ, string(t.text[n])); err != nil {
					return err
				}
			}
		}
		return send(n, "end", "")
	})
}

// cors lets every origin in, with cookies or without. A server with secrets would have a list.
func cors(ctx *fasthttp.RequestCtx) {
	if origin := ctx.Request.Header.Peek("Origin"); len(origin) > 0 {
		ctx.Response.Header.SetBytesV("Access-Control-Allow-Origin", origin)
		ctx.Response.Header.Set("Access-Control-Allow-Credentials", "true")
		ctx.Response.Header.Set("Access-Control-Allow-Headers", "Cache-Control, Last-Event-ID")
		ctx.Response.Header.Set("Access-Control-Expose-Headers", "X-Characters")
		ctx.Response.Header.Set("Vary", "Origin")
	}
}
