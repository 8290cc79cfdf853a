package hijack

import (
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

func TestHeadKeepsWhatMiddlewareSetButTheFraming(t *testing.T) {
	for _, chunked := range []bool{false, true} {
		var h fasthttp.ResponseHeader
		h.SetContentType("text/event-stream")
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Content-Encoding", "gzip")
		h.Set("Connection", "keep-alive")
		h.SetContentLength(7)
		var session fasthttp.Cookie
		session.SetKey("session")
		session.SetValue("s")
		h.SetCookie(&session)
		got := string(newHead(&h, chunked))
		if !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") || strings.Count(got, "\r\n\r\n") != 1 || !strings.HasSuffix(got, "\r\n\r\n") {
			t.Errorf("not one head: %q", got)
		}
		for _, line := range []string{"Content-Type: text/event-stream", "Access-Control-Allow-Origin: *", "Connection: close", "Set-Cookie: session=s"} {
			if strings.Count(got, "\r\n"+line+"\r\n") != 1 {
				t.Errorf("want one %q in %q", line, got)
			}
		}
		for _, wrong := range []string{"Content-Length", "Content-Encoding", "keep-alive"} {
			if strings.Contains(got, wrong) {
				t.Errorf("%s in %q", wrong, got)
			}
		}
		if strings.Contains(got, "\r\nTransfer-Encoding: chunked\r\n") != chunked || strings.Contains(got, "identity") {
			t.Errorf("chunked=%v: %q", chunked, got)
		}
	}
}
