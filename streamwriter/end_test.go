package streamwriter

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/valyala/fasthttp"
)

// unfinished are the ways a stream ends that is not finished.
var unfinished = map[string]struct {
	options Options
	fn      func(*Writer) error
}{
	"MaxAge": {Options{Retry: longRetry, MaxAge: 2 * time.Millisecond}, untilDone},
	"Context": {Options{Retry: longRetry, Context: over()}, func(w *Writer) error {
		return context.Cause(w.Context())
	}},
	"Reconnect": {Options{Retry: longRetry}, (*Writer).Reconnect},
	"Reconnect whose error is dropped": {Options{Retry: longRetry}, func(w *Writer) error {
		_ = w.Reconnect()
		return nil
	}},
	"ErrReconnect": {Options{Retry: longRetry}, func(*Writer) error {
		return fmt.Errorf("the tokens are elsewhere now: %w", ErrReconnect)
	}},
	"Reconnect without a reconnection time": {Options{Retry: -1}, (*Writer).Reconnect},
}

func over() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// deliveries are the ways a response takes.
var deliveries = map[string]struct {
	start func(t testing.TB, h fasthttp.RequestHandler, set func(*fasthttp.Server)) *testServer
	wrap  func(t testing.TB, h fasthttp.RequestHandler) fasthttp.RequestHandler
}{
	"plain": {start, func(_ testing.TB, h fasthttp.RequestHandler) fasthttp.RequestHandler { return h }},
	"TLS":   {startTLS, func(_ testing.TB, h fasthttp.RequestHandler) fasthttp.RequestHandler { return h }},
	"moved": {start, readingBody},
	"compressed": {start, func(_ testing.TB, h fasthttp.RequestHandler) fasthttp.RequestHandler {
		return fasthttp.CompressHandler(h)
	}},
}

func TestAutoEndsAnEventSourceCleanAndCutsOthers(t *testing.T) {
	for way, d := range deliveries {
		for name, end := range unfinished {
			t.Run(way+"/"+name, func(t *testing.T) {
				s := d.start(t, d.wrap(t, handler(end.options, end.fn)), nil)
				s.endsWell(t, end.options, true, asEventSource...)
				s.endsWell(t, end.options, false)
				s.endsWell(t, end.options, false, "Accept: text/event-stream", "Cache-Control: no-cache", "User-Agent: Go-http-client/1.1")
				if s.log.Count("streamwriter") != 0 {
					t.Error("an end that is no failure was logged")
				}
			})
		}
	}
}

func TestEndCleanAndEndCutHoldForEveryClient(t *testing.T) {
	for end, clean := range map[End]bool{EndClean: true, EndCut: false} {
		o := Options{Retry: longRetry, End: end}
		s := start(t, handler(o, (*Writer).Reconnect), nil)
		s.endsWell(t, o, clean, asEventSource...)
		s.endsWell(t, o, clean)
	}
}

// endsWell opens a stream, and checks that it ends with a reconnection time, cleanly or by
// a cut.
func (s *testServer) endsWell(t *testing.T, o Options, clean bool, headers ...string) {
	t.Helper()
	resp := s.dial().request("GET / HTTP/1.1", append(headers, "Accept-Encoding: gzip")...)
	body := io.Reader(resp.Body)
	if resp.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(body)
		if err != nil {
			t.Fatal(err)
		}
		body = z
	}
	d := testkit.NewDecoder(body)
	events, err := d.All()
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body) // the chunk after gzip's end
	}
	if (clean && err != nil) || (!clean && !isCut(err)) || len(events) > 0 {
		t.Errorf("%v: got %+v, %v, want a clean end: %v", headers, events, err, clean)
	}
	if fresh := d.Retry != "" && d.Retry != "4000000"; fresh != (o.Retry > 0) {
		t.Errorf("%v: retry %q", headers, d.Retry)
	}
}

func TestHTTP10IsToldToComeBackAndEndsWithItsConnection(t *testing.T) {
	for name, end := range unfinished {
		t.Run(name, func(t *testing.T) {
			s := start(t, handler(end.options, end.fn), nil)
			for _, headers := range [][]string{nil, asEventSource} {
				d := testkit.NewDecoder(s.dial().request("GET / HTTP/1.0", headers...).Body)
				if events, err := d.All(); err != nil || len(events) > 0 {
					t.Errorf("got %+v, %v", events, err)
				}
				if fresh := d.Retry != "" && d.Retry != "4000000"; fresh != (end.options.Retry > 0) {
					t.Errorf("retry %q", d.Retry)
				}
			}
		})
	}
}

func TestACallbackThatReturnsNilEndsCleanlyWhateverEndSays(t *testing.T) {
	s := start(t, handler(Options{End: EndCut}, func(w *Writer) error { return w.SendString("", "a") }), nil)
	d, _ := s.dial().get()
	if events, err := d.All(); err != nil || len(events) != 1 || d.Retry != "3000" {
		t.Errorf("got %+v, retry %q, %v", events, d.Retry, err)
	}
}

// Closing a connection with unread input resets it, which destroys what was sent.
func TestTheFarewellArrivesThoughTheClientHasSentMore(t *testing.T) {
	for name, proto := range map[string]string{"body": "1.1", "moved": "1.1", "HTTP/1.0": "1.0"} {
		t.Run(name, func(t *testing.T) {
			sent := make(chan struct{})
			h := handler(Options{Retry: longRetry}, func(w *Writer) error {
				<-sent
				return w.Reconnect()
			})
			if name == "moved" {
				h = readingBody(t, h)
			}
			s := start(t, h, nil)
			c := s.dial()
			resp := c.request("GET / HTTP/" + proto)
			if _, err := c.Write([]byte(strings.Repeat("x", 20_000))); err != nil {
				t.Fatal(err)
			}
			close(sent)
			d := testkit.NewDecoder(resp.Body)
			if _, err := d.All(); (err != nil && !isCut(err)) || d.Retry == "4000000" {
				t.Errorf("retry %q, %v", d.Retry, err)
			}
		})
	}
}

func TestReconnectEndsTheWriter(t *testing.T) {
	out := &fragile{}
	w := must(NewWriter(out, Options{Heartbeat: -1, End: EndCut}))
	if err := w.SendString("", "a"); err != nil {
		t.Fatal(err)
	}
	if err := w.Reconnect(); err != ErrReconnect || context.Cause(w.Context()) != ErrReconnect {
		t.Errorf("Reconnect: %v, cause %v", err, context.Cause(w.Context()))
	}
	if err := w.SendString("", "b"); err != ErrReconnect {
		t.Errorf("send afterwards: %v", err)
	}
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Error(err)
	}
	if got := out.String(); !strings.HasPrefix(got, "data: a\n\nretry: ") || strings.Count(got, "retry: ") != 1 || strings.HasSuffix(got, "\n\n") {
		t.Errorf("wire %q", got) // a blank line would make an event of it, as far as one knows the client
	}
}

func TestReconnectAfterTellsItsTime(t *testing.T) {
	for d, want := range map[time.Duration]string{7 * time.Second: "retry: 7000\n", 0: "", -time.Second: ""} {
		var wire lockedBuffer
		w := must(NewWriter(&wire, Options{Heartbeat: -1, Retry: -1}))
		if err := w.ReconnectAfter(d); err != ErrReconnect {
			t.Errorf("%v: got %v", d, err)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if got := wire.take(); got != want {
			t.Errorf("%v: wire %q, want %q", d, got, want)
		}
	}
}

func TestAReaderOfAStreamThatReconnectsEndsCleanly(t *testing.T) {
	for name, fn := range map[string]func(*Writer) error{
		"called":   func(w *Writer) error { return w.ReconnectAfter(7 * time.Second) },
		"returned": func(*Writer) error { return ErrReconnect },
	} {
		log := &testkit.Log{}
		r, err := NewReader(Options{Heartbeat: -1, Logger: log, End: EndCut}, fn)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || strings.Count(string(got), "retry: ") != 2 || log.Count("streamwriter") != 0 {
			t.Errorf("%s: read %q, %v", name, got, err)
		}
		_ = r.Close()
	}
}

// A stream that has ended has ended: its client is gone, say.
func TestReconnectAfterTheEndChangesNothing(t *testing.T) {
	var wire lockedBuffer
	w := must(NewWriter(&wire, Options{Heartbeat: -1}))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Reconnect(); err != ErrReconnect || context.Cause(w.Context()) != ErrClosed {
		t.Errorf("Reconnect: %v, cause %v", err, context.Cause(w.Context()))
	}
	if got := wire.take(); got != "" {
		t.Errorf("wire %q", got)
	}
}

func TestAReaderHasFiveSecondsForTheFarewell(t *testing.T) {
	for timeout, want := range map[time.Duration]time.Duration{0: 5 * time.Second, -1: 5 * time.Second, time.Second: time.Second} {
		inBubble(t, func(t *testing.T) {
			out := &fragile{}
			w := must(NewWriter(out, Options{WriteTimeout: timeout, Heartbeat: -1}))
			_ = w.Reconnect()
			if err := w.Close(); err != nil {
				t.Error(err)
			}
			if len(out.deadlines) < 2 || time.Until(out.deadlines[0]) != want || !out.deadlines[len(out.deadlines)-1].IsZero() {
				t.Errorf("WriteTimeout %v: deadlines %v", timeout, out.deadlines)
			}
		})
	}
}

func TestAnUnknownEndIsRefused(t *testing.T) {
	_, err := NewWriter(io.Discard, Options{End: EndCut + 1})
	if f, ok := errors.AsType[*FieldError](err); !ok || f.Field != "Options.End" || f.Value != "3" {
		t.Errorf("got %v", err)
	}
}
