package main

import (
	_ "embed"

	"github.com/valyala/fasthttp"
)

var (
	//go:embed page.html
	page []byte
	//go:embed live.js
	liveScript []byte
)

// asset serves a part of the page. Browsers ask again each time, so that page
// and script never come from two versions.
func asset(contentType string, body []byte) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		ctx.SetContentType(contentType)
		ctx.Response.Header.Set(fasthttp.HeaderCacheControl, "no-cache")
		ctx.Response.Header.Set("Content-Security-Policy", contentPolicy)
		ctx.Response.SetBodyRaw(body)
	}
}

// contentPolicy lets the page load nothing from anywhere else.
const contentPolicy = "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
