package server_test

import (
	"strings"

	"github.com/fastsse/fastsse/server"
	"github.com/valyala/fasthttp"
)

const here, there = "Origin: https://example.org", "Origin: https://evil.example"

// Requests that open no stream, and the headers of answers.
var refusalTranscripts = []scenario{
	{name: "subscribe-refused", in: twoKinds, setup: setup{config: server.Config{MaxTopics: 2}}, run: func(s *scene) {
		for _, query := range []string{
			"", "?topic=", "?topic=a&topic=", "?topic=a%20b", "?topic=a*", "?topic=/*", "?topic=*",
			"?topic=" + strings.Repeat("t", 129), "?topic=a&topic=b&topic=c", "?topic=%22%3C%26%3E%ff",
			"?topic=a&lastEventID=x-1", "?topic=a&last-event-id=x-1", "?topic=a%20b&last_event_id=x-1",
		} {
			s.ask("GET", s.kind.path+query)
		}
		s.ask("HEAD", s.kind.path+"?topic=a%20b")
		for _, method := range []string{"POST", "PUT", "DELETE", "BREW"} {
			s.ask(method, s.kind.path+"?topic=a", "Content-Length: 0")
		}
	}},
	{name: "subscribe-head", in: twoKinds, run: func(s *scene) {
		s.ask("HEAD", s.kind.path+"?topic=a")
		s.ask("HEAD", s.kind.path+"?topic=a", "Connection: close")
	}},
	{name: "cors-none", in: twoKinds, run: askCORS},
	{name: "cors-origin", in: twoKinds, setup: setup{subscribe: subscribeOptions{CORS: cors{Origins: []string{"https://a.example", "https://example.org"}}}}, run: askCORS},
	{name: "cors-any", in: twoKinds, setup: setup{subscribe: subscribeOptions{CORS: cors{Origins: []string{"*"}}}}, run: askCORS},
	{name: "cors-credentials", in: twoKinds, setup: setup{subscribe: subscribeOptions{CORS: cors{Origins: []string{"https://example.org"}, Credentials: true}}}, run: askCORS},
	{name: "middleware", in: twoKinds, setup: setup{wrap: middleware, subscribe: subscribeOptions{
		CORS: cors{Origins: []string{"https://example.org"}},
		Authorize: func(_ *fasthttp.RequestCtx, s *subscription) error {
			return refusals[s.Topics[0]]
		},
	}}, run: func(s *scene) {
		st := s.fresh("topic=a", here)
		s.put("a", "1")
		st.data("1")
		st.Close()
		s.ask("GET", s.kind.path+"?topic=reason", here)
		s.ask("HEAD", s.kind.path+"?topic=a", here)
		s.drain()
		s.turnedAway("topic=a")
	}},
	{name: "mount", in: []connKind{parkedTCP}, setup: setup{publish: publishOptions{AllowAnyone: true}}, run: func(s *scene) {
		s.askMounted("/events", "/publish")
	}},
	{name: "mount-elsewhere", in: []connKind{parkedTCP}, handler: func(s *scene) fasthttp.RequestHandler {
		return s.mounted("/v1/live", "/v1/send")
	}, run: func(s *scene) {
		s.askMounted("/v1/live", "/v1/send")
		s.ask("GET", "/events?topic=a")
	}},
	{name: "handlers-alone", in: twoKinds, handler: func(s *scene) fasthttp.RequestHandler {
		subscribe, publish := s.subscribeHandler(subscribeOptions{}), s.publishHandler(publishOptions{AllowAnyone: true})
		return func(ctx *fasthttp.RequestCtx) {
			if string(ctx.Path()) == "/in" {
				publish(ctx)
				return
			}
			subscribe(ctx)
		}
	}, run: func(s *scene) {
		st := s.fresh("topic=a")
		s.post("/in?topic=a", "1")
		st.data("1")
		st.Close()
	}},
}

// askCORS is what pages of other origins ask.
func askCORS(s *scene) {
	for _, origin := range []string{here, there} {
		s.ask("OPTIONS", s.kind.path, origin, "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: last-event-id")
		st := s.fresh("topic=a", origin)
		st.Close()
		s.ask("GET", s.kind.path, origin)
	}
	s.ask("OPTIONS", s.kind.path)
	s.ask("HEAD", s.kind.path+"?topic=a")
}

// middleware sets headers before and after a handler, among them some that are not
// its own to set.
func middleware(h fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		ctx.Response.Header.Set("X-Before", "1")
		h(ctx)
		ctx.Response.Header.Set("X-After", "2")
		var cookie fasthttp.Cookie
		cookie.SetKey("session")
		cookie.SetValue("s")
		ctx.Response.Header.SetCookie(&cookie)
		if ctx.Hijacked() {
			ctx.Response.Header.Set("Content-Encoding", "gzip")
			ctx.Response.Header.SetContentLength(17)
		}
	}
}

// askMounted tries every route.
func (s *scene) askMounted(subscribe, publish string) {
	st := s.send("GET", subscribe+"?topic=a")
	st.Until("id: " + s.hub.LastID() + "\n")
	st.Close()
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST", "PATCH"} {
		s.ask(method, subscribe)
	}
	s.ask("HEAD", subscribe+"?topic=a")
	s.post(publish+"?topic=a", "1")
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "PATCH"} {
		s.ask(method, publish+"?topic=a")
	}
	s.ask("GET", subscribe+"/?topic=a")
	s.ask("GET", "/elsewhere")
}
