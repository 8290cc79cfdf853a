package streamwriter

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/valyala/fasthttp"
)

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func dialTCP(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestDrainLetsStreamsFinish(t *testing.T) {
	for _, proto := range []string{"HTTP/1.1", "HTTP/1.0"} {
		t.Run(proto, func(t *testing.T) {
			var d Drain
			began, goOn := make(chan struct{}), make(chan struct{})
			s := start(t, d.Handler(func(ctx *fasthttp.RequestCtx) {
				Serve(ctx, Options{}, func(w *Writer) error {
					close(began)
					<-w.Draining()
					<-goOn
					return w.SendString("", "whole")
				})
			}), nil)
			c := dialTCP(t, s.addr)
			io.WriteString(c, "GET / "+proto+"\r\nHost: x\r\n\r\n")
			testkit.Receive(t, "it begins", began)
			d.Begin()
			d.Begin()
			if err := d.Wait(within(t, 50*time.Millisecond)); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 streams") {
				t.Errorf("Wait returned %v while a stream runs", err)
			}
			close(goOn)
			if err := d.Wait(within(t, 10*time.Second)); err != nil {
				t.Error(err)
			}
			c.SetReadDeadline(time.Now().Add(10 * time.Second))
			rest := make([]byte, 4096)
			for got := ""; !strings.Contains(got, "data: whole"); {
				n, err := c.Read(rest)
				if err != nil {
					t.Fatalf("after %q: %v", got, err)
				}
				got += string(rest[:n])
			}
		})
	}
}

// Who comes when the drain has begun is told to come back, and no callback runs.
func TestDrainTurnsNewStreamsAway(t *testing.T) {
	var d Drain
	d.Begin()
	s := start(t, d.Handler(func(ctx *fasthttp.RequestCtx) {
		Serve(ctx, Options{Retry: time.Second}, func(*Writer) error {
			t.Error("the callback was called")
			return nil
		})
	}), nil)
	c := dialTCP(t, s.addr)
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\n")
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	got, err := io.ReadAll(c)
	if err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 200 ") || strings.Count(string(got), "retry: ") != 2 {
		t.Errorf("%q, %v; want 200 and a new reconnection time", got, err)
	}
}

// While clients keep coming, some that are told to come back are always there.
func TestDrainDoesNotWaitForStreamsThatCameLate(t *testing.T) {
	var d Drain
	d.Begin()
	s := start(t, d.Handler(func(ctx *fasthttp.RequestCtx) {
		Serve(ctx, Options{Retry: time.Second}, func(*Writer) error { return nil })
	}), nil)
	c := dialTCP(t, s.addr)
	io.WriteString(c, "GET / HTTP/1.0\r\n\r\n")
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadAll(c); err != nil {
		t.Fatal(err)
	}
	// It lingers now, since the client has not closed.
	now, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Wait(now); err != nil {
		t.Error(err)
	}
}

func TestDrainCountsWritersUntilClose(t *testing.T) {
	var d Drain
	var out bytes.Buffer
	w, err := NewWriter(&out, Options{Drain: &d})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-w.Draining():
		t.Error("it drains before Begin")
	default:
	}
	d.Begin()
	testkit.Receive(t, "it drains", w.Draining())
	if w.Context().Err() != nil {
		t.Error("its Context is done")
	}
	waited := make(chan error, 1)
	go func() { waited <- d.Wait(within(t, 10*time.Second)) }()
	for range 2 { // a second Close does nothing
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := testkit.Receive(t, "Wait returns", waited); err != nil {
		t.Error(err)
	}
	if n, _ := d.running(); n != 0 {
		t.Errorf("%d streams are counted", n)
	}
}

func TestWithoutADrainDrainingIsNeverReady(t *testing.T) {
	w, err := NewWriter(io.Discard, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if w.Draining() != nil {
		t.Error("a channel that nobody closes")
	}
}

func TestDrainCountsReadersUntilTheirCallbackReturns(t *testing.T) {
	var d Drain
	r, err := NewReader(Options{Drain: &d}, func(w *Writer) error {
		<-w.Draining()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all := make(chan error, 1)
	go func() { _, err := io.Copy(io.Discard, r); all <- err }()
	testkit.Eventually(t, "it is counted", func() bool { n, _ := d.running(); return n == 1 })
	d.Begin()
	if err := d.Wait(within(t, 10*time.Second)); err != nil {
		t.Error(err)
	}
	if err := testkit.Receive(t, "it ends", all); err != nil {
		t.Error(err)
	}
}
