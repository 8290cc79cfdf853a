package server

import (
	"github.com/fastsse/fastsse/internal/delivery"
	"github.com/valyala/fasthttp"
)

// health answers the questions of platforms and load balancers: GET and HEAD of /healthz
// (is the process alive?) and /readyz (does it want new clients?). It hands all other
// requests to next.
func (r *run) health(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		switch {
		case !ctx.IsGet() && !ctx.IsHead():
			next(ctx)
		case string(ctx.Path()) == "/healthz":
			answerHealth(ctx, fasthttp.StatusOK, "alive\n")
		case string(ctx.Path()) == "/readyz":
			r.answerReady(ctx)
		default:
			next(ctx)
		}
	}
}

func (r *run) answerReady(ctx *fasthttp.RequestCtx) {
	if r.drain.Draining() || r.Hub != nil && !r.Hub.is(delivery.Open) {
		answerHealth(ctx, fasthttp.StatusServiceUnavailable, "draining\n")
		return
	}
	if r.Ready != nil {
		if err := r.Ready(); err != nil {
			r.logger().Printf("server: not ready: %v", err)
			answerHealth(ctx, fasthttp.StatusServiceUnavailable, "not ready; the server's log says why\n")
			return
		}
	}
	answerHealth(ctx, fasthttp.StatusOK, "ready\n")
}

func answerHealth(ctx *fasthttp.RequestCtx, status int, text string) {
	ctx.SetStatusCode(status)
	ctx.Response.Header.Set(fasthttp.HeaderCacheControl, "no-store")
	ctx.SetContentType("text/plain; charset=utf-8")
	ctx.SetBodyString(text)
}
