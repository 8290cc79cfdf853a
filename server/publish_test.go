package server_test

import (
	"strings"
	"testing"

	"github.com/fastsse/fastsse/server"
)

// Who is connected gets it, who comes back does not, in either form.
func TestPublishedOverHTTPMayBeEphemeral(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{})
		publish := server.PublishHandler(h.hub, server.PublishOptions{AllowAnyone: true})
		from := h.hub.LastID()
		c := h.open("a")
		for i, form := range []struct{ line, body, typ string }{
			{"POST /?topic=a", "1", "Content-Type: text/plain"},
			{"POST /?topic=a&ephemeral=true", "2", "Content-Type: text/plain"},
			{"POST /?topic=a&ephemeral=1", "3", "Content-Type: text/plain"},
			{"POST /?topic=a&ephemeral=false", "4", "Content-Type: text/plain"},
			{"POST /", `{"topic":"a","ephemeral":true,"data":"5"}`, jsonType},
			{"POST /", `[{"topic":"a","data":"6","ephemeral":false},{"topic":"a","data":"7","ephemeral":true}]`, jsonType},
		} {
			if ctx := call(publish, form.line, form.body, form.typ); ctx.Response.StatusCode() != 200 {
				t.Fatalf("%d: %s", i, ctx.Response.Body())
			}
		}
		c.expect(numbers(1, 7)...)
		h.resume(from, "a").expect("1", "4", "6")
	})
}

// Each Content-Encoding of several counts, and is named in any case. (As it
// comes on the wire: call sets one header once.)
func TestAnEncodedBodyIsRefused(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]setup{"default": {}, "as spelled": {server: asSpelled}} {
		o.publish.AllowAnyone = true
		h := newHarness(t, parkedTCP, o)
		before := h.hub.LastID()
		for _, headers := range [][]string{
			{"content-encoding: gzip"},
			{"Content-Encoding: identity", "Content-Encoding: gzip"},
		} {
			c := h.send(request{method: "POST", path: "/publish", topics: []string{"a"}, headers: append(headers, "content-length: 0")})
			if !strings.HasPrefix(c.status, "HTTP/1.1 415 ") || h.hub.LastID() != before {
				t.Errorf("%s: %v: %s, last id %s", name, headers, c.status, h.hub.LastID())
			}
		}
	}
}
