package streamwriter

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/internal/transcript"
	"github.com/valyala/fasthttp"
)

// What both sides of a stream send, byte by byte, is in testdata/transcripts. To write
// them anew: go test ./streamwriter -run Transcripts -update.
func TestTranscripts(t *testing.T) {
	for _, sc := range transcripts {
		t.Run(sc.name, func(t *testing.T) {
			tr := transcript.New(t)
			tr.Drawn(longRetry+time.Millisecond, 2*longRetry)
			for _, proto := range []string{"HTTP/1.1", "HTTP/1.0"} {
				tr.Section(proto)
				s := start(t, sc.handler, nil)
				run := sc.run
				if run == nil {
					run = readAll
				}
				run(&scene{t: t, tr: tr, server: s, proto: proto})
			}
			tr.Check(sc.name)
		})
	}
}

// longRetry takes the default reconnection time's place where one is drawn from it,
// which is then hardly ever itself.
const longRetry = 4000 * time.Second

// scene is one of the protocols' turn.
type scene struct {
	t      *testing.T
	tr     *transcript.Transcript
	server *testServer
	proto  string
}

func (s *scene) send(method string, headers ...string) *transcript.Conn {
	s.t.Helper()
	c := s.tr.Dial(func() (net.Conn, error) { return net.Dial("tcp", s.server.addr) })
	head := method + " / " + s.proto + "\r\nHost: test\r\n"
	for _, h := range headers {
		head += h + "\r\n"
	}
	c.Send(head + "\r\n")
	return c
}

// readAll reads a stream to its end, after which its connection may live on.
func readAll(s *scene) {
	c := s.send("GET")
	if s.proto == "HTTP/1.1" {
		c.Until("0\r\n\r\n")
		c.HalfClose()
	}
	c.Rest()
	c.Close()
}

// readEnd reads a stream that is not finished to its end, as an EventSource, and as
// another client, whose stream is cut.
func readEnd(s *scene) {
	c := s.send("GET", asEventSource...)
	if s.proto == "HTTP/1.1" {
		c.Until("0\r\n\r\n")
		c.HalfClose()
	}
	c.Rest()
	c.Close()
	readCut(s)
}

// readCut reads a stream to where it is cut.
func readCut(s *scene) {
	c := s.send("GET")
	c.Rest()
	c.Close()
}

var transcripts = []struct {
	name    string
	handler fasthttp.RequestHandler
	run     func(s *scene) // nil: readAll
}{
	{name: "serve", handler: handler(Options{}, func(w *Writer) error {
		for _, e := range []Event{
			{Data: []byte("plain")},
			{},
			{ID: "1", Type: "all", Retry: 1500 * time.Millisecond, Data: []byte("LF\nCRLF\r\nCR\rend")},
			{ID: "no data"},
			{Retry: time.Second},
			{Data: []byte(" : ö → 😀 ")},
		} {
			if err := w.Send(e); err != nil {
				return err
			}
		}
		return w.SendString("typed", "string")
	})},
	{name: "serve-json", handler: handler(Options{Retry: -1}, func(w *Writer) error {
		return errors.Join(
			w.SendJSON(Event{Type: "state"}, map[string]any{"n": 1.5, "text": "<ö>\n", "list": []int{1, 2}}),
			w.SendJSON(Event{}, nil),
		)
	})},
	{name: "serve-comment", handler: handler(Options{Retry: 500 * time.Millisecond}, func(w *Writer) error {
		return errors.Join(
			w.Comment("a comment"),
			w.Comment(""),
			w.Comment("two\nlines"),
			w.SendEncoded(AppendRetry(nil, 2*time.Second)),
			w.SendEncoded(AppendID(nil, "position")),
			w.SendEncoded([]byte("data: encoded\n\ndata: two at once\n\n")),
		)
	})},
	{name: "serve-nothing", handler: handler(Options{}, func(*Writer) error { return nil })},
	{name: "serve-last-event-id", handler: handler(Options{}, func(w *Writer) error {
		return w.SendString("", "seen "+w.LastEventID())
	}), run: func(s *scene) {
		c := s.send("GET", "Last-Event-ID: 7")
		if s.proto == "HTTP/1.1" {
			c.Until("0\r\n\r\n")
			c.Send("GET /?lastEventId=8 HTTP/1.1\r\nHost: test\r\n\r\n") // on the same connection
			c.Until("0\r\n\r\n")
			c.HalfClose()
		}
		c.Rest()
		c.Close()
	}},
	// Its first bytes have to come before a heartbeat's time.
	{name: "serve-heartbeat", handler: handler(Options{Heartbeat: 400 * time.Millisecond}, untilDone), run: func(s *scene) {
		c := s.send("GET")
		c.Until("retry: 3000\n")
		for range 2 {
			c.Until(": .\n")
		}
		c.Close()
	}},
	{name: "serve-max-age", handler: handler(Options{Retry: longRetry, MaxAge: 400 * time.Millisecond}, untilDone), run: readEnd},
	{name: "serve-context", handler: func(ctx *fasthttp.RequestCtx) {
		over, cancel := context.WithCancel(context.Background())
		Serve(ctx, Options{Retry: longRetry, Context: over}, func(w *Writer) error {
			cancel()
			<-w.Context().Done()
			return context.Cause(w.Context())
		})
	}, run: readEnd},
	{name: "serve-reconnect", handler: handler(Options{Retry: longRetry}, func(w *Writer) error {
		if err := w.SendString("", "part one"); err != nil {
			return err
		}
		return w.Reconnect()
	}), run: readEnd},
	{name: "serve-shutdown", handler: handler(Options{Retry: longRetry}, untilDone), run: func(s *scene) {
		source, other := s.send("GET", asEventSource...), s.send("GET")
		source.Until("retry: 4000000\n")
		other.Until("retry: 4000000\n")
		ended := make(chan error, 1)
		s.tr.Note("shut the server down")
		go func() { ended <- s.server.Shutdown() }()
		source.Rest()
		source.Close()
		other.Rest()
		other.Close()
		if err := testkit.Receive(s.t, "Shutdown returns", ended); err != nil {
			s.t.Error(err)
		}
	}},
	{name: "serve-error", handler: handler(Options{}, func(w *Writer) error {
		return errors.Join(w.SendString("", "last"), errors.New("hunter2"))
	}), run: readCut},
	{name: "serve-panic", handler: handler(Options{}, func(w *Writer) error {
		_ = w.SendString("", "last")
		panic("hunter2")
	}), run: readCut},
	{name: "serve-misconfigured", handler: handler(Options{Heartbeat: 15}, untilDone), run: func(s *scene) {
		c := s.send("GET")
		c.HalfClose()
		c.Rest()
	}},
	{name: "serve-head", handler: handler(Options{}, untilDone), run: func(s *scene) {
		c := s.send("HEAD")
		c.HalfClose()
		c.Rest()
	}},
	{name: "serve-middleware", handler: func(ctx *fasthttp.RequestCtx) {
		ctx.Response.Header.Set("X-Before", "1")
		Serve(ctx, Options{}, func(w *Writer) error { return w.SendString("", "a") })
		ctx.Response.Header.Set("X-After", "2")
	}},
	// Middleware that reads the body makes the stream move to a hijacked connection.
	{name: "serve-moved", handler: func(ctx *fasthttp.RequestCtx) {
		Serve(ctx, Options{}, func(w *Writer) error { return w.SendString("", "a") })
		_ = ctx.Response.Body()
		ctx.Response.Header.Set("X-After", "2")
	}},
	{name: "serve-moved-reconnect", handler: func(ctx *fasthttp.RequestCtx) {
		Serve(ctx, Options{Retry: longRetry}, (*Writer).Reconnect)
		_ = ctx.Response.Body()
	}, run: readEnd},
}
