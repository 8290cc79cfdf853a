// Package exampletest runs the examples for their tests, over real sockets.
package exampletest

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/valyala/fasthttp"
)

// Server is one life of a server: what listens at its address afterwards is
// another one.
type Server struct {
	URL  string
	Addr string

	server *fasthttp.Server
	ln     *listener
	ended  chan struct{} // closed when Serve has returned
}

// Serve serves h at addr until Stop or Kill, or the end of the test. An empty
// addr is any free port.
func Serve(t testing.TB, addr string, h fasthttp.RequestHandler) *Server {
	t.Helper()
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{
		Addr:   ln.Addr().String(),
		URL:    "http://" + ln.Addr().String(),
		server: &fasthttp.Server{Handler: h},
		ln:     &listener{Listener: ln},
		ended:  make(chan struct{}),
	}
	go func() {
		defer close(s.ended)
		_ = s.server.Serve(s.ln)
	}()
	t.Cleanup(s.Kill)
	return s
}

// Stop ends the server as SIGTERM would: streams get their farewell. Then it
// closes what a browser keeps open without need.
func (s *Server) Stop() {
	go func() { _ = s.server.Shutdown() }()
	<-s.ended
	time.Sleep(50 * time.Millisecond) // the farewell is on its way
	s.Kill()
}

// Kill ends the server as SIGKILL would: every connection is cut.
func (s *Server) Kill() {
	_ = s.ln.Close()
	s.ln.cut()
	<-s.ended
}

// listener remembers the connections that it gave away.
type listener struct {
	net.Listener

	mu    sync.Mutex // guards conns
	conns []net.Conn
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns = append(l.conns, c)
	return c, nil
}

func (l *listener) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		_ = c.(*net.TCPConn).SetLinger(0) // a reset, not a polite end
		_ = c.Close()
	}
	l.conns = nil
}

// Do sends a request with headers given as "Name: value", and returns the
// answer, whose body ends with the test.
func Do(t testing.TB, method, url string, headers ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

// HeadAlone fails the test unless url answers HEAD with 200, this content type, and
// not a byte after the headers.
func HeadAlone(t testing.TB, url, contentType string) {
	t.Helper()
	addr, path, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	// Not by net/http, which hides what comes after the headers.
	fmt.Fprintf(conn, "HEAD /%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, addr)
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Errorf("HEAD %s: %v after %q; want an answer that ends", url, err, answer)
		return
	}
	head, rest, whole := strings.Cut(string(answer), "\r\n\r\n")
	if !strings.HasPrefix(head, "HTTP/1.1 200 ") || !strings.Contains(head+"\r\n", "\r\nContent-Type: "+contentType+"\r\n") {
		t.Errorf("HEAD %s: %q; want 200 and %s", url, head, contentType)
	}
	if !whole || rest != "" {
		t.Errorf("HEAD %s: %q after the headers; want nothing", url, rest)
	}
}

// Stream opens a stream, as an EventSource does, and returns its decoder.
func Stream(t testing.TB, url string, headers ...string) *testkit.Decoder {
	t.Helper()
	res := Do(t, http.MethodGet, url, append([]string{"Accept: text/event-stream", "Cache-Control: no-cache", "User-Agent: an EventSource"}, headers...)...)
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("GET %s: %s, %q", url, res.Status, res.Header.Get("Content-Type"))
	}
	return testkit.NewDecoder(res.Body)
}

// Next reads the next n events of d.
func Next(t testing.TB, d *testkit.Decoder, n int) []testkit.Event {
	t.Helper()
	var events []testkit.Event
	for len(events) < n {
		e, err := d.Next()
		if err != nil {
			t.Fatalf("after %d of %d events: %v", len(events), n, err)
		}
		events = append(events, e)
	}
	return events
}

// Main is what TestMain of a program calls, so that [Command] can run it.
func Main(m *testing.M, main func()) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const asProgram = "EXAMPLETEST_RUN_MAIN"

// Command is the program under test as a process of its own, with these
// arguments and "NAME=value" for its environment.
func Command(t testing.TB, env []string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(append(os.Environ(), asProgram+"=1"), env...)
	return cmd
}
