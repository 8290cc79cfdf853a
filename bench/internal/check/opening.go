package check

import (
	"fmt"
	"mime"
	"slices"
	"strings"
	"time"
)

const (
	headRemedy   = "send the head when the stream opens, with a comment and a retry as its first bytes (fasthttp: ImmediateHeaderFlush; net/http: Flush before the first event)"
	byteRemedy   = "begin every stream with a comment line and a retry: some proxies hold the head back until the body begins, and Heroku ends a stream that has sent nothing for 30 s"
	chunkRemedy  = "answer HTTP/1.1 with Transfer-Encoding: chunked: the last chunk tells a whole answer from one that was cut"
	cacheRemedy  = "answer Cache-Control: no-store to what is refused, and leave the stream's address out of the cache (Varnish: pass; nginx: proxy_cache off)"
	bufferRemedy = "turn buffering off in the proxy (nginx: X-Accel-Buffering: no, or proxy_buffering off; lighttpd: server.stream-response-body = 2; Varnish: pass or pipe, without do_gzip), and flush every event in the server"
)

// noStream says why no stream was opened, if none was.
func (s *session) noStream() Finding {
	why := s.here.first.whyNoStream()
	return when(why != "", skip("%s", why))
}

// judgeAnswer judges the head of the first stream, and when it came.
func (s *session) judgeAnswer(check check) {
	v, a, h := s.here, &s.here.first, &s.here.first.head
	no, redirected, hop := s.noStream(), "", ""
	if len(a.hops) > 0 {
		hop = a.hops[len(a.hops)-1]
		redirected = ", redirected " + hop
	}
	silence := ": the server holds it back until the first event, or a proxy buffers"
	switch {
	case s.direct.first.streams():
		silence = fmt.Sprintf(": BUFFERED by a proxy, because direct it came after %s", span(s.direct.first.headIn()))
	case !v.poked.IsZero():
		silence = ", nor when an event was published: the server has not answered, or a proxy buffers"
	}
	const remedy = "answer 200: after any other status an EventSource does not reconnect"
	connecting, end := span(a.connected.Sub(a.begun)), fmt.Sprint(a.err)
	check("status",
		when(h.status == 200, good("%s", h)),
		when(v.tls, fail("give the address with https", "the port speaks TLS, and was asked in plain text: %s", a.status())),
		when(h.status == 204, fail(remedy, "204: this tells clients to stop for good; there is no stream here%s", redirected)),
		when(h.status != 0, fail(remedy, "%s%s: %s", h, redirected, quote(strings.TrimSpace(string(a.start))))),
		when(strings.Contains(end, "certificate"), fail("-cert and -key give a certificate of the client", "no answer: %s", end)),
		when(a.how != left, fail("read the server's log", "no answer: the connection ended after %s: %s%s", span(a.lived()), end, redirected)),
		fail("send the head at once, before the first event; if the server does: "+bufferRemedy, "no answer within %s, on a connection that was made in %s%s", span(a.lived()), connecting, silence))
	check("redirect",
		when(len(a.hops) == 0, good("none")),
		warn("give clients the final URL: browsers go on reconnecting to the one that they were once redirected to", "%s, the last %s", count(len(a.hops), "redirect"), hop))
	s.judgeHeaders(check)
	held, took, first := a.headAt.Sub(v.poked), a.headIn(), a.bodyAt.Sub(a.headAt)
	check("head", when(h.status != 200, no),
		when(!v.poked.IsZero() && held > 0 && held < s.pace.head, fail(headRemedy, "held back until the first event: nothing for %s, then the head %s after an event was published; until then a client cannot tell that it is connected", span(v.poked.Sub(a.connected)), span(held))),
		when(took <= s.pace.head, good("came %s after the request; connecting took %s", span(took), connecting)),
		when(first < signAfter && a.text.count > 0, fail(headRemedy, "came only after %s, together with the first event; connecting took %s", span(took), connecting)),
		warn("find out what the server, or a proxy, waits for", "came only after %s; connecting took %s", span(took), connecting))
	check("first-byte", no,
		when(!hasBody(a), warn(byteRemedy, "the body had no byte within %s after the head", span(a.ended.Sub(a.headAt)))),
		when(first > s.pace.head, warn(byteRemedy, "the body's first byte came only %s after the head", span(first))),
		when(first < time.Millisecond, good("the body began with the head")),
		good("the body began %s after the head", span(first)))
}

func (s *session) judgeHeaders(check check) {
	a, h := &s.here.first, &s.here.first.head
	no := when(h.status != 200, s.noStream())
	const want, typed = "text/event-stream", "answer Content-Type: text/event-stream"
	value := h.all("Content-Type")
	typ, params, err := mime.ParseMediaType(value)
	check("content-type", no,
		when(value == want, good(want)),
		when(value == "", fail(typed, "missing: an EventSource closes for good")),
		when(len(h.Values("Content-Type")) > 1, fail(typed, "sent several times: %s", quote(value))),
		when(err != nil || typ != want, fail(typed, "%s: an EventSource closes for good", quote(value))),
		when(!slices.Contains([]string{"", "utf-8", "utf8"}, strings.ToLower(params["charset"])), fail(typed, "%s: the format is UTF-8, and Chrome closes for good on any other charset", quote(value))),
		good("%s", quote(value)))
	const control, cached = "Cache-Control", "answer Cache-Control: no-cache, no-transform"
	value = h.all(control)
	fresh := h.has(control, "no-cache", "no-store")
	check("cache-control", no,
		when(value == "", warn(cached, "missing: a cache may store the stream, and a proxy may compress it")),
		when(!fresh && h.has(control, "max-age", "public", "s-maxage"), fail(cached, "%s: lets caches store the stream and serve it to others", quote(value))),
		when(!fresh, warn(cached, "%s: has neither no-cache nor no-store", quote(value))),
		when(!h.has(control, "no-transform"), warn(cached, "%s: without no-transform, proxies may compress the stream, and buffer it to do so", quote(value))),
		good("%s", value))
	check("cached", when(h.status == 0, no), s.cached())
	server, _, _ := strings.Cut(strings.ToLower(h.Get("Server")), "/")
	value = h.all("X-Accel-Buffering")
	nginx := value == "" && slices.Contains([]string{"nginx", "openresty", "tengine"}, server)
	if nginx {
		value = s.direct.first.head.all("X-Accel-Buffering")
	}
	check("x-accel-buffering", no,
		when(nginx && !s.direct.first.streams(), skip("cannot be seen from here: nginx answers, and does not pass this header on; -direct asks the server")),
		when(strings.EqualFold(value, "no"), good("no")),
		warn("answer X-Accel-Buffering: no; without it, an nginx proxy that buffers or compresses holds events back", "%s", orElse(value, "missing")))
	value = h.all("Content-Encoding")
	check("content-encoding", no,
		when(value == "" || strings.EqualFold(value, "identity"), good("none, and the request asked for none")),
		fail("compress only if the request asks for it", "%s, although the request has no Accept-Encoding", quote(value)))
	length, coding, connection := h.Get("Content-Length"), h.all("Transfer-Encoding"), h.all("Connection")
	check("framing", no,
		when(length != "" && coding != "", fail(chunkRemedy, "both Content-Length: %s and Transfer-Encoding: %s: proxies refuse that, or read two answers", length, coding)),
		when(length != "", fail(chunkRemedy, "Content-Length: %s: the stream ends when it is reached", length)),
		when(a.how == garbled, fail("find out what else writes to the connection", "the bytes are not what the head promises: %v", a.err)),
		when(coding == "", warn(chunkRemedy, "%s, delimited by the end of the connection", h.proto)),
		when(!strings.EqualFold(coding, "chunked"), fail(chunkRemedy, "Transfer-Encoding: %s", quote(coding))),
		when(h.proto != "HTTP/1.1", fail(chunkRemedy, "chunks in an answer of %s", h.proto)),
		when(connection != "", good("chunked over HTTP/1.1, Connection: %s", connection)),
		good("chunked over HTTP/1.1"))
}

// cached finds answers that come from a cache, and refusals that a cache may keep (RFC 9110,
// section 15.1): it would give them to everybody.
func (s *session) cached() Finding {
	found := good("nothing came from a cache; nothing was refused")
	for i, a := range []*answer{&s.here.first, &s.bare[0], &s.bare[1], &s.here.plain, &s.here.gzip, &s.comeback.back, &s.comeback.unknown} {
		h, what := &a.head, a.head.String()
		if i == 1 || i == 2 {
			what += " to a request without query and credentials"
		}
		for _, name := range []string{"Age", "X-Cache", "X-Cache-Status", "CF-Cache-Status"} {
			value := h.Get(name)
			if strings.HasPrefix(strings.ToLower(value), "hit") || name == "Age" && strings.Trim(value, "0") != "" {
				return fail(cacheRemedy, "a cache answered, and not the server: %s, %s: %s", what, name, value)
			}
		}
		switch kept := []int{204, 404, 405, 410, 414, 501}; {
		case h.status == 0, h.status == 200, found.Verdict == Warn:
		case slices.Contains(kept, h.status) && !h.has("Cache-Control", "no-store", "no-cache", "private"):
			found = warn(cacheRemedy, "%s: caches may keep that, and give it to everybody, because Cache-Control is %s", what, orElse(h.all("Cache-Control"), "none"))
		default:
			found = good("nothing came from a cache, and none may keep %s", what)
		}
	}
	return found
}
