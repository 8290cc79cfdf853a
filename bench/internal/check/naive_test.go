package check

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// naive is the handler that everybody writes first: a channel per stream, and
// fasthttp's SetBodyStreamWriter.
type naive struct {
	mu      sync.Mutex // guards streams
	streams map[chan string]bool
	closing chan struct{}
}

func (n *naive) serve(ctx *fasthttp.RequestCtx) {
	if string(ctx.Path()) == "/publish" {
		n.publish(string(ctx.PostBody()))
		return
	}
	events := make(chan string, 100)
	n.mu.Lock()
	n.streams[events] = true
	n.mu.Unlock()
	ctx.SetContentType("text/event-stream")
	ctx.SetBodyStreamWriter(func(w *bufio.Writer) {
		for {
			select {
			case data := <-events:
				fmt.Fprintf(w, "data: %s\n\n", data)
				if w.Flush() != nil {
					return
				}
			case <-n.closing:
				return
			}
		}
	})
}

func (n *naive) publish(data string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for events := range n.streams {
		select {
		case events <- data:
		default:
		}
	}
}

func serveNaive(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &naive{streams: make(map[chan string]bool), closing: make(chan struct{})}
	srv := &fasthttp.Server{Handler: n.serve}
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() {
		close(n.closing)
		_ = ln.Close()
	})
	return "http://" + ln.Addr().String()
}

func TestNaiveHandlerIsFoundOut(t *testing.T) {
	t.Parallel()
	url := serveNaive(t)
	p := defaultPace
	p.silent = time.Second
	r := look(t, Config{URL: url + "/events", PublishURL: url + "/publish", For: 3 * time.Second, pace: p})
	expect(t, r, "answer/status", OK)
	expect(t, r, "answer/cache-control", Warn, "missing")
	expect(t, r, "answer/x-accel-buffering", Warn, "missing")
	expect(t, r, "answer/head", Fail, "held back until the first event", "ImmediateHeaderFlush")
	expect(t, r, "stream/retry", Warn, "none")
	expect(t, r, "stream/ids", Warn, "without an id")
	expect(t, r, "life/heartbeat", Fail, "no sign of life", "Heroku")
	expect(t, r, "delivery/delivery", OK)
	expect(t, r, "resume/resume", Warn, "no ids")
	expect(t, r, "resume/gap", Warn, "not told")
	expect(t, r, "protocol/http-1.0", Fail, "chunked")
	if err := r.Err(false); err == nil || !strings.Contains(err.Error(), "checks failed") {
		t.Errorf("error %v", err)
	}
}

// publishNoise publishes events that the checks must ignore, until stop.
func publishNoise(t *testing.T, url string, stop, done chan struct{}) {
	defer close(done)
	for {
		select {
		case <-stop:
			return
		case <-time.After(5 * time.Millisecond):
		}
		res, err := http.Post(url, "text/plain", strings.NewReader("noise"))
		if err != nil {
			t.Error(err)
			return
		}
		_ = res.Body.Close()
	}
}
