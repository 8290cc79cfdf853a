package server_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/internal/transcript"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// What an application's error says is for its log.
var errInternal = fmt.Errorf("load session: %w", errors.New("dial tcp 10.0.0.5:5432: password=hunter2"))

func TestOnlyARefusalSpeaksToSubscribers(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		for name, o := range map[string]server.SubscribeOptions{
			"Authorize": {Authorize: func(*fasthttp.RequestCtx, *server.Subscription) error { return errInternal }},
			"OnOpen":    {OnOpen: func(server.Subscriber, *streamwriter.Writer) error { return errInternal }},
		} {
			h := newHarness(t, kind, setup{subscribe: o, config: server.Config{Retry: 4 * time.Second}})
			for proto, whole := range map[string]string{
				"HTTP/1.1": "^[0-9a-f]+\r\n: \\.\nretry: [4-8][0-9]{3}\n\n\r\n0\r\n\r\n$",
				"HTTP/1.0": "^: \\.\nretry: [4-8][0-9]{3}\n\n$",
			} {
				c := h.send(request{proto: proto, topics: []string{"a"}})
				if c.status != "HTTP/1.1 200 OK" || c.head.Get("Content-Type") != "text/event-stream" {
					t.Errorf("%s fails: %s %v; an EventSource would never come back", name, c.status, c.head)
				}
				body, err := io.ReadAll(c.r) // to the end of the connection
				if err != nil || !regexp.MustCompile(whole).Match(body) {
					t.Errorf("%s fails: told %q, %v", name, body, err)
				}
				c.leave()
			}
			testkit.Eventually(t, "it is logged, with the topics", func() bool { return h.log.has(`stream of ["a"]`) && h.log.has(name+": "+errInternal.Error()) })
			h.streams(0)
			if s := h.hub.Stats(); s.Refused != 2 {
				t.Errorf("%s: %+v", name, s)
			}
		}
	})
}

func TestAFailingAuthorizeAnswersHEADWithTheHeadAlone(t *testing.T) {
	t.Parallel()
	hub := newHub(t, server.Config{Logger: &testLog{}})
	ctx := call(server.SubscribeHandler(hub, server.SubscribeOptions{
		Authorize: func(*fasthttp.RequestCtx, *server.Subscription) error { return errInternal },
	}), "HEAD /?topic=a", "")
	if ctx.Hijacked() || ctx.Response.StatusCode() != 200 || len(ctx.Response.Body()) > 0 {
		t.Errorf("%d %q", ctx.Response.StatusCode(), ctx.Response.Body())
	}
}

func TestOnlyARefusalSpeaksToPublishers(t *testing.T) {
	t.Parallel()
	for status, err := range map[int]error{
		500: errInternal,
		404: fmt.Errorf("hunter2: %w", &server.StatusError{Code: 404, Message: "no such feed"}),
	} {
		log := &testLog{}
		hub := newHub(t, server.Config{Logger: log})
		before := hub.LastID()
		ctx := call(server.PublishHandler(hub, server.PublishOptions{
			Authorize: func(*fasthttp.RequestCtx, []server.Message) error { return err },
		}), "POST /?topic=a", "x")
		if got := ctx.Response.StatusCode(); got != status || problemOf(t, ctx).Error == "" || bytes.Contains(ctx.Response.Body(), []byte("hunter2")) {
			t.Errorf("%d %s, want %d", got, ctx.Response.Body(), status)
		}
		if hub.LastID() != before || hub.TopicsHeld() != 0 {
			t.Error("the hub has changed")
		}
		if logged := log.has(`"a"`) && log.has(errInternal.Error()); logged != (status == 500) {
			t.Errorf("%d: logged: %v", status, log.lines)
		}
	}
}

// OnOpen runs before the head is written: what it refuses is no stream yet.
func TestARefusalOfOnOpenIsAnsweredAsItSays(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err          error
		status, body string
	}{
		{&server.StatusError{}, "HTTP/1.1 403 Forbidden", `{"error":"refused"}` + "\n"},
		{&server.StatusError{Code: 204}, "HTTP/1.1 204 No Content", ""},
		{fmt.Errorf("hunter2: %w", &server.StatusError{Code: 410, Message: "it is over"}), "HTTP/1.1 410 Gone", `{"error":"it is over"}` + "\n"},
	}
	twoWays(t, func(t *testing.T, kind connKind) {
		for _, tt := range tests {
			h := newHarness(t, kind, setup{
				subscribe: server.SubscribeOptions{
					CORS: server.CORS{Origins: []string{"*"}},
					OnOpen: func(_ server.Subscriber, w *streamwriter.Writer) error {
						return errors.Join(w.SendString("", "nobody sees this"), tt.err)
					},
				},
				wrap: func(h fasthttp.RequestHandler) fasthttp.RequestHandler {
					return func(ctx *fasthttp.RequestCtx) {
						h(ctx)
						ctx.Response.Header.Set("X-Long", strings.Repeat("x", 8000)) // more than a bufio.Reader's
					}
				},
			})
			for _, proto := range []string{"HTTP/1.1", "HTTP/1.0"} {
				c := h.send(request{proto: proto, topics: []string{"a"}})
				body, err := io.ReadAll(c.r) // to the end of the connection
				if err != nil || c.status != tt.status || string(body) != tt.body {
					t.Errorf("%s %q, %v; want %s %q", c.status, body, err, tt.status, tt.body)
				}
				if c.head.Get("Access-Control-Allow-Origin") != "*" || len(c.head.Get("X-Long")) != 8000 || c.head.Get("Transfer-Encoding") != "" || c.head.Get("Connection") != "close" {
					t.Errorf("head %v", c.head)
				}
				for name, values := range c.head {
					if len(values) != 1 {
						t.Errorf("%s: %v", name, values)
					}
				}
				if want := fmt.Sprint(len(tt.body)); tt.body != "" && c.head.Get("Content-Length") != want {
					t.Errorf("Content-Length %q, want %s", c.head.Get("Content-Length"), want)
				}
				c.leave()
			}
			h.ended(server.ReasonRefused, 2)
			h.streams(0)
		}
	})
}

// What Authorize makes of the topics is not for the client either.
func TestTopicsThatAuthorizeSpoiledAreNotTold(t *testing.T) {
	t.Parallel()
	log := &testLog{}
	hub := newHub(t, server.Config{Logger: log})
	ctx := call(server.SubscribeHandler(hub, server.SubscribeOptions{
		Authorize: func(_ *fasthttp.RequestCtx, s *server.Subscription) error {
			s.Topics = []string{"hunter2 "}
			return nil
		},
	}), "GET /?topic=a", "")
	if p := problemOf(t, ctx); ctx.Response.StatusCode() != 500 || p.Error == "" || bytes.Contains(ctx.Response.Body(), []byte("hunter2")) {
		t.Errorf("%d %s", ctx.Response.StatusCode(), ctx.Response.Body())
	}
	if !log.has(`"hunter2 "`) {
		t.Errorf("logged: %v", log.lines)
	}
}

// A cache that kept one client's 204 would end everybody's EventSource. The transcripts have
// every kind of refusal. What the application's router answers is not ours, and caches do not
// keep answers to OPTIONS (RFC 9110, section 9.3.7).
func TestRefusalsAreNotStored(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for _, a := range transcript.Answers(t) {
		ofRouter := strings.HasPrefix(a.File, "mount") && (a.Status == 301 || a.Status == 404)
		if a.Status == 200 || a.Method == "OPTIONS" || ofRouter {
			continue
		}
		seen[a.Status] = true
		if !slices.Contains(a.Head, "Cache-Control: no-store") {
			t.Errorf("%s: %s is answered %d, which may be stored: %q", a.File, a.Method, a.Status, a.Head)
		}
	}
	for _, status := range []int{204, 400, 401, 403, 405, 410, 413, 415, 500, 503} {
		if !seen[status] {
			t.Errorf("no transcript has a %d", status)
		}
	}
}

// A hook that returns a nil *StatusError as an error has refused.
func TestANilRefusalIsARefusal(t *testing.T) {
	t.Parallel()
	hub := newHub(t, server.Config{})
	subscribe := server.SubscribeHandler(hub, server.SubscribeOptions{Authorize: func(*fasthttp.RequestCtx, *server.Subscription) error {
		var none *server.StatusError
		return none
	}})
	if got := call(subscribe, "GET /?topic=a", "").Response.StatusCode(); got != fasthttp.StatusForbidden {
		t.Errorf("answered with %d, want 403", got)
	}
}
