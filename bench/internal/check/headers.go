package check

import (
	"mime"
	"strings"
)

func judgeContentType(s *session) Finding {
	const want, remedy = "text/event-stream", "answer Content-Type: text/event-stream"
	values := s.here.first.head.all("Content-Type")
	value := strings.Join(values, ", ")
	typ, params, err := mime.ParseMediaType(value)
	charset := params["charset"]
	switch {
	case value == want:
		return good("%s", want)
	case len(values) == 0:
		return fail(remedy, "missing: an EventSource closes for good")
	case len(values) > 1:
		return fail(remedy, "sent %d times: %s", len(values), quote(value))
	case err != nil || typ != want:
		return fail(remedy, "%s: an EventSource closes for good", quote(value))
	case charset != "" && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "utf8"):
		return fail(remedy, "%s: the format is UTF-8, and Chrome closes for good on any other charset", quote(value))
	}
	return good("%s", quote(value))
}

func judgeCacheControl(s *session) Finding {
	const remedy = "answer Cache-Control: no-cache, no-transform"
	h := &s.here.first.head
	value := h.get("Cache-Control")
	fresh := h.has("Cache-Control", "no-cache") || h.has("Cache-Control", "no-store")
	switch {
	case value == "":
		return warn(remedy, "missing: a cache may store the stream, and a proxy may compress it")
	case !fresh && (h.has("Cache-Control", "max-age") || h.has("Cache-Control", "public") || h.has("Cache-Control", "s-maxage")):
		return fail(remedy, "%s: lets caches store the stream and serve it to others", quote(value))
	case !fresh:
		return warn(remedy, "%s: has neither no-cache nor no-store", quote(value))
	case !h.has("Cache-Control", "no-transform"):
		return warn(remedy, "%s: without no-transform, proxies may compress the stream, and buffer it to do so", quote(value))
	}
	return good("%s", value)
}

// judgeCached finds answers that come from a cache, and refusals that a cache may keep: it
// would give them to everybody.
func judgeCached(s *session) Finding {
	const remedy = "answer Cache-Control: no-store to what is refused, and leave the stream's address out of the cache (Varnish: pass; nginx: proxy_cache off)"
	if s.here.first.head.status == 0 {
		return skip("%s", s.here.first.whyNoStream())
	}
	answers, refused := []*answer{s.here.first, s.bare[0], s.bare[1], s.here.plain, s.here.gzip, s.comeback.back, s.comeback.unknown}, ""
	for _, a := range answers {
		if a == nil {
			continue
		}
		if hit := a.head.cacheHit(); hit != "" {
			return fail(remedy, "a cache answered, and not the server: %s, %s", s.askedAs(a), hit)
		}
	}
	for _, a := range answers {
		if a == nil || a.head.status == 0 || a.head.status == 200 {
			continue
		}
		if refused = s.askedAs(a); a.head.mayBeKept() {
			return warn(remedy, "%s: caches may keep that, and give it to everybody, because Cache-Control is %s", refused, orNone(a.head.get("Cache-Control")))
		}
	}
	if refused == "" {
		return good("nothing came from a cache; nothing was refused")
	}
	return good("nothing came from a cache, and none may keep %s", refused)
}

// askedAs is what was answered, and to what if that was not the stream's own address.
func (s *session) askedAs(a *answer) string {
	if a == s.bare[0] || a == s.bare[1] {
		return a.head.statusText() + " to a request without query and credentials"
	}
	return a.head.statusText()
}

// cacheHit is the header that shows that a cache has answered; empty: there is none.
func (h *head) cacheHit() string {
	if age := h.get("Age"); strings.Trim(age, "0") != "" {
		return "Age: " + age
	}
	for _, name := range []string{"X-Cache", "X-Cache-Status", "CF-Cache-Status"} {
		if value := h.get(name); strings.HasPrefix(strings.ToLower(value), "hit") {
			return name + ": " + value
		}
	}
	return ""
}

// mayBeKept reports whether caches keep a refusal that does not forbid it (RFC 9110,
// section 15.1).
func (h *head) mayBeKept() bool {
	switch h.status {
	case 204, 404, 405, 410, 414, 501:
		return !h.has("Cache-Control", "no-store") && !h.has("Cache-Control", "no-cache") && !h.has("Cache-Control", "private")
	}
	return false
}

func judgeAccelBuffering(s *session) Finding {
	const name, remedy = "X-Accel-Buffering", "answer X-Accel-Buffering: no; without it, an nginx proxy that buffers or compresses holds events back"
	h := &s.here.first.head
	behind := h.get(name) == "" && isNginx(h)
	if behind && s.direct != nil && s.direct.first.streams() {
		h = &s.direct.first.head
	} else if behind {
		return skip("cannot be seen from here: nginx answers, and does not pass this header on; -direct asks the server")
	}
	switch value := h.get(name); {
	case strings.EqualFold(value, "no"):
		return good("no")
	case value == "":
		return warn(remedy, "missing")
	default:
		return warn(remedy, "%s", quote(value))
	}
}

// isNginx reports whether nginx, or a relative, has answered.
func isNginx(h *head) bool {
	name, _, _ := strings.Cut(strings.ToLower(h.get("Server")), "/")
	return name == "nginx" || name == "openresty" || name == "tengine"
}

func judgeContentEncoding(s *session) Finding {
	value := s.here.first.head.get("Content-Encoding")
	if value == "" || strings.EqualFold(value, "identity") {
		return good("none, and the request asked for none")
	}
	return fail("compress only if the request asks for it", "%s, although the request has no Accept-Encoding", quote(value))
}

func judgeFraming(s *session) Finding {
	a := s.here.first
	h := &a.head
	length, coding := h.all("Content-Length"), h.get("Transfer-Encoding")
	const remedy = "answer HTTP/1.1 with Transfer-Encoding: chunked: the last chunk tells a whole answer from one that was cut"
	switch {
	case len(length) > 0 && coding != "":
		return fail(remedy, "both Content-Length: %s and Transfer-Encoding: %s: proxies refuse that, or read two answers", length[0], coding)
	case len(length) > 0:
		return fail(remedy, "Content-Length: %s: the stream ends when it is reached", length[0])
	case a.end.how == garbled:
		return fail("find out what else writes to the connection", "the bytes are not what the head promises: %v", a.end.err)
	case coding != "" && !strings.EqualFold(coding, "chunked"):
		return fail(remedy, "Transfer-Encoding: %s", quote(coding))
	case coding == "":
		return warn(remedy, "%s, delimited by the end of the connection", h.proto)
	case h.proto != "HTTP/1.1":
		return fail(remedy, "chunks in an answer of %s", h.proto)
	case h.get("Connection") != "":
		return good("chunked over HTTP/1.1, Connection: %s", h.get("Connection"))
	}
	return good("chunked over HTTP/1.1")
}
