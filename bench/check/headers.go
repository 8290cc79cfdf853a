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
