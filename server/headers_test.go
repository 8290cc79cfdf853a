package server_test

import (
	"testing"

	"github.com/fastsse/fastsse/server"
	"github.com/valyala/fasthttp"
)

// asSpelled is a server that leaves the names of headers as clients spell them.
func asSpelled(s *fasthttp.Server) { s.DisableHeaderNamesNormalizing = true }

// HTTP/2 fronts send names in lower case.
func TestALowerCaseLastEventIDResumes(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{server: asSpelled})
		ids := h.publish("a", "1", "2", "3")
		for _, name := range []string{"last-event-id", "Last-Event-Id", "LAST-EVENT-ID", "Last-Event-ID"} {
			h.openWith(request{topics: []string{"a"}, headers: []string{name + ": " + ids[0]}}).expect("2", "3")
		}
	})
}

func TestLowerCaseHeadersAreHeard(t *testing.T) {
	t.Parallel()
	const here = "https://example.org"
	cors := server.CORS{Origins: []string{here}}
	h := newHarness(t, parkedTCP, setup{
		server:    asSpelled,
		subscribe: server.SubscribeOptions{CORS: cors},
		publish:   server.PublishOptions{Token: "secret", CORS: cors},
	})
	for _, q := range []request{
		{topics: []string{"a"}},
		{method: "POST", path: "/publish", topics: []string{"a"}},
	} {
		q.headers = []string{"origin: " + here, "authorization: Bearer secret", "content-length: 0"}
		c := h.send(q)
		if allow := c.head.Get("Access-Control-Allow-Origin"); c.status != "HTTP/1.1 200 OK" || allow != here {
			t.Errorf("%s: %s, allowed origin %q", q.method, c.status, allow)
		}
	}
}
