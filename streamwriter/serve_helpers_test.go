package streamwriter

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/valyala/fasthttp"
)

// awaitNoStreams waits until every stream has left the clock.
func awaitNoStreams(t testing.TB) {
	t.Helper()
	testkit.Eventually(t, "all streams leave", func() bool {
		heartbeats.mu.Lock()
		defer heartbeats.mu.Unlock()
		return heartbeats.wake == nil
	})
}

// streamGoroutines counts the goroutines that are inside, or belong to, streams.
func streamGoroutines() int {
	buf := make([]byte, 16<<20)
	n := 0
	for _, stack := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		for _, ours := range []string{"(*stream).", "(*clock).run", "(*watcher).run", "(*shutdownWatch).wait", "tryBeat"} {
			if strings.Contains(stack, ours) {
				n++
				break
			}
		}
	}
	return n
}

// testServer is a fasthttp server on the loopback.
type testServer struct {
	*fasthttp.Server
	addr string
	tls  *tls.Config // nil: plaintext
	log  *testkit.Log
	t    testing.TB
}

// start serves h until the test ends; set, if given, changes the server first.
func start(t testing.TB, h fasthttp.RequestHandler, set func(*fasthttp.Server)) *testServer {
	t.Helper()
	return startOn(t, h, set, nil)
}

// startTLS is start with TLS, and a certificate made for the occasion.
func startTLS(t testing.TB, h fasthttp.RequestHandler, set func(*fasthttp.Server)) *testServer {
	t.Helper()
	return startOn(t, h, set, &tls.Config{Certificates: []tls.Certificate{testkit.Certificate(t)}})
}

func startOn(t testing.TB, h fasthttp.RequestHandler, set func(*fasthttp.Server), conf *tls.Config) *testServer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &testServer{Server: &fasthttp.Server{Handler: h}, addr: ln.Addr().String(), tls: conf, log: &testkit.Log{}, t: t}
	s.Logger = s.log
	if set != nil {
		set(s.Server)
	}
	if conf != nil {
		ln = tls.NewListener(ln, conf)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
		defer cancel()
		if err := s.ShutdownWithContext(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := testkit.Receive(t, "Serve returns", served); err != nil {
			t.Errorf("serve: %v", err)
		}
		awaitNoStreams(t)
	})
	return s
}

// testClient is one connection, read as HTTP.
type testClient struct {
	net.Conn
	tcp *net.TCPConn
	r   *bufio.Reader
	t   testing.TB
}

func (s *testServer) dial() *testClient {
	s.t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	client := &testClient{Conn: c, tcp: c.(*net.TCPConn), t: s.t}
	if s.tls != nil {
		client.Conn = tls.Client(c, &tls.Config{InsecureSkipVerify: true}) // the test's own server
	}
	client.r = bufio.NewReader(client.Conn)
	s.t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(testkit.Patience)); err != nil {
		s.t.Fatal(err)
	}
	return client
}

// request sends a request and reads the head of its response. headers are whole
// lines without their ends.
func (c *testClient) request(line string, headers ...string) *http.Response {
	c.t.Helper()
	head := line + "\r\nHost: test\r\n"
	for _, h := range headers {
		head += h + "\r\n"
	}
	if _, err := c.Write([]byte(head + "\r\n")); err != nil {
		c.t.Fatal(err)
	}
	method, _, _ := strings.Cut(line, " ")
	resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("%s: %v", line, err)
	}
	return resp
}

// get opens a stream.
func (c *testClient) get(headers ...string) (*testkit.Decoder, *http.Response) {
	c.t.Helper()
	resp := c.request("GET / HTTP/1.1", headers...)
	return testkit.NewDecoder(resp.Body), resp
}

// asEventSource are headers by which an EventSource shows itself.
var asEventSource = []string{"Accept: text/event-stream", "Cache-Control: no-cache"}

// next is the stream's next event, which has to come.
func next(t testing.TB, d *testkit.Decoder) testkit.Event {
	t.Helper()
	e, err := d.Next()
	if err != nil {
		t.Fatalf("next event: %v", err)
	}
	return e
}

// handler makes a handler of a callback.
func handler(o Options, fn func(*Writer) error) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) { Serve(ctx, o, fn) }
}

// untilDone is a callback that only waits.
func untilDone(w *Writer) error {
	<-w.Context().Done()
	return nil
}

// isCut reports whether err, from reading a body, says that its end is missing.
func isCut(err error) bool {
	return err != nil && strings.Contains(err.Error(), "unexpected EOF")
}

// must returns a writer that NewWriter does not refuse.
func must(w *Writer, err error) *Writer {
	if err != nil {
		panic(err)
	}
	return w
}
