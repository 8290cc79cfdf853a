package check

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	methodRemedy    = "answer HEAD with the headers alone, or with 405, without opening a stream"
	http10Remedy    = "answer HTTP/1.0, which nginx speaks to servers by default, without chunks: the body as it is, then the end of the connection"
	preflightRemedy = "answer OPTIONS with 204, Access-Control-Allow-Origin, and Access-Control-Allow-Headers: Last-Event-ID; clients that use fetch ask for it, EventSource does not"
)

// http2Streams is how many streams are opened on one HTTP/2 connection: more than Apache
// carries.
const http2Streams = 8

// overHTTP2 is what came of requests for the same stream over one HTTP/2 connection.
type overHTTP2 struct {
	status, major int           // of the first stream
	head, first   time.Duration // until its head, and its body's first byte
	err           error
	opened        int // how many were open together
}

// overHTTP2 opens streams over HTTP/2 for as long as within, if the server speaks it.
func (e *endpoint) overHTTP2(ctx context.Context, within time.Duration) (h overHTTP2) {
	if e.url.Scheme != "https" {
		return h
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	t := e.transport()
	t.MaxConnsPerHost = 1
	defer t.CloseIdleConnections()
	open := func() (*http.Response, error) {
		req, err := e.stream(ctx, request{})
		if err != nil {
			return nil, err
		}
		return t.RoundTrip(req)
	}
	asked := time.Now()
	res, err := open()
	if err != nil {
		return overHTTP2{err: err}
	}
	defer func() { _ = res.Body.Close() }()
	h = overHTTP2{status: res.StatusCode, major: res.ProtoMajor, head: time.Since(asked)}
	if h.major == 1 || h.status != 200 {
		return h
	}
	if _, h.err = io.ReadFull(res.Body, make([]byte, 1)); h.err != nil {
		return h
	}
	h.first, h.opened = time.Since(asked), 1
	answers := make([]*http.Response, http2Streams-1)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i], _ = open() })
	}
	all.Wait()
	for _, res := range answers {
		if res != nil {
			_ = res.Body.Close()
			h.opened += map[bool]int{true: 1}[res.StatusCode == 200]
		}
	}
	return h
}

func (s *session) judgeProtocol(check check) {
	a, h, r := &s.headMethod, &s.headMethod.head, methodRemedy
	_, more, _ := bytes.Cut(a.raw, []byte("\r\n\r\n"))
	check("head-method",
		when(h.status == 0, fail(r, "%s to HEAD within %s", a.status(), span(a.lived()))),
		when(len(more) > 0, fail(r, "HEAD is answered %s, and then bytes follow, which a client takes for its next answer: %s", h, quote(string(more)))),
		when(h.status/100 == 2 || h.status == 405, good("HEAD is answered %s after %s, without a body", h, span(a.headIn()))),
		warn(r, "HEAD is answered %s", h))
	a, h, r = &s.wrongMethod, &s.wrongMethod.head, "answer 405 to methods that are not served, with Allow"
	check("wrong-method",
		when(h.status == 0, warn(r, "%s to %s within %s", a.status(), wrongMethod, span(a.lived()))),
		when(h.status/100 == 2 && h.has("Content-Type", "text/event-stream"), warn(r, "%s opens a stream as well", wrongMethod)),
		when(h.status/100 == 4 || h.status == 501, good("%s is answered %s", wrongMethod, h)),
		warn(r, "%s is answered %s", wrongMethod, h))
	a, h, r = &s.http10, &s.http10.head, http10Remedy
	coding := h.all("Transfer-Encoding")
	check("http-1.0", s.noStream(),
		when(h.status == 0, fail(r, "%s to a request of HTTP/1.0 within %s", a.status(), span(a.lived()))),
		when(h.status != 200, good("refused: %s", h)),
		when(coding != "", fail(r, "a request of HTTP/1.0 is answered with Transfer-Encoding: %s, which HTTP/1.0 does not have", coding)),
		when(!hasBody(a) && len(s.round) > 0, fail(r, "a stream over HTTP/1.0 opens, and nothing comes")),
		good("a stream over HTTP/1.0 opens, without chunks"))
	o := &s.http2
	check("http-2", s.noStream(),
		when(s.here.url.Scheme != "https", skip("needs https; over HTTP/1.1 a browser opens 6 connections per host, for all its tabs together")),
		when(o.major == 1, warn("offer HTTP/2 in the proxy: one connection carries a hundred streams or more", "not offered: a browser opens 6 connections per host, for all its tabs together")),
		when(o.major == 0, warn("read the server's log", "no answer over HTTP/2: %v", o.err)),
		when(o.status != 200, fail("answer the same over HTTP/2", "answered with status %d", o.status)),
		when(o.err != nil, warn("begin every stream with a comment line and a retry", "the stream opens after %s, and sends no first byte: %v", span(o.head), o.err)),
		when(o.opened < http2Streams, fail("put another proxy in front for HTTP/2, such as nginx, HAProxy or Caddy: Apache carries 6 streams per connection, whatever its settings",
			"of %d streams on one connection %d opened: a browser has one connection for all its tabs, and whatever else they ask for waits", http2Streams, o.opened)),
		good("the head came after %s, the body's first byte after %s; %d streams opened on one connection", span(o.head), span(o.first), o.opened))
}

func (s *session) judgeCORS(check check) {
	no := when(s.Origin == "", skip("needs -origin"))
	const allow, credentials = "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials"
	h, remedy := &s.origin.head, "answer "+allow+": "+s.Origin
	allowed, cookies := h.all(allow), strings.EqualFold(h.Get(credentials), "true")
	check("origin", s.noStream(), no,
		when(h.status == 0, skip("%s to a request with an Origin", s.origin.status())),
		when(allowed == "", fail(remedy, "no %s: pages of %s cannot read the stream", allow, s.Origin)),
		when(strings.Contains(allowed, ","), fail(remedy+", once", "several origins are allowed at once (%s): browsers refuse all", allowed)),
		when(allowed == "*" && cookies, fail(remedy+", not *", "allows * with credentials: browsers refuse that for requests with cookies")),
		when(allowed == "*", good("allows any origin, without cookies")),
		when(allowed != s.Origin, fail(remedy, "allows %s, not %s", quote(allowed), s.Origin)),
		when(!h.has("Vary", "origin", "*"), warn("answer Vary: Origin, or a cache serves one origin's answer to another", "allows %s, without Vary: Origin", s.Origin)),
		when(cookies, good("allows %s, with cookies", s.Origin)),
		good("allows %s, without cookies", s.Origin))
	// Clients ask OPTIONS if they use fetch with headers of their own; EventSource does not.
	h = &s.preflight.head
	allowed = h.all(allow)
	wild := allowed == "*" && !strings.EqualFold(h.Get(credentials), "true") && h.has("Access-Control-Allow-Headers", "*")
	check("preflight", no,
		when(h.status/100 != 2, warn(preflightRemedy, "OPTIONS: %s", s.preflight.status())),
		when(allowed != s.Origin && allowed != "*", warn(preflightRemedy, "OPTIONS: %s, and %s is not allowed", h, s.Origin)),
		when(!h.has("Access-Control-Allow-Headers", "last-event-id") && !wild, warn(preflightRemedy, "OPTIONS: Last-Event-ID is not among the allowed headers (%s)", quote(h.all("Access-Control-Allow-Headers")))),
		good("OPTIONS allows Last-Event-ID: %s", h))
}
