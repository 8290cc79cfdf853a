// Package hijack takes connections over from fasthttp, with the response
// headers that the application's middleware has set on the way.
package hijack

import (
	"net"

	"github.com/valyala/fasthttp"
)

// Take makes fasthttp hand the connection to serve once every middleware has
// returned, without sending a response: serve must write head first. If chunked is
// set, the body is sent in chunks; otherwise it ends with the connection.
//
// serve runs on a goroutine of its own, with no deadline set and no recover above it.
// The connection's descriptor is closed when serve returns, even if the server keeps
// hijacked connections.
func Take(ctx *fasthttp.RequestCtx, chunked bool, serve func(c net.Conn, head []byte)) {
	ctx.HijackSetNoResponse(true)
	ctx.Hijack(func(c net.Conn) {
		defer func() { _ = c.Close() }() // does nothing where fasthttp closes it
		// ctx stays valid until serve returns, and now holds what middleware set.
		serve(c, newHead(&ctx.Response.Header, chunked))
	})
}

// bodyRoom is room for the first bytes of the body after the head, so that
// both go out in one write without a second buffer.
const bodyRoom = 160

// newHead returns the status line and headers of h, without those that contradict the
// framing, and with Connection: close, so that no proxy keeps the connection for another
// request.
func newHead(h *fasthttp.ResponseHeader, chunked bool) []byte {
	h.Del(fasthttp.HeaderContentLength)
	h.Del(fasthttp.HeaderTransferEncoding)
	h.Del(fasthttp.HeaderContentEncoding)
	h.Del(fasthttp.HeaderConnection)
	h.SetConnectionClose()
	const framing = "Transfer-Encoding: chunked\r\n"
	fields := h.Header()
	fields = fields[:len(fields)-len("\r\n")]
	head := make([]byte, 0, len(fields)+len(framing)+len("\r\n")+bodyRoom)
	head = append(head, fields...)
	if chunked {
		head = append(head, framing...)
	}
	return append(head, "\r\n"...)
}
