package fasthttpsse_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/client/fasthttpsse"
	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/valyala/fasthttp"
)

func Example() {
	read := func(ctx context.Context, url string) error {
		req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		defer fasthttp.ReleaseRequest(req)
		defer fasthttp.ReleaseResponse(resp)
		req.SetRequestURI(url)
		req.Header.Set("Accept", "text/event-stream")
		resp.StreamBody = true
		if err := fasthttp.Do(req, resp); err != nil {
			return err
		}
		for event, err := range fasthttpsse.Events(ctx, resp) {
			if err != nil {
				return err
			}
			fmt.Printf("%s: %s\n", event.ID, event.Data)
		}
		return nil
	}

	url := serve("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 40\r\n\r\ndata: hello\nid: 1\n\ndata: world\nid: 2\n\n\n\n")
	fmt.Println(read(context.Background(), url))
	// Output:
	// 1: hello
	// 2: world
	// <nil>
}

// serve answers one connection with these bytes, and then leaves it open until its client
// leaves.
func serve(answer string) (url string) {
	url, _ = serveAndWatch(answer, false)
	return url
}

func serveAndWatch(answer string, cut bool) (url string, left <-chan struct{}) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		defer l.Close()
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = c.Read(make([]byte, 4<<10)) // the request
		_, _ = io.WriteString(c, answer)
		if !cut {
			_, _ = io.Copy(io.Discard, c)
		}
	}()
	return "http://" + l.Addr().String(), gone
}

const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

func chunk(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }

// read requests a stream, and returns the data of its events and the last error. Each event
// is shown to look, too.
func read(t *testing.T, ctx context.Context, c *fasthttp.Client, url string, look func()) (all []string, last error) {
	t.Helper()
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	req.SetRequestURI(url)
	resp.StreamBody = true
	if err := c.Do(req, resp); err != nil {
		t.Fatal(err)
	}
	for e, err := range fasthttpsse.Events(ctx, resp) {
		if last != nil {
			t.Errorf("%q after %v", e.Data, last)
		}
		if last = err; err == nil {
			all = append(all, string(e.Data))
			look()
		}
	}
	return all, last
}

func nothing() {}

func TestEnds(t *testing.T) {
	events := chunk("data: a\nid: 1\n\nda") + chunk("ta: b\n\ndata: unfinished")
	for name, c := range map[string]struct {
		answer string
		cut    bool
		want   string
		err    error
	}{
		"complete":             {head + events + "0\r\n\r\n", false, "a b", nil},
		"cut between chunks":   {head + events, true, "a b", nil}, // fasthttp 1.74 does not tell
		"cut inside a chunk":   {head + events + "100\r\nx", true, "a b", io.ErrUnexpectedEOF},
		"HTTP/1.0, which ends": {"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\ndata: a\n\n", true, "a", nil},
	} {
		t.Run(name, func(t *testing.T) {
			url, left := serveAndWatch(c.answer, c.cut)
			client := &fasthttp.Client{}
			all, err := read(t, t.Context(), client, url, nothing)
			if strings.Join(all, " ") != c.want || !errors.Is(err, c.err) || c.err == nil && err != nil {
				t.Errorf("%q, %v; want %q, %v", all, err, c.want, c.err)
			}
			client.CloseIdleConnections()
			testkit.Receive(t, "the connection's end", left)
		})
	}
}

func TestContextEndsTheLoopWhileItWaits(t *testing.T) {
	_, _ = fasthttp.Dial("127.0.0.1:1") // the first one begins a goroutine of fasthttp's that stays
	id := fmt.Sprintf("%p", t)
	var all []string
	var err error
	pprof.Do(t.Context(), pprof.Labels("fasthttpsse-test", id), func(ctx context.Context) {
		url, left := serveAndWatch(head+chunk("data: a\n\n"), false)
		ctx, cancel := context.WithCancel(ctx)
		var cancelled time.Time
		all, err = read(t, ctx, &fasthttp.Client{MaxIdleConnDuration: time.Millisecond}, url, func() {
			time.AfterFunc(10*time.Millisecond, func() { // while the loop waits for the next event
				cancelled = time.Now()
				cancel()
			})
		})
		testkit.Receive(t, "the connection's end", left)
		t.Logf("the server knew it %v after the context was cancelled", time.Since(cancelled))
	})
	if len(all) != 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("%q, %v", all, err)
	}
	testkit.Eventually(t, "the goroutines end", func() bool {
		var profile strings.Builder
		_ = pprof.Lookup("goroutine").WriteTo(&profile, 1)
		return strings.Count(profile.String(), `"fasthttpsse-test":"`+id+`"`) == 0
	})
}

func TestBreakClosesTheConnection(t *testing.T) {
	url, left := serveAndWatch(head+chunk("data: a\n\ndata: b\n\n"), false)
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	req.SetRequestURI(url)
	resp.StreamBody = true
	client := &fasthttp.Client{}
	if err := client.Do(req, resp); err != nil {
		t.Fatal(err)
	}
	for _, err := range fasthttpsse.Events(t.Context(), resp) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	testkit.Receive(t, "the connection's end", left)
	for range fasthttpsse.Events(t.Context(), resp) { // it yields an error, and does no harm
	}
	fasthttp.ReleaseResponse(resp)
	fasthttp.ReleaseRequest(req)
}

func TestWhatIsNoStreamIsRefused(t *testing.T) {
	for want, answer := range map[string]string{
		`status 404, Content-Type "text/plain": "gone"`: "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\ngone",
		`status 200, Content-Type "text/html"`:          "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n",
		`Content-Type "text/plain": "data: a\n\n"`:      strings.Replace(head, "event-stream", "plain", 1) + chunk("data: a\n\n"), // it goes on
		"compressed (Content-Encoding: gzip)":           strings.Replace(head, "\r\n", "\r\nContent-Encoding: gzip\r\n", 1) + chunk("\x1f\x8b\n\n") + "0\r\n\r\n",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
		defer cancel()
		all, err := read(t, ctx, &fasthttp.Client{}, serve(answer), nothing)
		if len(all) != 0 || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q, %v, want %q", all, err, want)
		}
	}
	for _, err := range fasthttpsse.Events(t.Context(), new(fasthttp.Response)) {
		if err == nil || !strings.Contains(err.Error(), "set resp.StreamBody") {
			t.Error(err)
		}
	}
}
