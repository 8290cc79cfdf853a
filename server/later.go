package server

import (
	"net"
	"time"

	"github.com/fastsse/fastsse/internal/backoff"
	"github.com/fastsse/fastsse/internal/delivery"
	"github.com/fastsse/fastsse/internal/socket"
	"github.com/fastsse/fastsse/streamwriter"
)

// maxLingering is how many connections of refused clients a hub keeps open until the
// clients close them. MaxSubscribers does not count these.
const maxLingering = 64

// later answers a client that cannot have a stream now: an empty stream that ends at once,
// with a reconnection time, as Config.End says.
func (o *opening) later(c net.Conn, head []byte, why refusal) {
	o.hub.counters.refused.add(why)
	retry := streamwriter.AppendRetry(nil, o.hub.comeBackAfter())
	body := o.client.AppendDataless(streamwriter.AppendComment(nil, ""), retry)
	o.hub.writeLast(c, o.framing.AppendEnd(o.framing.AppendControl(head, body), o.client))
}

// comeBackAfter draws the reconnection time of a client that cannot have a stream now.
func (h *Hub) comeBackAfter() time.Duration { return backoff.Retry(max(h.cfg.Retry, defaultRetry)) }

// writeLast writes b, and makes sure that it arrives before c is closed: it waits for the
// client to close, unless maxLingering others are waiting or the hub is closed.
func (h *Hub) writeLast(c net.Conn, b []byte) {
	socket.Unblock(c) // else a deadline would not end the write
	timeout := delivery.LingerFor
	if h.cfg.WriteTimeout > 0 {
		timeout = min(timeout, h.cfg.WriteTimeout)
	}
	if c.SetWriteDeadline(time.Now().Add(timeout)) != nil {
		return
	}
	if _, err := c.Write(b); err != nil {
		return
	}
	closed := func() bool { return h.is(delivery.Closed) }
	defer h.lingering.Add(-1)
	if h.lingering.Add(1) > maxLingering || closed() {
		socket.DiscardInput(c)
		return
	}
	socket.Linger(c, delivery.LingerFor, closed)
}
