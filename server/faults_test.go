package server_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"net/textproto"
	"runtime"
	"testing"
	"time"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// A client that resets while half an event is in its buffers frees its stream,
// and the others get everything.
func TestResetInsideAnEventHarmsNobody(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{Retention: []server.Retention{{Topics: "*", Bytes: 64 << 20}}}})
		other := h.open("a")
		stalled := h.open("a")
		read := make(chan []testkit.Event)
		go func() {
			var got []testkit.Event
			for len(got) < 100 {
				e, err := other.read()
				if err != nil {
					break
				}
				got = append(got, e)
			}
			read <- got
		}()
		for i := 1; i <= 100; i++ {
			h.publish("a", largeEvent(i))
		}
		if err := stalled.conn.(*net.TCPConn).SetLinger(0); err != nil {
			t.Fatal(err)
		}
		stalled.leave()
		got := <-read
		if n := contiguous(t, got, 1); n != 101 {
			t.Errorf("the other got events up to %d, want 100", n-1)
		}
		h.streams(1)
		h.ended(server.ReasonClient, 1)
	})
}

// A reader that takes a byte at a time gets every event, late.
func TestReaderOfOneByteAtATimeGetsEverything(t *testing.T) {
	t.Parallel()
	const many = 10 // 320 KiB, of which the two buffers hold less than a half
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{SendBuffer: 4096, Retention: []server.Retention{{Topics: "*", Bytes: 64 << 20}}}})
		slow, quick := h.open("a"), h.open("a")
		if err := slow.conn.(*net.TCPConn).SetReadBuffer(32 << 10); err != nil { // or the kernel reads most of it
			t.Fatal(err)
		}
		slow.dec = testkit.NewDecoder(httputil.NewChunkedReader(bufio.NewReaderSize(oneByte{slow.conn}, 16)))
		go func() {
			for i := 1; i <= many; i++ {
				h.publish("a", largeEvent(i))
			}
		}()
		for _, c := range []*client{quick, slow} {
			for i := 1; i <= many; i++ {
				if e := c.next(); e.Type != "message" || numberOf(t, e) != i {
					t.Fatalf("got %.40q as event %d", e.Data, i)
				}
			}
		}
	})
}

// oneByte reads one byte at a time.
type oneByte struct{ r io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(len(p), 1)]) }

// The kernel may still report events of a descriptor whose number is another
// stream's by now: they must not reach it.
func TestRecycledDescriptorsAreNotConfused(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{})
		stop, stopped := make(chan struct{}), make(chan struct{})
		defer func() { close(stop); <-stopped }()
		go func() {
			defer close(stopped)
			tick := time.NewTicker(time.Millisecond) // not so fast that readers fall behind
			defer tick.Stop()
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				case <-tick.C:
					h.publish("noise", fmt.Sprint(i))
				}
			}
		}()
		var old []*client
		for round := range 15 {
			for _, c := range old {
				c.leave()
			}
			old = old[:0]
			for range 20 {
				old = append(old, h.open("a", "noise"))
			}
			h.publish("a", fmt.Sprint("round ", round))
			for i, c := range old {
				for {
					e, err := c.read()
					if err != nil {
						t.Fatalf("round %d, stream %d: %v", round, i, err)
					}
					if e.Data == fmt.Sprint("round ", round) {
						break
					}
				}
			}
		}
	})
}

// onLinux is 1 where plaintext streams are parked.
var onLinux = map[string]int64{"linux": 1}[runtime.GOOS]

// One hub, one application with middleware, plaintext on one port and TLS on
// another: both ways at once, and Stats says so.
func TestPlaintextAndTLSAtOnce(t *testing.T) {
	t.Parallel()
	hub, err := server.New(server.Config{})
	if err != nil {
		t.Fatal(err)
	}
	routes := router.New()
	server.Mount(routes, hub, server.MountOptions{})
	srv := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) {
		routes.Handler(ctx)
		ctx.Response.Header.Set("X-Middleware", "was here")
	}}
	plain, dialPlain := listenTCP(t)
	secure, dialTLS := listenTLS(t)
	served := make(chan error, 2)
	for _, ln := range []net.Listener{plain, secure} {
		go func() { served <- srv.Serve(ln) }()
	}
	defer func() {
		hub.Close(context.Background())
		for _, ln := range []net.Listener{plain, secure} {
			ln.Close()
			<-served
		}
	}()
	var clients []*client
	for i, dial := range []dialer{dialPlain, dialTLS, dialPlain} {
		c, err := (&harness{t: t, kind: parkedTCP, hub: hub, dial: dial}).try(request{topics: []string{"a"}})
		if err != nil {
			t.Fatal(err)
		}
		if got := textproto.MIMEHeader(c.head).Get("X-Middleware"); got != "was here" {
			t.Errorf("client %d: X-Middleware is %q", i, got)
		}
		if _, ok := c.conn.(*tls.Conn); ok != (i == 1) {
			t.Fatalf("client %d speaks %T", i, c.conn)
		}
		clients = append(clients, c)
	}
	testkit.Eventually(t, "two are parked and one is streamed", func() bool {
		s := hub.Stats()
		return s.Parked == 2*onLinux && s.Streamed == 3-2*onLinux && s.StreamedWhy["tls"] == 1
	})
	if _, err := hub.Publish("a", streamwriter.Event{Data: []byte("to both")}); err != nil {
		t.Fatal(err)
	}
	for _, c := range clients {
		c.expect("to both")
	}
}
