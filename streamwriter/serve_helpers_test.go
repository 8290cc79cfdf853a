package streamwriter

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/ssetest"
	"github.com/valyala/fasthttp"
)

const patience = 10 * time.Second // for what should happen at once

// eventually waits until the kernel or another goroutine has done something.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
		<-tick.C
	}
}

// receive takes one value that should be on its way.
func receive[T any](t testing.TB, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("not within %v: %s", patience, what)
		panic("unreachable")
	}
}

// awaitNoStreams waits until every stream has left the clock.
func awaitNoStreams(t testing.TB) {
	t.Helper()
	eventually(t, "all streams leave", func() bool {
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

// testLog keeps what is logged.
type testLog struct {
	mu    sync.Mutex // guards lines
	lines []string
}

func (l *testLog) Printf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

// count is how many lines hold all of words.
func (l *testLog) count(words ...string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, line := range l.lines {
		all := true
		for _, word := range words {
			all = all && strings.Contains(line, word)
		}
		if all {
			n++
		}
	}
	return n
}

// testServer is a fasthttp server on the loopback.
type testServer struct {
	*fasthttp.Server
	addr string
	tls  *tls.Config // nil: plaintext
	log  *testLog
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
	return startOn(t, h, set, &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}})
}

func startOn(t testing.TB, h fasthttp.RequestHandler, set func(*fasthttp.Server), conf *tls.Config) *testServer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &testServer{Server: &fasthttp.Server{Handler: h}, addr: ln.Addr().String(), tls: conf, log: &testLog{}, t: t}
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
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.ShutdownWithContext(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := receive(t, "Serve returns", served); err != nil {
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
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
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
func (c *testClient) get(headers ...string) (*ssetest.Decoder, *http.Response) {
	c.t.Helper()
	resp := c.request("GET / HTTP/1.1", headers...)
	return ssetest.NewDecoder(resp.Body), resp
}

// next is the stream's next event, which has to come.
func next(t testing.TB, d *ssetest.Decoder) ssetest.Event {
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

func selfSigned(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
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
