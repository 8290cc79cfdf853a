package streamwriter

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/valyala/fasthttp"
)

// bodyReaders are the ways middleware looks at the body of a response.
var bodyReaders = map[string]func(r *fasthttp.Response) []byte{
	"Body":     func(r *fasthttp.Response) []byte { return r.Body() },
	"SwapBody": func(r *fasthttp.Response) []byte { return r.SwapBody(nil) },
	"BodyWriteTo": func(r *fasthttp.Response) []byte {
		var b bytes.Buffer
		_ = r.BodyWriteTo(&b)
		return b.Bytes()
	},
	"io.ReadAll": func(r *fasthttp.Response) []byte {
		b, _ := io.ReadAll(r.BodyStream())
		return b
	},
	"io.Copy": func(r *fasthttp.Response) []byte {
		var b strings.Builder
		_, _ = io.Copy(&b, r.BodyStream())
		return []byte(b.String())
	},
	"twice": func(r *fasthttp.Response) []byte { return append(r.Body(), r.Body()...) },
}

// reading is middleware that reads the body in one of these ways.
func reading(t testing.TB, read func(r *fasthttp.Response) []byte, h fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		h(ctx)
		ctx.Response.Header.Set("X-Outer", "yes")
		if b := read(&ctx.Response); len(b) != 0 {
			t.Errorf("middleware reads %q", b)
		}
	}
}

func readingBody(t testing.TB, h fasthttp.RequestHandler) fasthttp.RequestHandler {
	return reading(t, bodyReaders["Body"], h)
}

func TestMiddlewareThatReadsTheBodyDelaysNoEvent(t *testing.T) {
	for name, read := range bodyReaders {
		t.Run(name, func(t *testing.T) {
			more := make(chan struct{})
			h := handler(Options{Heartbeat: time.Hour}, func(w *Writer) error {
				for range 3 {
					<-more
					if err := w.SendString("", "event"); err != nil {
						return err
					}
				}
				return nil
			})
			// CompressHandler, outside, finds nothing to compress.
			s := start(t, fasthttp.CompressHandler(reading(t, read, h)), nil)
			d, resp := s.dial().get("Accept-Encoding: gzip")
			if resp.Header.Get("X-Outer") != "yes" || resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("Content-Encoding") != "" {
				t.Errorf("headers %v", resp.Header)
			}
			for range 3 {
				more <- struct{}{}
				if e := next(t, d); e.Data != "event" {
					t.Errorf("got %+v", e)
				}
			}
			if events, err := d.All(); err != nil || len(events) != 0 {
				t.Errorf("end: %+v, %v", events, err)
			}
		})
	}
}

func TestAStreamWhoseBodyWasReadIsCutByAnErrorOrPanic(t *testing.T) {
	for name, fail := range map[string]func() error{
		"error": func() error { return errors.New("bang") },
		"panic": func() error { panic("bang") },
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, readingBody(t, handler(Options{}, func(w *Writer) error {
				_ = w.SendString("", "a")
				return fail()
			})), nil)
			d, _ := s.dial().get()
			next(t, d)
			if _, err := d.All(); !isCut(err) {
				t.Errorf("end: %v", err)
			}
			testkit.Eventually(t, "it is logged", func() bool { return s.log.Count("streamwriter", "bang") == 1 })
		})
	}
}

func TestServerShutdownEndsAStreamWhoseBodyWasRead(t *testing.T) {
	causes := make(chan error, 1)
	s := start(t, readingBody(t, handler(Options{}, func(w *Writer) error {
		<-w.Context().Done()
		causes <- context.Cause(w.Context())
		return nil
	})), nil)
	d, resp := s.dial().get(asEventSource...)
	if _, err := resp.Body.Read(make([]byte, 1)); err != nil { // the stream is open
		t.Fatal(err)
	}
	if err := s.Shutdown(); err != nil {
		t.Error(err)
	}
	if cause := testkit.Receive(t, "the stream ends", causes); cause != ErrServerShutdown {
		t.Errorf("cause %v", cause)
	}
	if _, err := d.All(); err != nil || d.Retry == "3000" {
		t.Errorf("end: retry %q, %v", d.Retry, err)
	}
}

func TestAResponseThatIsReplacedAfterItsBodyWasReadRunsNoCallback(t *testing.T) {
	for name, last := range map[string]struct {
		word   func(ctx *fasthttp.RequestCtx)
		status int
		body   string
	}{
		"error":  {func(ctx *fasthttp.RequestCtx) { ctx.Error("no", 403) }, 403, "no"},
		"body":   {func(ctx *fasthttp.RequestCtx) { ctx.SetBodyString("other") }, 200, "other"},
		"status": {func(ctx *fasthttp.RequestCtx) { ctx.NotModified() }, 304, ""},
		"stream": {func(ctx *fasthttp.RequestCtx) { ctx.SetBodyStream(strings.NewReader("other"), 5) }, 200, "other"},
	} {
		t.Run(name, func(t *testing.T) {
			var ran atomic.Bool
			h := readingBody(t, handler(Options{}, func(*Writer) error { ran.Store(true); return nil }))
			s := start(t, func(ctx *fasthttp.RequestCtx) { h(ctx); last.word(ctx) }, nil)
			resp := s.dial().request("GET / HTTP/1.1")
			body, err := io.ReadAll(resp.Body)
			if err != nil || string(body) != last.body || resp.StatusCode != last.status || ran.Load() {
				t.Errorf("%d %q, %v, ran: %v", resp.StatusCode, body, err, ran.Load())
			}
		})
	}
}

func TestChunkWriterWritesEachWriteAsOneChunk(t *testing.T) {
	var wire bytes.Buffer
	w := chunkWriter{w: &wire}
	for _, p := range []string{"a", "", strings.Repeat("b", maxKeptBuffer), "c\r\nd"} {
		if n, err := w.Write([]byte(p)); n != len(p) || err != nil {
			t.Errorf("%d of %d, %v", n, len(p), err)
		}
	}
	if cap(w.buf) > maxKeptBuffer {
		t.Errorf("keeps %d bytes", cap(w.buf))
	}
	resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+wire.String()+"0\r\n\r\n")), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "a"+strings.Repeat("b", maxKeptBuffer)+"c\r\nd" {
		t.Errorf("%d bytes, %v", len(body), err)
	}
}

func TestNoCompressorIsTakenForABuffer(t *testing.T) {
	h := handler(Options{}, func(w *Writer) error { return w.SendString("", "a") })
	s := start(t, fasthttp.CompressHandlerBrotliLevel(h, fasthttp.CompressBrotliDefaultCompression, fasthttp.CompressDefaultCompression), nil)
	for _, encoding := range []string{"br", "gzip", "deflate", "zstd"} {
		resp := s.dial().request("GET / HTTP/1.1", "Accept-Encoding: "+encoding)
		if got := resp.Header.Get("Content-Encoding"); got != encoding {
			t.Errorf("%q asked for, %q sent", encoding, got)
		}
		if body, err := io.ReadAll(resp.Body); err != nil || len(body) == 0 {
			t.Errorf("%s: %d bytes, %v", encoding, len(body), err)
		}
	}
}
