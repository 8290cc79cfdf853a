package server

import (
	"net"
	"time"

	"github.com/fastsse/fastsse/internal/eventlog"
	"github.com/fastsse/fastsse/internal/socket"
	"github.com/fastsse/fastsse/streamwriter"
)

// maxLingering is how many connections of refused streams a hub keeps open until
// their clients have closed. MaxStreams does not count them.
const maxLingering = 64

// later answers a client that cannot have a stream now, but may come back.
func (a *opening) later(c net.Conn, head []byte) {
	a.hub.counters.refused.Add(1)
	retry := streamwriter.AppendRetry([]byte(":\n"), streamwriter.Spread(max(a.hub.cfg.Retry, defaultRetry)))
	b := a.frame(head, retry)
	if a.framing == chunked {
		b = append(b, eventlog.LastChunk...)
	}
	a.hub.writeLast(c, b)
}

// writeLast writes b and ends the connection in a way that lets it arrive: it
// waits for the client to close, unless too many are waited for already or the
// hub is closed.
func (h *Hub) writeLast(c net.Conn, b []byte) {
	socket.Unblock(c) // or no deadline would hold
	timeout := lingerFor
	if h.cfg.WriteTimeout > 0 {
		timeout = min(timeout, h.cfg.WriteTimeout)
	}
	if c.SetWriteDeadline(time.Now().Add(timeout)) != nil {
		return
	}
	if _, err := c.Write(b); err != nil {
		return
	}
	closed := func() bool { return h.state.Load() == hubClosed }
	defer h.lingering.Add(-1)
	if h.lingering.Add(1) > maxLingering || closed() {
		discardInput(c)
		return
	}
	lingerOn(c, closed)
}

// discardInput ends this side of the connection and reads what its peer has sent
// so far: closing with that unread would reset the connection. What the peer
// sends later still does.
func discardInput(c net.Conn) {
	if h, ok := c.(interface{ UnsafeConn() net.Conn }); ok {
		c = h.UnsafeConn()
	}
	if half, ok := c.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
		return
	}
	// A deadline that is over would keep Read from looking.
	if c.SetReadDeadline(time.Now().Add(time.Millisecond)) != nil {
		return
	}
	var discard [4096]byte
	for range 16 {
		if _, err := c.Read(discard[:]); err != nil {
			return
		}
	}
}
