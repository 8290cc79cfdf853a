package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/servertest"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// The handlers are called as fasthttp calls them, without a connection: nothing
// here opens a stream.

func newHub(t *testing.T, c server.Config) *server.Hub {
	t.Helper()
	h, err := server.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close(context.Background()) })
	return h
}

// call calls a handler with "METHOD /path?query" and header lines.
func call(h fasthttp.RequestHandler, line, body string, headers ...string) *fasthttp.RequestCtx {
	var req fasthttp.Request
	method, uri, _ := strings.Cut(line, " ")
	req.Header.SetMethod(method)
	req.SetRequestURI("http://test" + uri)
	req.SetBodyString(body)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	var ctx fasthttp.RequestCtx
	ctx.Init(&req, nil, nil)
	h(&ctx)
	return &ctx
}

type problem struct{ Error, Field, Value, Remedy string }

func problemOf(t *testing.T, ctx *fasthttp.RequestCtx) problem {
	t.Helper()
	var p problem
	if err := json.Unmarshal(ctx.Response.Body(), &p); err != nil {
		t.Errorf("no JSON in %q: %v", ctx.Response.Body(), err)
	}
	if typ := string(ctx.Response.Header.ContentType()); typ != "application/json" {
		t.Errorf("Content-Type %q", typ)
	}
	return p
}

const jsonType = "Content-Type: application/json"

func TestBadPublishIsRefusedAndChangesNothing(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("t", 129)
	array := func(n int, element string) string {
		return "[" + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + "]"
	}
	tests := []struct {
		name, line, body, typ string
		status                int
		field, value          string
	}{
		{"bad topic", "POST /?topic=a%20b", "x", "", 400, "topic", "a b"},
		{"topic with a control", "POST /?topic=a%00b", "x", "", 400, "topic", "a\x00b"},
		{"topic that is not UTF-8", "POST /?topic=a%ff", "x", "", 400, "topic", "a\ufffd"},
		{"topic too long", "POST /?topic=" + long, "x", "", 400, "topic", long[:80] + "…"},
		{"topic too long, of two bytes a character", "POST /?topic=a" + strings.Repeat("%C3%A9", 64), "x", "", 400, "topic", "a" + strings.Repeat("é", 39) + "…"},
		{"subtree", "POST /?topic=a/*", "x", "", 400, "topic", "a/*"},
		{"bare star", "POST /?topic=*", "x", "", 400, "topic", "*"},
		{"no topic", "POST /", "x", "", 400, "topic", ""},
		{"empty topic", "POST /?topic=", "x", "", 400, "topic", ""},
		{"newline in id", "POST /?topic=a&id=x%0Ay", "x", "", 400, "id", "x\ny"},
		{"NUL in id", "POST /?topic=a&id=x%00y", "x", "", 400, "id", "x\x00y"},
		{"CR in id", "POST /?topic=a&id=x%0Dy", "x", "", 400, "id", "x\ry"},
		{"space in id", "POST /?topic=a&id=x%20y", "x", "", 400, "id", "x y"},
		{"newline in type", "POST /?topic=a&type=x%0Ay", "x", "", 400, "type", "x\ny"},
		{"NUL in type", "POST /?topic=a&type=x%00y", "x", "", 400, "type", "x\x00y"},
		{"retry 0", "POST /?topic=a&retry=0", "x", "", 400, "retry", "0"},
		{"retry negative", "POST /?topic=a&retry=-1", "x", "", 400, "retry", "-1"},
		{"retry letters", "POST /?topic=a&retry=3s", "x", "", 400, "retry", "3s"},
		{"retry empty", "POST /?topic=a&retry=", "x", "", 400, "retry", ""},
		{"retry beyond a day", "POST /?topic=a&retry=86400001", "x", "", 400, "retry", "86400001"},
		{"too large", "POST /?topic=a", strings.Repeat("x", 63<<10+1), "", 413, "data", strings.Repeat("x", 80)},

		{"too large, of two bytes a character", "POST /?topic=a", "x" + strings.Repeat("é", 32<<10), "", 413, "data", "x" + strings.Repeat("é", 39) + "…"},

		{"JSON bad", "POST /", `{"topic"`, jsonType, 400, "body", `{"topic"`},
		{"JSON empty", "POST /", ``, jsonType, 400, "body", ``},
		{"JSON followed by more", "POST /", `{"topic":"a"} x`, jsonType, 400, "body", `{"topic":"a"} x`},
		{"JSON of another kind", "POST /", `"a"`, jsonType, 400, "body", `"a"`},
		{"JSON unknown field", "POST /", `{"topic":"a","date":"x"}`, jsonType, 400, "body", `{"topic":"a","date":"x"}`},
		{"JSON wrong type", "POST /", `{"topic":5}`, jsonType, 400, "body", `{"topic":5}`},
		{"JSON wrong type of id", "POST /", `{"topic":"a","id":5}`, jsonType, 400, "body", `{"topic":"a","id":5}`},
		{"JSON without topic", "POST /", `{"data":"x"}`, jsonType, 400, "topic", ""},
		{"JSON bad topic", "POST /", `{"topic":"a b"}`, jsonType, 400, "topic", "a b"},
		{"JSON subtree", "POST /", `{"topic":"a/*"}`, jsonType, 400, "topic", "a/*"},
		{"JSON newline in id", "POST /", `{"topic":"a","id":"x\ny"}`, jsonType, 400, "id", "x\ny"},
		{"JSON NUL in id", "POST /", `{"topic":"a","id":"x\u0000y"}`, jsonType, 400, "id", "x\x00y"},
		{"JSON newline in type", "POST /", `{"topic":"a","type":"x\ny"}`, jsonType, 400, "type", "x\ny"},
		{"JSON CR in type", "POST /", `{"topic":"a","type":"x\ry"}`, jsonType, 400, "type", "x\ry"},
		{"JSON retry 0", "POST /", `{"topic":"a","retry":0}`, jsonType, 400, "retry", "0"},
		{"JSON retry negative", "POST /", `{"topic":"a","retry":-5}`, jsonType, 400, "retry", "-5"},
		{"JSON retry fraction", "POST /", `{"topic":"a","retry":1.5}`, jsonType, 400, "retry", "1.5"},
		{"JSON retry letters", "POST /", `{"topic":"a","retry":"3s"}`, jsonType, 400, "body", `{"topic":"a","retry":"3s"}`},
		{"JSON too large", "POST /", `{"topic":"a","data":"` + strings.Repeat("x", 63<<10+1) + `"}`, jsonType, 413, "data", strings.Repeat("x", 80)},
		{"array empty", "POST /", `[]`, jsonType, 400, "body", "[]"},
		{"array too long", "POST /", array(1001, `{"topic":"a"}`), jsonType, 400, "body", ""},
		{"array with one bad topic", "POST /", `[{"topic":"a"},{"topic":"b"},{"topic":"c d"}]`, jsonType, 400, "topic", "c d"},
		{"array with one bad id", "POST /", `[{"topic":"a"},{"topic":"b","id":"x y"}]`, jsonType, 400, "id", "x y"},
		{"array with one bad retry", "POST /", `[{"topic":"a"},{"topic":"b","retry":0}]`, jsonType, 400, "retry", "0"},
		{"array with one too large", "POST /", `[{"topic":"a"},{"topic":"b","data":"` + strings.Repeat("x", 63<<10+1) + `"}]`, jsonType, 413, "data", strings.Repeat("x", 80)},
		{"array with null", "POST /", `[{"topic":"a"},null]`, jsonType, 400, "topic", ""},

		{"two topics", "POST /?topic=a&topic=b", "x", "", 400, "topic", "b"},
		{"two ids", "POST /?topic=a&id=x&type=t&id=x", "x", "", 400, "id", "x"},
		{"unknown parameter", "POST /?topic=a&ephemerl=true", "x", "", 400, "query", "ephemerl"},
		{"parameter in another case", "POST /?topic=a&Type=t", "x", "", 400, "query", "Type"},
		{"parameter without a name", "POST /?topic=a&=t", "x", "", 400, "query", ""},
		{"ephemeral neither true nor false", "POST /?topic=a&ephemeral=yes", "x", "", 400, "ephemeral", "yes"},
		{"ephemeral without a value", "POST /?topic=a&ephemeral", "x", "", 400, "ephemeral", ""},
		{"JSON and a parameter", "POST /?id=x", `{"topic":"a"}`, jsonType, 400, "id", "x"},
		{"JSON and an unknown parameter", "POST /?x=y", `[{"topic":"a"}]`, jsonType, 400, "query", "x"},
		{"JSON ephemeral of the wrong type", "POST /", `{"topic":"a","ephemeral":1}`, jsonType, 400, "body", `{"topic":"a","ephemeral":1}`},

		{"encoded", "POST /?topic=a", "x", "Content-Encoding: gzip", 415, "Content-Encoding", "gzip"},
		{"encoded, in another case", "POST /?topic=a", "x", "content-encoding: GZip", 415, "Content-Encoding", "GZip"},
		{"encoded twice", "POST /?topic=a", "x", "Content-Encoding: identity, br", 415, "Content-Encoding", "identity, br"},

		{"wrong method", "PUT /?topic=a", "x", "", 405, "method", "PUT"},
		{"GET", "GET /?topic=a", "", "", 405, "method", "GET"},
	}
	hub := newHub(t, server.Config{})
	publish := server.PublishHandler(hub, server.PublishOptions{AllowAnyone: true})
	before := hub.LastID()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx := call(publish, tt.line, tt.body, or(tt.typ, "Content-Type: text/plain"))
			p := problemOf(t, ctx)
			if got := ctx.Response.StatusCode(); got != tt.status || p.Field != tt.field || p.Value != tt.value && p.Value != tt.value+"…" {
				t.Errorf("%d %+v, want %d, field %q, value %q", got, p, tt.status, tt.field, tt.value)
			}
			if p.Error == "" || p.Remedy == "" || !strings.Contains(p.Error, p.Remedy) {
				t.Errorf("no remedy, or an error without it: %+v", p)
			}
			if allow := string(ctx.Response.Header.Peek("Allow")); (tt.status == 405) != (allow == "POST, OPTIONS") {
				t.Errorf("Allow %q", allow)
			}
			if hub.LastID() != before || hub.TopicsHeld() != 0 {
				t.Errorf("the hub has changed: %s, %d topics", hub.LastID(), hub.TopicsHeld())
			}
		})
	}
}

func TestGoodPublish(t *testing.T) {
	t.Parallel()
	hub := newHub(t, server.Config{})
	publish := server.PublishHandler(hub, server.PublishOptions{AllowAnyone: true})
	epoch, _, _ := strings.Cut(hub.LastID(), "-")
	limit := strings.Repeat("x", 63<<10)
	tests := []struct {
		name, line, body, typ, answer string
		events                        int
	}{
		{"raw", "POST /?topic=a", "x", "", `{"id":"E-1"}`, 1},
		{"raw empty", "POST /?topic=a", "", "", `{"id":"E-2"}`, 1},
		{"raw with all", "POST /?topic=a/b&type=t&id=mine&retry=86400000", "x\ny", "", `{"id":"mine"}`, 1},
		{"raw JSON", "POST /?topic=a", `{"any":1}`, jsonType, `{"id":"E-4"}`, 1},
		{"raw at the limit", "POST /?topic=a", limit, "", `{"id":"E-5"}`, 1},
		{"not encoded", "POST /?topic=a&ephemeral=0", "x", "Content-Encoding: Identity", `{"id":"E-6"}`, 1},
		{"ephemeral", "POST /?topic=a&ephemeral=1", "x", "", `{"id":"E-7"}`, 1},
		{"object that is ephemeral", "POST /", `{"topic":"a","ephemeral":true}`, jsonType, `{"id":"E-8"}`, 1},
		{"topic at the limit", "POST /?topic=" + strings.Repeat("t", 128), "x", "", `{"id":"E-9"}`, 1},
		{"object", "POST /", `{"topic":"a","type":"t","id":"mine2","retry":1,"data":"x"}`, jsonType, `{"id":"mine2"}`, 1},
		{"object with a charset", "POST /", ` {"topic":"a","data":null} `, "Content-Type: Application/JSON; charset=utf-8", `{"id":"E-11"}`, 1},
		{"object at the limit", "POST /", `{"topic":"a","data":"` + limit + `"}`, jsonType, `{"id":"E-12"}`, 1},
		{"array of one", "POST /", `[{"topic":"a","data":{"x": [1, 2]}}]`, jsonType, `{"ids":["E-13"]}`, 1},
		{"array", "POST /", `[{"topic":"a"},{"topic":"b","id":"mine3"}]`, jsonType, `{"ids":["E-14","mine3"]}`, 2},
	}
	seq := 0
	for _, tt := range tests {
		ctx := call(publish, tt.line, tt.body, or(tt.typ, "Content-Type: text/plain"))
		got := strings.TrimSpace(string(ctx.Response.Body()))
		if want := strings.ReplaceAll(tt.answer, "E-", epoch+"-"); ctx.Response.StatusCode() != 200 || got != want {
			t.Errorf("%s: %d %s, want %s", tt.name, ctx.Response.StatusCode(), got, want)
		}
		seq += tt.events
		if want := fmt.Sprintf("%s-%d", epoch, seq); hub.LastID() != want {
			t.Fatalf("%s: LastID is %s, want %s", tt.name, hub.LastID(), want)
		}
	}
	array := "[" + strings.TrimSuffix(strings.Repeat(`{"topic":"a"},`, 1000), ",") + "]"
	if ctx := call(publish, "POST /", array, jsonType); ctx.Response.StatusCode() != 200 {
		t.Errorf("an array of 1,000: %s", ctx.Response.Body())
	}
}

// What is published over HTTP arrives as it was meant.
func TestPublishedOverHTTPArrives(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{publish: server.PublishOptions{AllowAnyone: true}})
		c := h.open("a")
		publish := server.PublishHandler(h.hub, server.PublishOptions{AllowAnyone: true})
		call(publish, "POST /?topic=a&type=t&id=i&retry=77", "raw\nbody")
		call(publish, "POST /", `[{"topic":"a","data":"text \"quoted\""},{"topic":"a","data":{"x": [1, 2]}},{"topic":"a","data":7},{"topic":"a"}]`, jsonType)
		if e := c.next(); e.ID != "i" || e.Type != "t" || e.Data != "raw\nbody" || c.dec.Retry != "77" {
			t.Errorf("got %+v, retry %s", e, c.dec.Retry)
		}
		c.expect(`text "quoted"`, `{"x":[1,2]}`, `7`, ``)
	})
}

func TestBadSubscribeIsRefused(t *testing.T) {
	t.Parallel()
	hub := newHub(t, server.Config{MaxTopics: 3})
	subscribe := server.SubscribeHandler(hub, server.SubscribeOptions{})
	tests := []struct {
		line         string
		status       int
		field, value string
	}{
		{"GET /", 400, "topic", ""},
		{"GET /?topic=", 400, "topic", ""},
		{"GET /?topic=a&topic=", 400, "topic", ""},
		{"GET /?topic=a%20b", 400, "topic", "a b"},
		{"GET /?topic=a*", 400, "topic", "a*"},
		{"GET /?topic=*", 400, "topic", "*"},
		{"GET /?topic=/*", 400, "topic", "/*"},
		{"GET /?topic=a/*/b", 400, "topic", "a/*/b"},
		{"GET /?topic=" + strings.Repeat("t", 129), 400, "topic", strings.Repeat("t", 80) + "…"},
		{"GET /?topic=a&topic=b&topic=c&topic=d", 400, "topic", "4 topics"},
		{"HEAD /?topic=a%20b", 400, "topic", "a b"},
		{"GET /?topic=a&lastEventID=e-1", 400, "query", "lastEventID"},
		{"GET /?topic=a&last-event-id=e-1", 400, "query", "last-event-id"},
		{"POST /?topic=a", 405, "method", "POST"},
		{"DELETE /?topic=a", 405, "method", "DELETE"},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			ctx := call(subscribe, tt.line, "")
			p := problemOf(t, ctx)
			if got := ctx.Response.StatusCode(); got != tt.status || p.Field != tt.field || p.Value != tt.value {
				t.Errorf("%d %+v, want %d, field %q, value %q", got, p, tt.status, tt.field, tt.value)
			}
			if p.Remedy == "" || !strings.Contains(p.Error, p.Remedy) {
				t.Errorf("no remedy, or an error without it: %+v", p)
			}
			if allow := string(ctx.Response.Header.Peek("Allow")); (tt.status == 405) != (allow == "GET, HEAD, OPTIONS") {
				t.Errorf("Allow %q", allow)
			}
			if ctx.Hijacked() || hub.TopicsHeld() != 0 || hub.Stats().Opened != 0 {
				t.Error("the hub has changed")
			}
		})
	}
	for name, line := range map[string]string{
		"as many topics as may be":    "GET /?topic=a&topic=b/*&topic=c",
		"a ticket and a cache-buster": "GET /?topic=a&ticket=t&_=1700000000",
	} {
		if ctx := call(subscribe, line, ""); !ctx.Hijacked() {
			t.Errorf("%s: %s", name, ctx.Response.Body())
		}
	}
}

func TestWhoMayPublish(t *testing.T) {
	t.Parallel()
	yes := func(*fasthttp.RequestCtx, []server.Message) error { return nil }
	no := func(err error) func(*fasthttp.RequestCtx, []server.Message) error {
		return func(*fasthttp.RequestCtx, []server.Message) error { return err }
	}
	tests := []struct {
		name    string
		o       server.PublishOptions
		headers []string
		status  int
	}{
		{"off", server.PublishOptions{}, nil, 403},
		{"open", server.PublishOptions{AllowAnyone: true}, nil, 200},
		{"no token", server.PublishOptions{Token: "secret"}, nil, 401},
		{"no token, although open", server.PublishOptions{Token: "secret", AllowAnyone: true}, nil, 401},
		{"wrong token", server.PublishOptions{Token: "secret"}, []string{"Authorization: Bearer secre"}, 401},
		{"longer token", server.PublishOptions{Token: "secret"}, []string{"Authorization: Bearer secret2"}, 401},
		{"empty token", server.PublishOptions{Token: "secret"}, []string{"Authorization: Bearer "}, 401},
		{"other scheme", server.PublishOptions{Token: "secret"}, []string{"Authorization: Basic secret"}, 401},
		{"token", server.PublishOptions{Token: "secret"}, []string{"Authorization: Bearer secret"}, 200},
		{"scheme in another case", server.PublishOptions{Token: "secret"}, []string{"Authorization: bearer secret"}, 200},
		{"hook agrees", server.PublishOptions{Authorize: yes}, nil, 200},
		{"hook refuses", server.PublishOptions{Authorize: no(&server.StatusError{})}, nil, 403},
		{"hook fails", server.PublishOptions{Authorize: no(fmt.Errorf("no"))}, nil, 500},
		{"hook says how", server.PublishOptions{Authorize: no(&server.StatusError{Code: 404})}, nil, 404},
		{"hook alone is not enough", server.PublishOptions{Token: "secret", Authorize: yes}, nil, 401},
		{"token alone is not enough", server.PublishOptions{Token: "secret", Authorize: no(&server.StatusError{})}, []string{"Authorization: Bearer secret"}, 403},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			hub := newHub(t, server.Config{})
			before := hub.LastID()
			ctx := call(server.PublishHandler(hub, tt.o), "POST /?topic=a", "x", tt.headers...)
			if got := ctx.Response.StatusCode(); got != tt.status {
				t.Fatalf("%d %s, want %d", got, ctx.Response.Body(), tt.status)
			}
			if (hub.LastID() == before) != (tt.status != 200) {
				t.Errorf("LastID is %s, was %s", hub.LastID(), before)
			}
			if tt.status != 200 && problemOf(t, ctx).Error == "" {
				t.Error("no error")
			}
			if auth := string(ctx.Response.Header.Peek("WWW-Authenticate")); (auth != "") != (tt.status == 401) {
				t.Errorf("WWW-Authenticate %q", auth)
			}
		})
	}
}

// Authorize may change the messages; what it leaves is checked.
func TestPublishAuthorizeMayChangeMessages(t *testing.T) {
	t.Parallel()
	hub := newHub(t, server.Config{})
	rename := func(prefix string) fasthttp.RequestHandler {
		return server.PublishHandler(hub, server.PublishOptions{Authorize: func(_ *fasthttp.RequestCtx, m []server.Message) error {
			m[0].Topic = prefix + m[0].Topic
			return nil
		}})
	}
	if ctx := call(rename("b a d"), "POST /?topic=a", "x"); ctx.Response.StatusCode() != 400 {
		t.Errorf("a bad name: %d", ctx.Response.StatusCode())
	}
	if ctx := call(rename("t/"), "POST /?topic=a", "x"); ctx.Response.StatusCode() != 200 || hub.Stats().Topics != 1 {
		t.Errorf("a good name: %d", ctx.Response.StatusCode())
	}
}

func TestPublishToAClosedHubIsUnavailable(t *testing.T) {
	t.Parallel()
	hub := newHub(t, server.Config{})
	hub.Close(context.Background())
	ctx := call(server.PublishHandler(hub, server.PublishOptions{AllowAnyone: true}), "POST /?topic=a", "x")
	if ctx.Response.StatusCode() != 503 {
		t.Errorf("%d %s", ctx.Response.StatusCode(), ctx.Response.Body())
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	const here, there = "https://example.org", "https://evil.example"
	tests := []struct {
		name                     string
		cors                     server.CORS
		origin                   string
		allow, credentials, vary string
		methods                  bool // the preflight allows
	}{
		{name: "none", origin: here},
		{name: "listed", cors: server.CORS{Origins: []string{"https://a.example", here}}, origin: here, allow: here, vary: "Origin", methods: true},
		{name: "not listed", cors: server.CORS{Origins: []string{here}}, origin: there, vary: "Origin"},
		{name: "no origin", cors: server.CORS{Origins: []string{here}}, vary: "Origin"},
		{name: "null", cors: server.CORS{Origins: []string{here}}, origin: "null", vary: "Origin"},
		{name: "prefix", cors: server.CORS{Origins: []string{here}}, origin: here + ".evil", vary: "Origin"},
		{name: "any", cors: server.CORS{Origins: []string{"*"}}, origin: there, allow: "*", methods: true},
		{name: "credentials", cors: server.CORS{Origins: []string{here}, Credentials: true}, origin: here, allow: here, credentials: "true", vary: "Origin", methods: true},
		{name: "credentials elsewhere", cors: server.CORS{Origins: []string{here}, Credentials: true}, origin: there, vary: "Origin"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			hub := newHub(t, server.Config{})
			handlers := map[string]fasthttp.RequestHandler{
				"GET, HEAD, OPTIONS": server.SubscribeHandler(hub, server.SubscribeOptions{CORS: tt.cors}),
				"POST, OPTIONS":      server.PublishHandler(hub, server.PublishOptions{CORS: tt.cors, AllowAnyone: true}),
			}
			for methods, h := range handlers {
				method, _, _ := strings.Cut(methods, ",")
				for _, line := range []string{method + " /?topic=a", method + " /?topic=a%20b", "OPTIONS /"} {
					var headers []string
					if tt.origin != "" {
						headers = []string{"Origin: " + tt.origin}
					}
					ctx := call(h, line, "", headers...)
					get := func(name string) string { return string(ctx.Response.Header.Peek(name)) }
					if a, c, v := get("Access-Control-Allow-Origin"), get("Access-Control-Allow-Credentials"), get("Vary"); a != tt.allow || c != tt.credentials || v != tt.vary {
						t.Errorf("%s: allow %q, credentials %q, vary %q; want %q, %q, %q", line, a, c, v, tt.allow, tt.credentials, tt.vary)
					}
					if line != "OPTIONS /" {
						continue
					}
					if ctx.Response.StatusCode() != 204 || get("Allow") != methods {
						t.Errorf("preflight: %d, Allow %q", ctx.Response.StatusCode(), get("Allow"))
					}
					wantMethods := ""
					if tt.methods {
						wantMethods = methods
					}
					if m := get("Access-Control-Allow-Methods"); m != wantMethods {
						t.Errorf("preflight allows methods %q, want %q", m, wantMethods)
					}
					if hs := get("Access-Control-Allow-Headers"); tt.methods != strings.Contains(hs, "Last-Event-ID") {
						t.Errorf("preflight allows headers %q", hs)
					}
				}
			}
		})
	}
}

func mustPanic(t *testing.T, parts []string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		got := fmt.Sprint(recover())
		for _, part := range parts {
			if !strings.Contains(got, part) {
				t.Errorf("panic with %q, want %q in it", got, part)
			}
		}
	}()
	f()
}

func TestAnyOriginWithCredentialsPanics(t *testing.T) {
	t.Parallel()
	hub := newHub(t, server.Config{})
	cors := server.CORS{Origins: []string{"https://example.org", "*"}, Credentials: true}
	says := []string{`"*"`, "Credentials", "name the origins"}
	mustPanic(t, says, func() { server.SubscribeHandler(hub, server.SubscribeOptions{CORS: cors}) })
	mustPanic(t, says, func() { server.PublishHandler(hub, server.PublishOptions{CORS: cors}) })
	mustPanic(t, says, func() {
		server.Mount(router.New(), hub, server.MountOptions{Subscribe: server.SubscribeOptions{CORS: cors}})
	})
}

func TestMount(t *testing.T) {
	t.Parallel()
	tests := []struct {
		o                  server.MountOptions
		subscribe, publish string
	}{
		{server.MountOptions{}, "/events", "/publish"},
		{server.MountOptions{SubscribePath: "/v1/live", PublishPath: "/v1/send"}, "/v1/live", "/v1/send"},
	}
	for _, tt := range tests {
		hub := newHub(t, server.Config{})
		tt.o.Publish.AllowAnyone = true
		r := router.New()
		server.Mount(r, hub, tt.o)
		for line, want := range map[string]int{
			"GET " + tt.subscribe:               400,
			"HEAD " + tt.subscribe + "?topic=a": 200,
			"OPTIONS " + tt.subscribe:           204,
			"POST " + tt.subscribe + "?topic=a": 405,
			"POST " + tt.publish + "?topic=a":   200,
			"OPTIONS " + tt.publish:             204,
			"GET " + tt.publish + "?topic=a":    405,
			"GET /elsewhere":                    404,
		} {
			if got := call(r.Handler, line, "").Response.StatusCode(); got != want {
				t.Errorf("%s: %d, want %d", line, got, want)
			}
		}
		if !call(r.Handler, "GET "+tt.subscribe+"?"+url.Values{"topic": {"a", "b/*"}}.Encode(), "").Hijacked() {
			t.Errorf("GET %s opens no stream", tt.subscribe)
		}
	}
	hub := newHub(t, server.Config{})
	mustPanic(t, nil, func() {
		r := router.New()
		server.Mount(r, hub, server.MountOptions{})
		server.Mount(r, hub, server.MountOptions{})
		t.Error("the same routes twice")
	})
}

func TestConfigThatCannotBeHonouredIsRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		config server.Config
		says   []string
	}{
		{server.Config{Retry: time.Microsecond}, []string{"Config.Retry", `"1µs"`, "at least 1ms"}},
		{server.Config{Heartbeat: 15}, []string{"Config.Heartbeat", `"15ns"`, "nanoseconds", "15*time.Second"}},
		{server.Config{Heartbeat: 999_999}, []string{"Config.Heartbeat", `"999.999µs"`}},
		{server.Config{MaxAge: 240}, []string{"Config.MaxAge", `"240ns"`, "nanoseconds", "with its unit"}},
		{server.Config{WriteTimeout: 30}, []string{"Config.WriteTimeout", `"30ns"`, "nanoseconds", "with its unit"}},
		{server.Config{Retention: []server.Retention{{Topics: "*", Age: 300}}}, []string{"Config.Retention[0]", "Age", `"300ns"`, "with its unit"}},
		{server.Config{MaxEventBytes: 64<<20 + 1}, []string{"Config.MaxEventBytes", `"67108865"`, "64 MiB", "at most 67108864"}},
		{server.Config{MaxTopics: -1}, []string{"Config.MaxTopics", `"-1"`, "1 or more"}},
		{server.Config{MaxEventBytes: -2}, []string{"Config.MaxEventBytes", `"-2"`, "1 or more"}},
		{server.Config{MaxHistoryBytes: -3}, []string{"Config.MaxHistoryBytes", `"-3"`, "1 or more"}},
		{server.Config{ForwardedHops: -1}, []string{"Config.ForwardedHops", `"-1"`, "how many proxies"}},
		{server.Config{Shards: -1}, []string{"Config.Shards", `"-1"`, "leave it zero"}},
		{server.Config{Shards: 65}, []string{"Config.Shards", `"65"`, "leave it zero"}},
		{server.Config{SlowSubscribers: 2}, []string{"Config.SlowSubscribers", `"2"`, "Disconnect or Skip"}},
		{server.Config{GapType: "a\nb"}, []string{"Config.GapType", `"a\nb"`, "plain name"}},
		{server.Config{Retention: []server.Retention{{Topics: "a"}, {}}}, []string{"Config.Retention[1]", `topic ""`, "name a topic"}},
		{server.Config{Retention: []server.Retention{{Topics: "a*"}}}, []string{"Config.Retention[0]", `"a*"`, "use "}},
		{server.Config{Retention: []server.Retention{{Topics: "*", Events: -1}}}, []string{"Config.Retention[0]", `"*"`, "-1 events", "zero means the default"}},
		{server.Config{Retention: []server.Retention{{Topics: "a", Age: -time.Second}}}, []string{"Config.Retention[0]", `"a"`, "-1s", "zero means the default"}},
	}
	for _, tt := range tests {
		hub, err := server.New(tt.config)
		if err == nil {
			hub.Close(context.Background())
			t.Errorf("%+v is accepted", tt.config)
			continue
		}
		for _, part := range append(tt.says, "server: ") {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q lacks %q", err, part)
			}
		}
	}
}

func TestTheLeastAndTheMostThatCanBeHonoured(t *testing.T) {
	t.Parallel()
	for _, c := range []server.Config{
		{Heartbeat: time.Millisecond, Retry: time.Millisecond, MaxAge: time.Millisecond, WriteTimeout: time.Millisecond,
			Retention: []server.Retention{{Topics: "*", Age: time.Millisecond}}},
		{Heartbeat: -1, Retry: -1, MaxAge: -1, WriteTimeout: -1},
		{MaxSubscribersPerIP: -1, MaxOpensPerSecond: -1},
		{MaxTopics: 1, MaxEventBytes: 1, MaxHistoryBytes: 1, Shards: 1},
		{MaxEventBytes: 64 << 20, Shards: 64},
	} {
		newHub(t, c)
	}
}

func TestFirstRetentionThatMatchesCounts(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, server.Config{Retention: []server.Retention{
		{Topics: "s/keep", Events: 5},
		{Topics: "s/*", Events: 2},
		{Topics: "*", Events: 3},
	}})
	for topic, keeps := range map[string]int{"s/keep": 5, "s/x": 2, "s/x/y": 2, "s": 3, "other": 3} {
		from := s.Publish(topic, "0")[0]
		s.Publish(topic, numbers(1, 10)...)
		c := s.Resume(from, topic)
		c.ExpectGap("evicted")
		c.Expect(numbers(11-keeps, 10)...)
	}
}

func TestPublishErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	hub := newHub(t, server.Config{MaxEventBytes: 10})
	_, err := hub.Publish("a/b", streamwriter.Event{Data: make([]byte, 11)})
	for _, part := range []string{`server: publish to "a/b"`, "11 bytes", "Config.MaxEventBytes (10)", "raise it"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v lacks %q", err, part)
		}
	}
	_, err = hub.PublishAll([]server.Message{{Topic: "a"}, {Topic: "b "}})
	if err == nil || !strings.Contains(err.Error(), "message 2 of 2") || hub.TopicsHeld() != 0 {
		t.Errorf("%v, %d topics", err, hub.TopicsHeld())
	}
}
