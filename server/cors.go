package server

import (
	"slices"

	"github.com/fastsse/fastsse/internal/header"
	"github.com/valyala/fasthttp"
)

// CORS says which other origins' pages may use a handler. The zero value allows none: no
// CORS header is sent, and browsers keep to the same origin.
type CORS struct {
	// Origins are allowed, each as a browser sends it ("https://example.org"),
	// or "*" for any.
	Origins []string

	// Credentials lets pages send cookies. The answer then has the page's origin, never
	// "*". With "*" in Origins the handler's constructor panics, because any page could
	// read what the user may read.
	Credentials bool
}

// check panics if the settings contradict each other.
func (c *CORS) check() {
	if c.Credentials && slices.Contains(c.Origins, "*") {
		panic(`server: CORS.Origins "*" with CORS.Credentials would let every site read with its visitors' cookies; name the origins`)
	}
}

// allow sets the headers for the request's origin, if it is allowed.
func (c *CORS) allow(ctx *fasthttp.RequestCtx) (allowed bool) {
	if len(c.Origins) == 0 {
		return false
	}
	h := &ctx.Response.Header
	any := slices.Contains(c.Origins, "*")
	if any {
		h.Set(fasthttp.HeaderAccessControlAllowOrigin, "*")
		return true
	}
	h.Add(fasthttp.HeaderVary, fasthttp.HeaderOrigin)
	origin := string(header.Peek(&ctx.Request.Header, fasthttp.HeaderOrigin))
	if origin == "" || !slices.Contains(c.Origins, origin) {
		return false
	}
	h.Set(fasthttp.HeaderAccessControlAllowOrigin, origin)
	if c.Credentials {
		h.Set(fasthttp.HeaderAccessControlAllowCredentials, "true")
	}
	return true
}

// corsHeaders are what pages of other origins may send.
const corsHeaders = "Authorization, Cache-Control, Content-Type, Last-Event-ID"

// preflight answers OPTIONS. headers are what pages may send.
func (c *CORS) preflight(ctx *fasthttp.RequestCtx, methods, headers string) {
	ctx.SetStatusCode(fasthttp.StatusNoContent)
	h := &ctx.Response.Header
	h.Set(fasthttp.HeaderAllow, methods)
	if !c.allow(ctx) {
		return
	}
	h.Set(fasthttp.HeaderAccessControlAllowMethods, methods)
	h.Set(fasthttp.HeaderAccessControlAllowHeaders, headers)
	h.Set(fasthttp.HeaderAccessControlMaxAge, "86400")
}
