package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// running is a call of Run that is under way.
type running struct {
	t    *testing.T
	hub  *server.Hub
	url  string
	stop context.CancelFunc
	done chan error
	log  *testLog
}

// startRun calls Run with a hub at /events, /publish, and /report, which is of generate, as is
// /moved, behind middleware that reads bodies.
func startRun(t *testing.T, o server.RunOptions, c server.Config, generate func(*streamwriter.Writer) error) *running {
	t.Helper()
	r := &running{t: t, log: &testLog{}, done: make(chan error, 1)}
	c.Logger = r.log
	hub, err := server.New(c)
	if err != nil {
		t.Fatal(err)
	}
	r.hub = hub
	routes := router.New()
	hub.Mount(routes, server.MountOptions{Publish: server.PublishOptions{AllowAnyone: true}})
	report := func(ctx *fasthttp.RequestCtx) {
		streamwriter.Serve(ctx, streamwriter.Options{Logger: r.log, Retry: 50 * time.Millisecond}, generate)
	}
	routes.GET("/report", report)
	routes.GET("/moved", func(ctx *fasthttp.RequestCtx) { report(ctx); ctx.Response.Body() })
	listening := make(chan net.Addr, 1)
	o.Hub, o.Handler, o.Logger = hub, routes.Handler, r.log
	o.Addr = "127.0.0.1:0"
	o.Listening = func(a net.Addr) { listening <- a }
	ctx, cancel := context.WithCancel(t.Context())
	r.stop = cancel
	go func() { r.done <- server.Run(ctx, o) }()
	r.url = "http://" + testkit.Receive(t, "it listens", listening).String()
	return r
}

// get returns the status and the body of an answer that ends.
func (r *running) get(path string) (status int, body string) {
	r.t.Helper()
	res, err := http.Get(r.url + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) { // a stream that is to come back may be cut
		r.t.Fatal(err)
	}
	probe := path == "/healthz" || path == "/readyz"
	if stored := res.Header.Get("Cache-Control") != "no-store"; probe && stored {
		r.t.Errorf("%s: %d, which caches may store", path, res.StatusCode)
	}
	return res.StatusCode, string(b)
}

// open opens a stream and reads its first line, a comment.
func (r *running) open(path string) (*bufio.Reader, net.Conn) {
	r.t.Helper()
	return r.openBy("HTTP/1.1", path)
}

// openBy is open with a protocol.
func (r *running) openBy(proto, path string) (*bufio.Reader, net.Conn) {
	r.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(conn, "GET %s %s\r\nHost: x\r\nAccept: text/event-stream\r\nCache-Control: no-cache\r\n\r\n", path, proto)
	b := bufio.NewReader(conn)
	for line := ""; line != ": .\n"; {
		if line, err = b.ReadString('\n'); err != nil {
			r.t.Fatal(err)
		}
	}
	return b, conn
}

// ends waits until Run has returned, and returns its error.
func (r *running) ends() error {
	r.t.Helper()
	return testkit.Receive(r.t, "Run returns", r.done)
}

func TestRunServesAndReturnsWhenItIsToldTo(t *testing.T) {
	t.Parallel()
	r := startRun(t, server.RunOptions{}, server.Config{}, nil)
	if status, _ := r.get("/healthz"); status != 200 {
		t.Errorf("/healthz: %d", status)
	}
	if status, _ := r.get("/readyz"); status != 200 {
		t.Errorf("/readyz: %d", status)
	}
	if status, _ := r.get("/nothing"); status != 404 {
		t.Errorf("/nothing: %d, want the router's 404", status)
	}
	stream, conn := r.open("/events?topic=a")
	if _, err := r.hub.Publish("a", streamwriter.Event{Data: []byte("the last")}); err != nil {
		t.Fatal(err)
	}
	r.stop()
	rest, err := io.ReadAll(stream)
	conn.Close()
	if err != nil || !strings.Contains(string(rest), "the last") || strings.Count(string(rest), "retry: ") != 2 {
		t.Errorf("the stream's rest: %q, %v; want the event, and a new reconnection time", rest, err)
	}
	if err := r.ends(); err != nil {
		t.Error(err)
	}
	if _, err := http.Get(r.url + "/healthz"); err == nil {
		t.Error("it still serves")
	}
	if _, err := r.hub.Publish("a", streamwriter.Event{}); !errors.Is(err, server.ErrClosed) {
		t.Errorf("the hub is not closed: %v", err)
	}
}

// generation writes a part, waits for go on, and writes the rest.
type generation struct {
	began, goOn chan struct{}
	drained     bool // Draining was closed, and the Context not done, when it went on
}

func newGeneration() *generation {
	return &generation{began: make(chan struct{}), goOn: make(chan struct{})}
}

func (g *generation) run(w *streamwriter.Writer) error {
	if err := w.SendString("", "a part"); err != nil {
		return err
	}
	close(g.began)
	<-w.Draining()
	<-g.goOn
	g.drained = w.Context().Err() == nil
	return w.SendString("", "the rest")
}

func TestRunLetsAGenerationFinish(t *testing.T) {
	t.Parallel()
	g := newGeneration()
	r := startRun(t, server.RunOptions{Grace: patience}, server.Config{}, g.run)
	stream, _ := r.open("/report")
	testkit.Receive(t, "it begins", g.began)
	r.stop()
	testkit.Eventually(t, "the server is not ready", func() bool { status, _ := r.get("/readyz"); return status == 503 })
	if status, body := r.get("/healthz"); status != 200 {
		t.Errorf("/healthz while it drains: %d %q", status, body)
	}
	for _, path := range []string{"/events?topic=a", "/report"} { // newcomers
		if status, body := r.get(path); status != 200 || !strings.Contains(body, "retry: ") || strings.Contains(body, "data") {
			t.Errorf("%s while it drains: %d %q, want 200, a reconnection time and the end", path, status, body)
		}
	}
	if status, _ := r.get("/nothing"); status != 404 {
		t.Errorf("other requests while it drains: %d", status)
	}
	close(g.goOn)
	rest, err := io.ReadAll(stream)
	if err != nil || !strings.Contains(string(rest), "data: the rest") || !strings.HasSuffix(string(rest), "0\r\n\r\n") {
		t.Errorf("the generation's rest: %q, %v; want it whole, and the last chunk", rest, err)
	}
	if err := r.ends(); err != nil {
		t.Error(err)
	}
	if !g.drained {
		t.Error("its Context was done before it had finished")
	}
}

// inTime calls try up to three times until it returns nil. A machine that is too busy may
// take longer than a grace has; one that is not must not.
func inTime(t *testing.T, try func() error) {
	t.Helper()
	var errs []error
	for range 3 {
		err := try()
		if err == nil {
			return
		}
		errs = append(errs, err)
	}
	t.Errorf("three times: %v", errors.Join(errs...))
}

func TestRunEndsWhatDoesNotEndByItself(t *testing.T) {
	t.Parallel()
	inTime(t, func() error {
		r := startRun(t, server.RunOptions{Grace: time.Second}, server.Config{}, func(w *streamwriter.Writer) error {
			<-w.Context().Done()
			return nil
		})
		stream, conn := r.open("/report")
		r.stop()
		err := r.ends()
		if err == nil || !strings.Contains(err.Error(), "1 streams had not finished") || !strings.Contains(err.Error(), "grace period") {
			t.Errorf("Run returned %v, want what had not finished", err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(time.Second))
		rest, err := io.ReadAll(stream)
		if err != nil || strings.Count(string(rest), "retry: ") != 2 {
			return fmt.Errorf("its rest: %q, %w; want a new reconnection time", rest, err)
		}
		return nil
	})
}

// Run must return in time although readers take nothing.
func TestRunReturnsWithinItsGraceWhateverReadersDo(t *testing.T) {
	t.Parallel()
	inTime(t, func() error { return runWithStalledReaders(t, 2*time.Second) })
}

// runWithStalledReaders returns an error if Run takes longer than its grace.
func runWithStalledReaders(t *testing.T, grace time.Duration) error {
	t.Helper()
	r := startRun(t, server.RunOptions{Grace: grace}, server.Config{SendBuffer: 4096}, nil)
	for range 10 {
		_, conn := r.open("/events?topic=a")
		if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
			t.Fatal(err)
		}
	}
	block := make([]byte, 60_000)
	for range 50 { // more than the kernel takes for readers that read nothing
		if _, err := r.hub.Publish("a", streamwriter.Event{Data: block}); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	r.stop()
	err := r.ends()
	took := time.Since(start)
	if err == nil || !strings.Contains(err.Error(), "10 streams had not taken everything") {
		t.Errorf("Run returned %v, want how many streams were cut", err)
	}
	if took > grace {
		return fmt.Errorf("Run took %v of a grace of %v", took, grace)
	}
	return nil
}

func TestRunWaitsUntilClientsHaveTheLastBytes(t *testing.T) {
	t.Parallel()
	r := startRun(t, server.RunOptions{Grace: patience}, server.Config{}, nil)
	_, conn := r.open("/events?topic=a")
	r.stop()
	r.hub.Drain(timeout(t, patience))
	time.Sleep(200 * time.Millisecond) // the client takes its time, and Run must not have returned
	select {
	case err := <-r.done:
		t.Fatalf("Run returned (%v) before the client had closed", err)
	default:
	}
	conn.Close()
	if err := r.ends(); err != nil {
		t.Error(err)
	}
}

// uncounted are requests whose streams fasthttp does not count as open connections.
var uncounted = [][2]string{{"HTTP/1.0", "/report"}, {"HTTP/1.1", "/moved"}}

func TestRunWaitsForStreamsThatEndWithTheirContext(t *testing.T) {
	t.Parallel()
	for _, q := range uncounted {
		inTime(t, func() error {
			ended := make(chan struct{})
			r := startRun(t, server.RunOptions{Grace: 2 * time.Second}, server.Config{}, func(w *streamwriter.Writer) error {
				<-w.Context().Done()
				time.Sleep(50 * time.Millisecond) // it has something to do
				close(ended)
				return nil
			})
			_, conn := r.openBy(q[0], q[1])
			r.stop()
			go func() { _, _ = io.Copy(io.Discard, conn); conn.Close() }()
			if err := r.ends(); err == nil || !strings.Contains(err.Error(), "1 streams had not finished") {
				t.Errorf("%s: Run returned %v, want what had not finished", q, err)
			}
			select {
			case <-ended:
				return nil
			default:
				return fmt.Errorf("%s: Run returned before the callback, which ends with its Context", q)
			}
		})
	}
}

func TestRunWaitsUntilClientsHaveTheLastBytesOfAGeneration(t *testing.T) {
	t.Parallel()
	for _, q := range uncounted {
		r := startRun(t, server.RunOptions{Grace: patience}, server.Config{}, func(w *streamwriter.Writer) error {
			<-w.Draining()
			return w.SendString("", "the rest")
		})
		stream, conn := r.openBy(q[0], q[1])
		r.stop()
		for line := ""; !strings.Contains(line, "the rest"); {
			var err error
			if line, err = stream.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(100 * time.Millisecond) // the client takes its time, and Run must not have returned
		select {
		case err := <-r.done:
			t.Fatalf("%s: Run returned (%v) before the client had closed", q, err)
		default:
		}
		conn.Close()
		if err := r.ends(); err != nil {
			t.Error(err)
		}
	}
}

// A hub may have a second server, which goes on.
func TestRunDoesNotWaitForClientsOfAnotherServer(t *testing.T) {
	t.Parallel()
	const grace = 24 * time.Second
	r := startRun(t, server.RunOptions{Grace: grace}, server.Config{}, nil)
	ln, dial := listenTCP(t)
	other := &fasthttp.Server{Handler: r.hub.SubscribeHandler(server.SubscribeOptions{})}
	go other.Serve(ln)
	t.Cleanup(func() { ln.Close() })
	r.open("/events?topic=a") // its client does not close, either
	start := time.Now()
	r.stop()
	for err := errors.New("not yet"); err != nil; {
		conn, dialErr := dial() // its client never closes
		if dialErr != nil {
			t.Fatal(dialErr)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET /?topic=a HTTP/1.1\r\nHost: x\r\n\r\n")
		select {
		case err = <-r.done:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(100 * time.Millisecond):
		}
	}
	if took := time.Since(start); took > grace/2 {
		t.Errorf("Run took %v, while clients kept coming to another server", took)
	}
}

func TestRunSaysWhatIsWrong(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	handler := func(*fasthttp.RequestCtx) {}
	for want, o := range map[string]server.RunOptions{
		"Handler is missing":     {},
		"Grace (8ns) is below":   {Handler: handler, Grace: 8},
		"RunOptions.Addr gives":  {Handler: handler, Addr: "8080"},
		"70000 is not a port":    {Handler: handler, Addr: ":70000"},
		taken.Addr().String():    {Handler: handler, Addr: taken.Addr().String()},
		"closed network connect": {Handler: handler, Listener: closedListener(t)},
	} {
		done := make(chan error, 1)
		go func() { done <- server.Run(t.Context(), o) }()
		if err := testkit.Receive(t, "Run returns", done); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Run returned %v, want %q in it", err, want)
		}
	}
}

func closedListener(t *testing.T) net.Listener {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	return ln
}

func TestRunListensWhereTheEnvironmentSays(t *testing.T) {
	for _, c := range []struct{ name, lambda, port, want string }{
		{"PORT", "", "0", "[::]:"},
		{"web function", "127.0.0.1:0", "1", "127.0.0.1:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("AWS_LAMBDA_HTTP_ENDPOINT", c.lambda)
			t.Setenv("PORT", c.port)
			listening := make(chan net.Addr, 1)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() {
				done <- server.Run(ctx, server.RunOptions{
					Handler: func(*fasthttp.RequestCtx) {}, Listening: func(a net.Addr) { listening <- a }, Logger: &testLog{},
				})
			}()
			if got := testkit.Receive(t, "it listens", listening).String(); !strings.HasPrefix(got, c.want) {
				t.Errorf("it listens on %s, want %s…", got, c.want)
			}
			cancel()
			if err := testkit.Receive(t, "Run returns", done); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestReadyAsksTheApplication(t *testing.T) {
	t.Parallel()
	r := startRun(t, server.RunOptions{Ready: func() error { return errors.New("no database: secret-host") }}, server.Config{}, nil)
	status, body := r.get("/readyz")
	if status != 503 || strings.Contains(body, "secret") {
		t.Errorf("/readyz: %d %q, want 503 without the error's text", status, body)
	}
	if !r.log.has("no database") {
		t.Error("the error is not logged")
	}
	r.stop()
	if err := r.ends(); err != nil {
		t.Error(err)
	}
}
