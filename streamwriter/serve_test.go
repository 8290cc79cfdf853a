package streamwriter

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"
)

func TestTheFirstBytesPrecedeTheFirstEvent(t *testing.T) {
	release := make(chan struct{})
	s := start(t, handler(Options{Retry: 2 * time.Second}, func(w *Writer) error {
		<-release
		return w.SendString("t", "a")
	}), nil)
	resp := s.dial().request("GET / HTTP/1.1")
	for name, want := range map[string]string{
		"Content-Type": "text/event-stream", "Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no",
	} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	const opening = ": .\nretry: 2000\n"
	first := make([]byte, len(opening))
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != opening {
		t.Fatalf("first bytes %q, %v", first, err)
	}
	close(release)
	if rest, err := io.ReadAll(resp.Body); err != nil || string(rest) != "event: t\ndata: a\n\n" {
		t.Errorf("rest %q, %v", rest, err)
	}
}

func TestHTTP10GetsIdentityAndTheEndOfTheConnection(t *testing.T) {
	for _, keep := range []bool{false, true} {
		s := start(t, func(ctx *fasthttp.RequestCtx) {
			Serve(ctx, Options{}, func(w *Writer) error { return w.SendString("", "a") })
			ctx.Response.Header.Set("Access-Control-Allow-Origin", "*") // outer middleware
			ctx.Response.Header.Set("Content-Encoding", "br")
		}, func(s *fasthttp.Server) { s.KeepHijackedConns = keep })
		c := s.dial()
		if _, err := c.Write([]byte("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		all, err := io.ReadAll(c.r)
		if err != nil {
			t.Fatalf("KeepHijackedConns=%v: %v", keep, err)
		}
		head, body, _ := strings.Cut(string(all), "\r\n\r\n")
		if body != ": .\nretry: 3000\ndata: a\n\n" {
			t.Errorf("body %q", body)
		}
		if !strings.HasPrefix(head, "HTTP/1.1 200 OK\r\n") ||
			!strings.Contains(head, "\r\nConnection: close") ||
			!strings.Contains(head, "\r\nAccess-Control-Allow-Origin: *") {
			t.Errorf("head %q", head)
		}
		for _, wrong := range []string{"Transfer-Encoding", "Content-Length", "Content-Encoding", "keep-alive"} {
			if strings.Contains(head, wrong) {
				t.Errorf("head says %s: %q", wrong, head)
			}
		}
	}
}

func TestHTTP10StreamsEndWithTheirClient(t *testing.T) {
	causes := make(chan error, 1)
	s := start(t, handler(Options{Heartbeat: time.Second}, func(w *Writer) error {
		_ = w.SendString("", "a")
		<-w.Context().Done()
		causes <- context.Cause(w.Context())
		return nil
	}), nil)
	c := s.dial()
	next(t, testkit.NewDecoder(c.request("GET / HTTP/1.0").Body))
	c.Close()
	if cause := testkit.Receive(t, "the stream ends", causes); !errors.Is(cause, ErrClientGone) {
		t.Errorf("cause %v", cause)
	}
}

func TestHEADHasNoBodyAndKeepsTheConnection(t *testing.T) {
	h := handler(Options{}, func(w *Writer) error { return w.SendString("", "a") })
	for name, h := range map[string]fasthttp.RequestHandler{"plain": h, "compressed": fasthttp.CompressHandler(h)} {
		t.Run(name, func(t *testing.T) {
			c := start(t, h, nil).dial()
			for range 2 {
				resp := c.request("HEAD / HTTP/1.1", "Accept-Encoding: gzip")
				if resp.Header.Get("Content-Type") != "text/event-stream" || resp.ContentLength >= 0 {
					t.Errorf("headers %v, length %d", resp.Header, resp.ContentLength)
				}
			}
			d, _ := c.get() // a stray byte would spoil its status line
			if events, err := d.All(); err != nil || len(events) != 1 {
				t.Errorf("GET after HEAD: %+v, %v", events, err)
			}
		})
	}
}

func TestCompressHandlerCompressesEachEventAtOnce(t *testing.T) {
	more := make(chan struct{})
	s := start(t, fasthttp.CompressHandler(handler(Options{Heartbeat: time.Hour}, func(w *Writer) error {
		for range 3 {
			if err := w.SendString("", strings.Repeat("tick ", 100)); err != nil {
				return err
			}
			<-more
		}
		return nil
	})), nil)
	c := s.dial()
	for range 2 { // twice on one connection
		resp := c.request("GET / HTTP/1.1", "Accept-Encoding: gzip")
		if resp.Header.Get("Content-Encoding") != "gzip" {
			t.Fatalf("headers %v", resp.Header)
		}
		z, err := gzip.NewReader(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		d := testkit.NewDecoder(z)
		for range 3 {
			if e := next(t, d); e.Data != strings.Repeat("tick ", 100) {
				t.Errorf("got %+v", e)
			}
			more <- struct{}{}
		}
		if events, err := d.All(); err != nil || len(events) != 0 {
			t.Errorf("end: %+v, %v", events, err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Error(err)
		}
	}
}

func TestACompressedStreamEndsWithItsClient(t *testing.T) {
	causes := make(chan error, 1)
	s := start(t, fasthttp.CompressHandler(handler(Options{Heartbeat: 100 * time.Millisecond}, func(w *Writer) error {
		_ = w.SendString("", "a")
		<-w.Context().Done()
		causes <- context.Cause(w.Context())
		return errors.New("client gone")
	})), func(s *fasthttp.Server) { s.MaxConnsPerIP = 100 }) // whose connections are used again
	for range 20 {
		c := s.dial()
		resp := c.request("GET / HTTP/1.1", "Accept-Encoding: gzip")
		if _, err := resp.Body.Read(make([]byte, 1)); err != nil { // the callback will run
			t.Fatal(err)
		}
		c.Close()
		if cause := testkit.Receive(t, "the stream ends", causes); !errors.Is(cause, ErrClientGone) {
			t.Errorf("cause %v", cause)
		}
	}
	if s.log.Count("stream cut") != 0 {
		t.Error("a client that left was logged")
	}
}

// fasthttp gives the connection and the request to others when it has done with
// a response: the callback, which runs elsewhere here, must have ended before.
func TestACompressedStreamEndsBeforeItsConnectionIsReused(t *testing.T) {
	var running atomic.Int32
	inside := make(chan struct{}, 1)
	s := start(t, fasthttp.CompressHandler(handler(Options{WriteTimeout: 50 * time.Millisecond}, func(w *Writer) error {
		running.Store(1)
		inside <- struct{}{}
		junk := make([]byte, 1<<20)
		for i := range junk {
			junk[i] = byte(i * i >> 7 * 31) // does not compress to nothing
		}
		for w.Send(Event{Data: junk}) == nil {
		}
		<-w.Context().Done()
		running.Store(0)
		return nil
	})), func(s *fasthttp.Server) {
		s.ConnState = func(_ net.Conn, state fasthttp.ConnState) {
			if state == fasthttp.StateClosed && running.Load() != 0 {
				t.Error("the connection was closed under a running callback")
			}
		}
	})
	c := s.dial()
	c.request("GET / HTTP/1.1", "Accept-Encoding: gzip") // and reads no more
	testkit.Receive(t, "the callback runs", inside)
	awaitNoStreams(t)
}

func TestAResponseThatIsReplacedRunsNoCallback(t *testing.T) {
	var ran atomic.Bool
	s := start(t, func(ctx *fasthttp.RequestCtx) {
		Serve(ctx, Options{}, func(*Writer) error { ran.Store(true); return nil })
		ctx.Error("no", fasthttp.StatusForbidden) // outer middleware's last word
	}, nil)
	resp := s.dial().request("GET / HTTP/1.1")
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "no" || resp.StatusCode != 403 || ran.Load() {
		t.Errorf("%d %q, %v, ran: %v", resp.StatusCode, body, err, ran.Load())
	}
}

// departures are the ways a client leaves.
var departures = []struct {
	name  string
	leave func(c *net.TCPConn)
}{
	{"FIN", func(c *net.TCPConn) { c.Close() }},
	{"RST", func(c *net.TCPConn) { c.SetLinger(0); c.Close() }},
	{"HalfClose", func(c *net.TCPConn) { c.CloseWrite() }},
}

// takesAtMost fails the test if what is asked for takes longer than most three times: a busy machine
// may be late once.
func takesAtMost(t *testing.T, most time.Duration, took func() time.Duration) {
	t.Helper()
	var all []time.Duration
	for range 3 {
		all = append(all, took())
		if all[len(all)-1] <= most {
			return
		}
	}
	t.Errorf("took %v, want %v at most", all, most)
}

// The callback never writes, and heartbeats are far away.
func TestContextEndsWithin100msOf(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("promised on Linux only: elsewhere the next heartbeat tells")
	}
	type ended struct {
		at    time.Time
		cause error
	}
	ends := make(chan ended, 1)
	h := handler(Options{Heartbeat: time.Hour}, func(w *Writer) error {
		<-w.Context().Done()
		ends <- ended{time.Now(), context.Cause(w.Context())}
		return nil
	})
	perIP := func(s *fasthttp.Server) { s.MaxConnsPerIP = 10 }
	servers := map[string]*testServer{
		"Plaintext":             start(t, h, nil),
		"TLS":                   startTLS(t, h, nil),
		"MaxConnsPerIP":         start(t, h, perIP),
		"TLSWithMaxConnsPerIP":  startTLS(t, h, perIP),
		"Compressed":            start(t, fasthttp.CompressHandler(h), nil),
		"CompressedTLSAndPerIP": startTLS(t, fasthttp.CompressHandler(h), perIP),
		"BodyRead":              start(t, readingBody(t, h), nil),
		"BodyReadTLSAndPerIP":   startTLS(t, readingBody(t, h), perIP),
	}
	for name, s := range servers {
		for _, d := range departures {
			t.Run(d.name+"/"+name, func(t *testing.T) {
				takesAtMost(t, 100*time.Millisecond, func() time.Duration {
					c := s.dial()
					_, resp := c.get("Accept-Encoding: gzip")
					if _, err := resp.Body.Read(make([]byte, 1)); err != nil { // the stream is open
						t.Fatal(err)
					}
					left := time.Now()
					d.leave(c.tcp)
					end := testkit.Receive(t, "the Context ends", ends)
					if !errors.Is(end.cause, ErrClientGone) {
						t.Errorf("cause %v", end.cause)
					}
					return end.at.Sub(left)
				})
			})
		}
	}
}

// A write that waits for a client which does not read ends with the client.
func TestABlockedWriteEndsWithItsClient(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("promised on Linux only")
	}
	for _, d := range departures {
		t.Run(d.name, func(t *testing.T) {
			ended := make(chan error, 1)
			var sent atomic.Int64
			s := start(t, handler(Options{WriteTimeout: time.Hour}, func(w *Writer) error {
				data := make([]byte, 1<<20)
				for {
					if err := w.Send(Event{Data: data}); err != nil {
						ended <- err
						return err
					}
					sent.Add(1)
				}
			}), nil)
			c := s.dial()
			c.get()
			awaitStandstill(t, &sent)
			d.leave(c.tcp)
			if err := testkit.Receive(t, "the write ends", ended); !errors.Is(err, ErrClientGone) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// awaitStandstill waits until n has grown, and then not for 100 ms.
func awaitStandstill(t testing.TB, n *atomic.Int64) {
	t.Helper()
	last, since := int64(0), time.Now()
	testkit.Eventually(t, "the kernel takes no more", func() bool {
		if now := n.Load(); now != last {
			last, since = now, time.Now()
		}
		return last > 0 && time.Since(since) > 100*time.Millisecond
	})
}

func Test1000ClientsLeaveNoGoroutine(t *testing.T) {
	const n = 1000
	var open atomic.Int32
	ended := make(chan time.Time, n)
	s := start(t, handler(Options{Heartbeat: time.Second}, func(w *Writer) error {
		open.Add(1)
		<-w.Context().Done()
		ended <- time.Now()
		return nil
	}), nil)
	clients := make([]*testClient, n)
	for i := range clients {
		clients[i] = s.dial()
		if _, err := clients[i].Write([]byte("GET / HTTP/1.1\r\nHost: test\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	testkit.Eventually(t, "all streams open", func() bool { return open.Load() == n })
	if got := streamGoroutines(); got < n {
		t.Errorf("%d goroutines, want at least one per stream: this test sees nothing", got)
	}
	late := 0
	for i, c := range clients {
		left := time.Now()
		departures[i%len(departures)].leave(c.tcp)
		if runtime.GOOS != "linux" {
			continue
		}
		if took := testkit.Receive(t, "its stream ends", ended).Sub(left); took > 100*time.Millisecond {
			late++
		}
	}
	if late > n/20 {
		t.Errorf("%d of %d streams ended later than 100 ms after their client", late, n)
	}
	testkit.Eventually(t, "no goroutine is left", func() bool { return streamGoroutines() == 0 })
}

func TestAPanicEndsThatStreamAlone(t *testing.T) {
	for name, wrap := range map[string]func(fasthttp.RequestHandler) fasthttp.RequestHandler{
		"plain":      func(h fasthttp.RequestHandler) fasthttp.RequestHandler { return h },
		"compressed": fasthttp.CompressHandler,
	} {
		t.Run(name, func(t *testing.T) {
			strike, finish := make(chan struct{}, 1), make(chan struct{})
			s := start(t, wrap(func(ctx *fasthttp.RequestCtx) {
				boom := string(ctx.QueryArgs().Peek("boom"))
				Serve(ctx, Options{}, func(w *Writer) error {
					if boom != "" {
						<-strike
						panic(boom)
					}
					<-finish
					return w.SendString("", "alive")
				})
			}), nil)
			good := s.dial()
			d, _ := good.get()
			for _, proto := range []string{"1.1", "1.0"} {
				c := s.dial()
				resp := c.request("GET /?boom=bang"+proto+" HTTP/"+proto, "Accept-Encoding: gzip")
				strike <- struct{}{}
				if _, err := io.ReadAll(resp.Body); proto == "1.1" && !isCut(err) {
					t.Errorf("HTTP/%s: got %v, want a cut response", proto, err)
				}
				testkit.Eventually(t, "the panic is logged, with its stack", func() bool {
					return s.log.Count("panic in the callback: bang"+proto, "serve_test.go") == 1
				})
			}
			close(finish)
			if e := next(t, d); e.Data != "alive" {
				t.Errorf("got %+v", e)
			}
		})
	}
}

// A panic is worth a line even if the stream was ending anyway.
func TestAPanicAfterTheEndIsLogged(t *testing.T) {
	s := start(t, handler(Options{MaxAge: time.Millisecond}, func(w *Writer) error {
		<-w.Context().Done()
		panic("late")
	}), nil)
	_, resp := s.dial().get()
	if _, err := io.ReadAll(resp.Body); !isCut(err) {
		t.Errorf("got %v, want a cut response", err)
	}
	if s.log.Count("late") != 1 {
		t.Error("not logged")
	}
}

func TestAnErrorCutsTheConnection(t *testing.T) {
	h := handler(Options{}, func(w *Writer) error {
		_ = w.SendString("", "half an answer")
		return errors.New("upstream failed")
	})
	for name, h := range map[string]fasthttp.RequestHandler{"plain": h, "compressed": fasthttp.CompressHandler(h)} {
		t.Run(name, func(t *testing.T) {
			s := start(t, h, nil)
			for i := range 10 {
				resp := s.dial().request("GET / HTTP/1.1", "Accept-Encoding: gzip")
				got, err := io.ReadAll(resp.Body)
				if !isCut(err) {
					t.Fatalf("got %v, want a body without its end", err)
				}
				if resp.Header.Get("Content-Encoding") == "" && !strings.HasSuffix(string(got), "data: half an answer\n\n") {
					t.Errorf("body %q", got)
				}
				if s.log.Count("stream cut: upstream failed") != i+1 {
					t.Error("not logged")
				}
			}
		})
	}
}

func TestACleanReturnKeepsTheConnection(t *testing.T) {
	release := make(chan struct{})
	s := start(t, func(ctx *fasthttp.RequestCtx) {
		if string(ctx.Path()) == "/other" {
			<-release
			ctx.SetBodyString("other")
			return
		}
		Serve(ctx, Options{WriteTimeout: 50 * time.Millisecond}, func(w *Writer) error { return w.SendString("", "a") })
	}, nil)
	c := s.dial()
	for range 3 {
		d, _ := c.get()
		if events, err := d.All(); err != nil || len(events) != 1 {
			t.Fatalf("got %+v, %v", events, err)
		}
	}
	// Nothing but time makes a deadline pass.
	time.AfterFunc(100*time.Millisecond, func() { close(release) })
	resp := c.request("GET /other HTTP/1.1")
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "other" {
		t.Errorf("after the stream's write deadline: %q, %v", body, err)
	}
}

// The write deadline of the last event may have passed when the callback
// returns: the last chunk has one of its own.
func TestACleanReturnAfterLongSilenceIsClean(t *testing.T) {
	s := start(t, handler(Options{WriteTimeout: 20 * time.Millisecond, Heartbeat: -1}, func(w *Writer) error {
		err := w.SendString("", "a")
		<-time.After(60 * time.Millisecond)
		return err
	}), nil)
	d, _ := s.dial().get()
	if events, err := d.All(); err != nil || len(events) != 1 {
		t.Errorf("got %+v, %v", events, err)
	}
}

func TestTheWriteDeadlineFreesAStreamWhoseReaderTakesNothing(t *testing.T) {
	ended := make(chan error, 1)
	s := start(t, handler(Options{WriteTimeout: 100 * time.Millisecond}, func(w *Writer) error {
		for {
			if err := w.Send(Event{Data: make([]byte, 1<<20)}); err != nil {
				ended <- err
				return err
			}
		}
	}), nil)
	s.dial().get() // and reads no more
	err := testkit.Receive(t, "the write ends", ended)
	var timeout net.Error
	if !errors.Is(err, ErrClientGone) || !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("got %v", err)
	}
}

func TestAStalledReaderDelaysNobodysHeartbeat(t *testing.T) {
	for name, begin := range map[string]func(testing.TB, fasthttp.RequestHandler, func(*fasthttp.Server)) *testServer{
		"plaintext": start, "TLS": startTLS,
	} {
		t.Run(name, func(t *testing.T) {
			const heartbeat = 10 * time.Millisecond
			var sent atomic.Int64
			s := begin(t, func(ctx *fasthttp.RequestCtx) {
				flood := ctx.QueryArgs().Has("flood")
				Serve(ctx, Options{Heartbeat: heartbeat, WriteTimeout: time.Hour}, func(w *Writer) error {
					// Small ones, so that the lock is free once the socket is full enough.
					for flood && sent.Load() < 1<<30 {
						if err := w.Send(Event{Data: make([]byte, 16<<10)}); err != nil {
							return err
						}
						sent.Add(1)
					}
					return untilDone(w)
				})
			}, nil)
			stalled := s.dial()
			stalled.request("GET /?flood HTTP/1.1")
			awaitStandstill(t, &sent)
			c := s.dial()
			_, resp := c.get()
			opening := make([]byte, len(": .\nretry: 3000\n"))
			if _, err := io.ReadFull(resp.Body, opening); err != nil {
				t.Fatal(err)
			}
			comments := make([]byte, len(": .\n")*20)
			if _, err := io.ReadFull(resp.Body, comments); err != nil || string(comments) != strings.Repeat(": .\n", 20) {
				t.Errorf("heartbeats %q, %v", comments, err)
			}
			stalled.tcp.Close()
			c.tcp.Close()
		})
	}
}

func TestHeartbeatsFindADeadClientWithoutAWatch(t *testing.T) {
	ln := fasthttputil.NewInmemoryListener() // has no descriptor to watch
	ended := make(chan error, 1)
	s := &fasthttp.Server{Logger: &testkit.Log{}, Handler: handler(Options{Heartbeat: 5 * time.Millisecond}, func(w *Writer) error {
		<-w.Context().Done()
		ended <- context.Cause(w.Context())
		return nil
	})}
	go s.Serve(ln)
	c, err := ln.Dial()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: test\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	var seen strings.Builder
	for buf := make([]byte, 64); strings.Count(seen.String(), ": .\n\r\n") < 3; { // chunks of heartbeats
		n, err := c.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		seen.Write(buf[:n])
	}
	c.Close()
	if cause := testkit.Receive(t, "the stream ends", ended); !errors.Is(cause, ErrClientGone) {
		t.Errorf("cause %v", cause)
	}
	if err := s.Shutdown(); err != nil {
		t.Error(err)
	}
	awaitNoStreams(t)
}

func TestTheServersWriteTimeoutDoesNotCutALiveStream(t *testing.T) {
	const timeout = 60 * time.Millisecond
	for name, o := range map[string]Options{"default": {}, "none": {WriteTimeout: -1}} {
		h := handler(o, func(w *Writer) error {
			for range 10 {
				if err := w.SendString("", "a"); err != nil {
					return err
				}
				<-time.After(timeout / 4)
			}
			return nil
		})
		for path, h := range map[string]fasthttp.RequestHandler{"plain": h, "compressed": fasthttp.CompressHandler(h)} {
			t.Run(name+"/"+path, func(t *testing.T) {
				s := start(t, h, func(s *fasthttp.Server) { s.WriteTimeout = timeout })
				resp := s.dial().request("GET / HTTP/1.1", "Accept-Encoding: gzip")
				body := io.Reader(resp.Body)
				if path == "compressed" {
					z, err := gzip.NewReader(resp.Body)
					if err != nil {
						t.Fatal(err)
					}
					body = z
				}
				if events, err := testkit.NewDecoder(body).All(); err != nil || len(events) != 10 {
					t.Errorf("%d events, %v", len(events), err)
				}
			})
		}
	}
}

func TestServerShutdownEndsStreams(t *testing.T) {
	const n = 20
	causes := make(chan error, n)
	h := handler(Options{Retry: time.Second}, func(w *Writer) error {
		_ = w.SendString("", "a")
		<-w.Context().Done()
		causes <- context.Cause(w.Context())
		return context.Cause(w.Context())
	})
	s := start(t, h, nil)
	var streams []*testkit.Decoder
	for range n {
		d, _ := s.dial().get(asEventSource...)
		next(t, d)
		streams = append(streams, d)
	}
	http10 := testkit.NewDecoder(s.dial().request("GET / HTTP/1.0").Body)
	next(t, http10)
	done := make(chan error, 1)
	go func() { done <- s.Shutdown() }()
	for range n {
		if cause := testkit.Receive(t, "a stream ends", causes); cause != ErrServerShutdown {
			t.Errorf("cause %v", cause)
		}
	}
	retries := make(map[string]bool)
	for _, d := range append(streams, http10) {
		if events, err := d.All(); err != nil || len(events) != 0 {
			t.Errorf("end: %+v, %v", events, err)
		}
		if len(d.Retry) != 4 || d.Retry < "1000" || d.Retry >= "2000" {
			t.Errorf("retry %q", d.Retry)
		}
		retries[d.Retry] = true
	}
	if len(retries) < n/2 {
		t.Errorf("%d different reconnection times for %d streams", len(retries), n)
	}
	if err := testkit.Receive(t, "Shutdown returns", done); err != nil {
		t.Error(err)
	}
	if s.log.Count("streamwriter") != 0 {
		t.Error("a shutdown was logged as a failure")
	}
	testkit.Eventually(t, "no goroutine is left", func() bool { return streamGoroutines() == 0 })
}

func TestMaxAgeEndsAnEventSourcesResponseCleanly(t *testing.T) {
	s := start(t, handler(Options{MaxAge: 30 * time.Millisecond, Retry: time.Second}, func(w *Writer) error {
		for {
			if err := w.SendString("", "a"); err != nil {
				return err
			}
			<-time.After(time.Millisecond)
		}
	}), nil)
	c := s.dial()
	for range 2 { // the connection lives on
		d, _ := c.get(asEventSource...)
		events, err := d.All()
		if err != nil || len(events) == 0 || d.Retry == "1000" || len(d.Retry) != 4 {
			t.Errorf("%d events, retry %q, %v", len(events), d.Retry, err)
		}
	}
}

func TestSendJSONFailureEndsNothing(t *testing.T) {
	s := start(t, handler(Options{}, func(w *Writer) error {
		if err := w.SendJSON(Event{Type: "t"}, func() {}); err == nil {
			return errors.New("a function was sent")
		}
		return w.SendJSON(Event{Type: "t"}, "next")
	}), nil)
	d, _ := s.dial().get()
	if events, err := d.All(); err != nil || len(events) != 1 || events[0].Data != `"next"` {
		t.Errorf("got %+v, %v", events, err)
	}
}

func TestLastEventIDComesFromTheHeaderThenTheQuery(t *testing.T) {
	s := start(t, func(ctx *fasthttp.RequestCtx) {
		o := Options{LastEventID: string(ctx.QueryArgs().Peek("set"))}
		Serve(ctx, o, func(w *Writer) error { return w.SendString("", w.LastEventID()) })
	}, nil)
	tests := []struct {
		path, header, want string
	}{
		{"/", "", ""},
		{"/", "h", "h"},
		{"/?lastEventId=q", "", "q"},
		{"/?lastEventId=q", "h", "h"},
		{"/?lastEventId=a%20b", "", "a b"},
		{"/?set=s&lastEventId=q", "h", "s"},
	}
	c := s.dial()
	for _, tt := range tests {
		resp := c.request("GET "+tt.path+" HTTP/1.1", "Last-Event-ID: "+tt.header)
		d := testkit.NewDecoder(resp.Body)
		if events, err := d.All(); err != nil || len(events) != 1 || events[0].Data != tt.want {
			t.Errorf("%s, header %q: got %+v, %v, want %q", tt.path, tt.header, events, err, tt.want)
		}
	}
}

func TestMisconfigurationIsAnswered500AndLogged(t *testing.T) {
	s := start(t, handler(Options{Retry: time.Microsecond}, untilDone), nil)
	resp := s.dial().request("GET / HTTP/1.1")
	if resp.StatusCode != http.StatusInternalServerError || s.log.Count("Options.Retry", "at least 1ms") != 1 {
		t.Errorf("status %d, log %q", resp.StatusCode, s.log)
	}
}

// A goroutine that the callback left behind must not write into the next
// response on the connection.
func TestSendsAfterTheCallbackAreRefused(t *testing.T) {
	writers := make(chan *Writer, 1)
	var wg sync.WaitGroup
	s := start(t, handler(Options{}, func(w *Writer) error {
		for range 4 {
			wg.Go(func() {
				for w.SendString("", "a") == nil {
				}
			})
		}
		select {
		case writers <- w:
		default:
		}
		return nil
	}), nil)
	c := s.dial()
	for range 20 {
		d, _ := c.get()
		if _, err := d.All(); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	if err := (<-writers).SendString("", "late"); err != ErrClosed {
		t.Errorf("got %v", err)
	}
}

func TestCloseInTheCallbackEndsTheStreamCleanly(t *testing.T) {
	s := start(t, handler(Options{}, func(w *Writer) error {
		_ = w.SendString("", "a")
		return w.Close()
	}), nil)
	d, _ := s.dial().get()
	if events, err := d.All(); err != nil || len(events) != 1 || d.Retry != "3000" {
		t.Errorf("%+v, retry %q, %v", events, d.Retry, err)
	}
}
