package server_test

import (
	"testing"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/valyala/fasthttp"
)

// A stream of SubscribeHandler is no connection of fasthttp's any more, and one
// that Follow goes on with is.
func TestShutdownEndsTheStreamsThatFasthttpCounts(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		var srv *fasthttp.Server
		h := newHarness(t, kind, setup{server: func(s *fasthttp.Server) { srv = s }})
		c := h.open("a")
		followed := kind.path == "/follow"
		want := int32(0)
		if followed {
			want = 1
		}
		testkit.Eventually(t, "fasthttp counts what is its own", func() bool { return srv.GetOpenConnectionsCount() == want })
		testkit.Within(t, "the server shuts down", func() { srv.Shutdown() })
		if followed {
			c.ends()
			h.ended(server.ReasonFollower, 1)
			return
		}
		h.publish("a", "1")
		c.expect("1")
	})
}
