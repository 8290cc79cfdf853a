package streamwriter

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

// wrapped is a response writer as ordinary middleware makes one: it counts or
// logs, and offers nothing but Unwrap beside its own three methods.
type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// flushing has a Flush method too, and no other.
type flushing struct{ wrapped }

func (f flushing) Flush() { f.ResponseWriter.(http.Flusher).Flush() }

var wrappings = map[string]func(http.ResponseWriter) http.ResponseWriter{
	"wrapped":                func(w http.ResponseWriter) http.ResponseWriter { return wrapped{w} },
	"wrapped twice":          func(w http.ResponseWriter) http.ResponseWriter { return wrapped{wrapped{w}} },
	"wrapped with a Flusher": func(w http.ResponseWriter) http.ResponseWriter { return flushing{wrapped{w}} },
}

func TestBehindNetHTTPMiddlewareEachEventArrivesAtOnce(t *testing.T) {
	for name, wrap := range wrappings {
		t.Run(name, func(t *testing.T) {
			more := make(chan struct{})
			srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				w := must(NewWriter(wrap(rw), Options{Context: r.Context()}))
				defer w.Close()
				_ = w.Open()
				for range 3 {
					select {
					case <-more:
					case <-r.Context().Done(): // the test has failed
					}
					_ = w.SendString("", "event")
				}
				<-r.Context().Done() // the end must not flush
			}))
			defer srv.Close()
			client := http.Client{Timeout: testkit.Patience}
			resp, err := client.Get(srv.URL) // returns with the head
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			d := testkit.NewDecoder(resp.Body)
			for range 3 {
				more <- struct{}{}
				if e := next(t, d); e.Data != "event" {
					t.Errorf("got %+v", e)
				}
			}
		})
	}
}

func TestBehindNetHTTPMiddlewareTheWriteTimeoutHolds(t *testing.T) {
	for name, wrap := range wrappings {
		t.Run(name, func(t *testing.T) {
			ended := make(chan error, 1)
			srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				w := must(NewWriter(wrap(rw), Options{WriteTimeout: 100 * time.Millisecond}))
				defer w.Close()
				for w.SendString("", strings.Repeat("full ", 100_000)) == nil {
				}
				ended <- context.Cause(w.Context())
			}))
			defer srv.Close()
			c, err := net.Dial("tcp", srv.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: test\r\n\r\n"); err != nil { // and reads nothing
				t.Fatal(err)
			}
			if err := testkit.Receive(t, "the stream ends", ended); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("ended: %v", err)
			}
		})
	}
}

// failingFlusher is a response writer whose flush returns an error.
type failingFlusher struct{ http.ResponseWriter }

func (failingFlusher) FlushError() error { return io.ErrClosedPipe }

func TestAFlushThatFailsEndsTheStream(t *testing.T) {
	w := must(NewWriter(wrapped{failingFlusher{httptest.NewRecorder()}}, Options{}))
	defer w.Close()
	if err := w.SendString("", "a"); !errors.Is(err, ErrClientGone) || !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("send: %v", err)
	}
}
