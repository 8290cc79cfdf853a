package hijack

import (
	"bufio"
	"net"
	"time"

	"github.com/valyala/fasthttp"
)

// TakeUnlessReplaced is Take with chunks, for a response that middleware may still
// replace. If the response has a body or another status once every middleware has
// returned, it is sent as it is, within timeout, and serve is not called.
func TakeUnlessReplaced(ctx *fasthttp.RequestCtx, timeout time.Duration, serve func(c net.Conn, head []byte)) {
	status := ctx.Response.StatusCode()
	ctx.HijackSetNoResponse(true)
	ctx.Hijack(func(c net.Conn) {
		defer func() { _ = c.Close() }()
		r := &ctx.Response // valid until this returns
		if r.StatusCode() != status || r.IsBodyStream() || len(r.Body()) > 0 {
			send(c, r, timeout)
			return
		}
		serve(c, newHead(&r.Header, true))
	})
}

// send sends r with Connection: close.
func send(c net.Conn, r *fasthttp.Response, timeout time.Duration) {
	if err := c.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
		return
	}
	r.SetConnectionClose()
	w := bufio.NewWriter(c)
	if err := r.Write(w); err != nil {
		return // half a response, and the connection's end
	}
	_ = w.Flush()
}
