package server_test

import (
	"testing"
	"time"

	"github.com/fastsse/fastsse/server"
	"github.com/valyala/fasthttp"
)

// expiring is a set-up whose streams of topic "ticket" expire at a time.
func expiring(c server.Config, at func() time.Time) setup {
	return setup{config: c, subscribe: server.SubscribeOptions{
		Authorize: func(_ *fasthttp.RequestCtx, s *server.Subscription) error {
			if s.Topics[0] == "ticket" {
				s.Expires = at()
			}
			return nil
		},
	}}
}

// A ticket that is good for ever opens a stream, on every kind of connection.
func TestATicketUntilTheYear9999OpensAStream(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		if kind.path == "/follow" { // its handler has no Authorize
			return
		}
		h := newHarness(t, kind, expiring(server.Config{}, func() time.Time { return time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) }))
		c := h.open("ticket")
		h.publish("ticket", "1")
		c.expect("1")
	})
}

// A stream does not outlive its ticket, also not on a shard that has just swept its
// slots, with default settings and with a heartbeat of an hour.
func TestAStreamDoesNotOutliveItsTicket(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		for _, heartbeat := range []time.Duration{0, -1, time.Hour} {
			for _, left := range []time.Duration{-time.Hour, 300 * time.Millisecond} {
				ends := make(chan time.Time, 1)
				h := newHarness(t, kind, expiring(server.Config{Shards: 1, Heartbeat: heartbeat}, func() time.Time {
					ends <- time.Now().Add(max(left, 0))
					return time.Now().Add(left)
				}))
				h.open("other") // the shard runs, and has looked at its slots
				c := h.send(request{topics: []string{"ticket"}})
				c.rest()
				if late := time.Since(<-ends); late > 3*time.Second { // 3.75 s is the sweep's time
					t.Errorf("heartbeat %v, %v left: it ended %v after its ticket", heartbeat, left, late)
				}
				h.ended(server.ReasonMaxAge, 1)
			}
		}
	})
}
