package main

import (
	_ "embed"

	"github.com/valyala/fasthttp"
)

var (
	//go:embed page.html
	page []byte
	//go:embed page.css
	pageStyle []byte
	//go:embed page.js
	pageScript []byte
	//go:embed live.js
	liveScript []byte
)

// asset serves a part of the page. Browsers ask again each time, so that page,
// style and scripts never come from two versions.
func asset(contentType string, body []byte) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		ctx.SetContentType(contentType)
		ctx.Response.Header.Set(fasthttp.HeaderCacheControl, "no-cache")
		ctx.Response.Header.Set("Content-Security-Policy", contentPolicy)
		ctx.Response.SetBodyRaw(body)
	}
}

// contentPolicy lets the page load nothing from anywhere else.
const contentPolicy = "default-src 'self'; img-src data:"
