package server_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

func TestTheHeadSaysWhatItShould(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{})
		c := h.open("a")
		for name, want := range map[string]string{
			"Content-Type":      "text/event-stream",
			"Cache-Control":     "no-cache, no-transform",
			"X-Accel-Buffering": "no",
			"Transfer-Encoding": "chunked",
			"Content-Length":    "",
		} {
			if got := c.head.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if kind.path == "/events" && c.head.Get("Connection") != "close" {
			t.Errorf("Connection: %q", c.head.Get("Connection"))
		}
	})
}

// The first bytes are there before the first event.
func TestTheStreamOpensAtOnce(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{Retry: 1500 * time.Millisecond}})
		c := h.open("a")
		var body strings.Builder
		for !strings.Contains(body.String(), "retry: 1500\n") {
			line, err := c.r.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			body.WriteString(line)
		}
		if !strings.Contains(body.String(), "\n: .\n") {
			t.Errorf("no comment in %q", body.String())
		}
	})
}

func TestNegativeRetryTellsNone(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{Retry: -1}})
		c := h.open("a")
		h.publish("a", "1")
		c.expect("1")
		if err := h.hub.Drain(timeout(t, patience)); err != nil {
			t.Error(err)
		}
		c.ends()
		if c.dec.Retry != "" {
			t.Errorf("retry %q", c.dec.Retry)
		}
	})
}

func TestMiddlewareHeadersAreKept(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{wrap: func(h fasthttp.RequestHandler) fasthttp.RequestHandler {
			return func(ctx *fasthttp.RequestCtx) {
				ctx.Response.Header.Set("X-Before", "1")
				h(ctx)
				ctx.Response.Header.Set("X-After", "2")
				ctx.Response.Header.Set("Access-Control-Allow-Origin", "https://example.org")
				var cookie fasthttp.Cookie
				cookie.SetKey("session")
				cookie.SetValue("s")
				ctx.Response.Header.SetCookie(&cookie)
				ctx.Response.Header.Set("Content-Encoding", "gzip")
				ctx.Response.Header.SetContentLength(17)
			}
		}})
		c := h.open("a")
		for name, want := range map[string]string{
			"X-Before": "1", "X-After": "2", "Access-Control-Allow-Origin": "https://example.org", "Set-Cookie": "session=s",
			"Content-Encoding": "", "Content-Length": "", "Transfer-Encoding": "chunked",
		} {
			if got := c.head.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		h.publish("a", "1")
		c.expect("1")
	})
}

func TestHTTP10GetsIdentity(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		for _, topics := range [][]string{{"a"}, {"a", "b"}} {
			h := newHarness(t, kind, setup{})
			from := h.hub.LastID()
			h.publish("a", "1")
			c := h.openWith(request{proto: "HTTP/1.0", topics: topics, lastID: from})
			if te := c.head.Get("Transfer-Encoding"); te != "" {
				t.Errorf("Transfer-Encoding %q", te)
			}
			h.publish("a", "2")
			c.expect("1", "2")
			if err := h.hub.Drain(timeout(t, patience)); err != nil {
				t.Error(err)
			}
			c.expectDrained(3*time.Second, c.ends)
		}
	})
}

func TestHEADIsAnsweredWithTheHeadAlone(t *testing.T) {
	t.Parallel()
	h := newHarness(t, parkedTCP, setup{})
	c := h.send(request{method: "HEAD", topics: []string{"a"}})
	if c.status != "HTTP/1.1 200 OK" || c.head.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%s %v", c.status, c.head)
	}
	if n := h.hub.Stats().Opened; n != 0 {
		t.Errorf("%d streams were opened", n)
	}
	// The connection goes on: the next answer begins right behind the head.
	if _, err := c.conn.Write(request{method: "HEAD", path: "/events", topics: []string{""}}.bytes()); err != nil {
		t.Fatal(err)
	}
	if line, err := c.r.ReadString('\n'); err != nil || line != "HTTP/1.1 400 Bad Request\r\n" {
		t.Errorf("got %q, %v", line, err)
	}
}

func TestCompressHandlerLeavesStreamsAlone(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{wrap: fasthttp.CompressHandler})
		c := h.openWith(request{topics: []string{"a"}, headers: []string{"Accept-Encoding: gzip, br"}})
		if e := c.head.Get("Content-Encoding"); e != "" {
			t.Errorf("Content-Encoding %q", e)
		}
		h.publish("a", largeEvent(1))
		contiguous(t, []testkit.Event{c.next()}, 1)
	})
}

func TestOnOpenSendsTheFirstEvents(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		var h *harness
		var seen server.Subscriber
		var lastID string
		h = newHarness(t, kind, setup{subscribe: server.SubscribeOptions{
			Authorize: func(_ *fasthttp.RequestCtx, s *server.Subscription) error {
				s.User = 7
				return nil
			},
			OnOpen: func(s server.Subscriber, w *streamwriter.Writer) error {
				seen, lastID = s, w.LastEventID()
				h.publish("a", "4")
				if err := w.SendString("state", "2"); err != nil {
					return err
				}
				return w.SendString("state", "3")
			},
		}})
		c := h.open("b", "a", "b")
		c.expect("2", "3", "4")
		id := h.hub.LastID()
		h.publish("a", "5")
		c.expect("5")
		addr := c.conn.LocalAddr().String()
		if !slices.Equal(seen.Topics, []string{"a", "b"}) || seen.User != 7 || seen.RemoteAddr() != addr || lastID != "" {
			t.Errorf("OnOpen saw %+v and id %q, want topics a and b, user 7, address %s", seen, lastID, addr)
		}
		again := h.resume(id, "a")
		again.expect("2", "3", "5", "4")
		if lastID != id {
			t.Errorf("OnOpen saw id %q, want %q", lastID, id)
		}
	})
}

func TestOnOpenFailureEndsOneStreamAlone(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		var fail atomic.Int32
		h := newHarness(t, kind, setup{subscribe: server.SubscribeOptions{
			OnOpen: func(server.Subscriber, *streamwriter.Writer) error {
				switch fail.Load() {
				case 1:
					panic("oh dear")
				case 2:
					return errors.New("no such user")
				}
				return nil
			},
		}})
		other := h.open("a")
		for i, logged := range []string{"oh dear", "no such user"} {
			fail.Store(int32(i + 1))
			c, err := h.try(request{topics: []string{"a"}})
			switch {
			case i == 0 && err == nil:
				t.Error("after a panic the stream opened")
			case i == 1 && err != nil:
				t.Errorf("after an error the client was not told to come back: %v", err)
			case i == 1:
				c.ends()
			}
			testkit.Eventually(t, "it is logged", func() bool { return h.log.has(logged) })
		}
		h.ended(server.ReasonError, 2)
		h.streams(1)
		if n := h.hub.Subscribers("a"); n != 1 {
			t.Errorf("%d readers", n)
		}
		h.publish("a", "1")
		other.expect("1")
	})
}

func TestOnCloseHearsWhy(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		type end struct {
			user any
			why  server.Reason
		}
		ends := make(chan end, 10)
		h := newHarness(t, kind, setup{subscribe: server.SubscribeOptions{
			Authorize: func(ctx *fasthttp.RequestCtx, s *server.Subscription) error {
				s.User = string(ctx.QueryArgs().Peek("user"))
				return nil
			},
			OnClose: func(s server.Subscriber, why server.Reason) {
				if len(s.Topics) != 1 || s.Topics[0] != "a" || s.RemoteAddr() == "" {
					t.Errorf("OnClose saw %+v", s)
				}
				ends <- end{s.User, why}
			},
		}})
		hear := func(want end) {
			t.Helper()
			testkit.Within(t, "OnClose is called", func() {
				if got := <-ends; got != want {
					t.Errorf("got %+v, want %+v", got, want)
				}
			})
		}
		open := func(user string) *client { return h.openWith(request{topics: []string{"a"}, query: "user=" + user}) }
		open("ann").leave()
		hear(end{"ann", server.ReasonClient})
		bob := open("bob")
		h.kick(1, func(s server.Subscriber) bool { return s.User == "bob" })
		bob.ends()
		hear(end{"bob", server.ReasonKicked})
		open("cat")
		if err := h.hub.Drain(timeout(t, patience)); err != nil {
			t.Error(err)
		}
		hear(end{"cat", server.ReasonDrain})
	})
}

func TestAuthorizeRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err  error
		want string
		body string
	}{
		{&server.StatusError{}, "403 Forbidden", `{"error":"refused"}` + "\n"},
		{&server.StatusError{Code: 401, Message: "who are you"}, "401 Unauthorized", `{"error":"who are you"}` + "\n"},
		{fmt.Errorf("wrapped: %w", &server.StatusError{Code: 404, Message: "no such feed"}), "404 Not Found", `{"error":"no such feed"}` + "\n"},
		{&server.StatusError{Code: 204}, "204 No Content", ""},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			h := newHarness(t, parkedTCP, setup{subscribe: server.SubscribeOptions{
				Authorize: func(*fasthttp.RequestCtx, *server.Subscription) error { return tt.err },
			}})
			c := h.send(request{topics: []string{"a"}})
			body := ""
			if n := c.head.Get("Content-Length"); n != "" && n != "0" {
				b, err := io.ReadAll(io.LimitReader(c.r, int64(len(tt.body))))
				if err != nil {
					t.Fatal(err)
				}
				body = string(b)
			}
			if c.status != "HTTP/1.1 "+tt.want || body != tt.body {
				t.Errorf("%s %q, want %s %q", c.status, body, tt.want, tt.body)
			}
			if s := h.hub.Stats(); s.Opened != 0 || s.Topics != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestAuthorizeNarrowsAndRenames(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{subscribe: server.SubscribeOptions{
			Authorize: func(_ *fasthttp.RequestCtx, s *server.Subscription) error {
				var allowed []string
				for _, topic := range s.Topics {
					if topic != "secret" {
						allowed = append(allowed, "tenant7/"+topic)
					}
				}
				s.Topics = allowed
				return nil
			},
		}})
		c := h.open("a", "secret", "b/*")
		for _, topic := range []string{"a", "secret", "tenant7/secret"} {
			h.publish(topic, "not for it")
		}
		h.publish("tenant7/a", "1")
		h.publish("tenant7/b/x", "2")
		c.expect("1", "2")
		if c := h.send(request{topics: []string{"secret"}}); c.status != "HTTP/1.1 500 Internal Server Error" || !h.log.has("Authorize left") {
			t.Errorf("no topic left: %s", c.status)
		}
	})
}

func TestAFullHubAsksToComeBackLater(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{MaxSubscribers: 2, Retry: 4 * time.Second, Heartbeat: 50 * time.Millisecond}})
		a, b := h.open("a"), h.open("a")
		c := h.send(request{topics: []string{"a"}})
		if c.status != "HTTP/1.1 200 OK" {
			t.Errorf("answered %q: an EventSource would never come back", c.status)
		}
		c.expectRetry(4*time.Second, c.ends)
		if s := h.hub.Stats(); s.Refused != 1 || s.Subscribers != 2 || s.Opened != 2 {
			t.Errorf("%+v", s)
		}
		h.publish("a", "1")
		a.expect("1")
		b.expect("1")
		a.leave()
		h.streams(1)
		third := h.open("a")
		h.publish("a", "2")
		third.expect("2")
	})
}

// What a client sends behind its request is dropped, and does not spoil the end.
func TestInputBehindTheRequestIsDropped(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{})
		c := h.open("a")
		if _, err := c.conn.Write([]byte("GET /events?topic=b HTTP/1.1\r\nHost: test\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		h.publish("b", "not for it")
		h.publish("a", numbers(1, 50)...)
		if err := h.hub.Drain(timeout(t, patience)); err != nil {
			t.Error(err)
		}
		c.expect(numbers(1, 50)...)
		c.ends()
		if n := h.hub.Stats().Opened; n != 1 {
			t.Errorf("%d streams were opened", n)
		}
	})
}

// fasthttp's connection is given back: nothing of it is used by the stream.
func TestParkedStreamsOutliveTheirServer(t *testing.T) {
	t.Parallel()
	var srv *fasthttp.Server
	h := newHarness(t, parkedTCP, setup{server: func(s *fasthttp.Server) { srv = s }})
	c := h.open("a")
	testkit.Within(t, "the server shuts down", func() { srv.Shutdown() })
	h.publish("a", "1")
	c.expect("1")
}
