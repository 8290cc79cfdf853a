// Package page is what the pages of the examples have in common, to be copied:
// sharedevents.js, one event stream for all tabs of a browser, and page.css, what they
// look like. How to use the script stands at its top.
package page

import (
	_ "embed"
	"encoding/json"

	"github.com/fasthttp/router"
	"github.com/valyala/fasthttp"
)

var (
	//go:embed sharedevents.js
	script []byte
	//go:embed page.css
	style []byte
)

// Mount adds routes to r: html at /, /sharedevents.js and /page.css.
func Mount(r *router.Router, html []byte) {
	for _, method := range []string{fasthttp.MethodGet, fasthttp.MethodHead} {
		r.Handle(method, "/", asset("text/html; charset=utf-8", html))
		r.Handle(method, "/sharedevents.js", Script)
		r.Handle(method, "/page.css", asset("text/css; charset=utf-8", style))
	}
}

// Script answers with sharedevents.js.
func Script(ctx *fasthttp.RequestCtx) { asset("text/javascript; charset=utf-8", script)(ctx) }

// JSON answers with v, which caches must not keep: a state, for the load of sharedevents.js.
func JSON(ctx *fasthttp.RequestCtx, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		ctx.Error(err.Error(), fasthttp.StatusInternalServerError)
		return
	}
	ctx.SetContentType("application/json")
	ctx.Response.Header.Set(fasthttp.HeaderCacheControl, "no-store")
	ctx.SetBody(body)
}

// asset answers with a part of a page. Browsers ask again each time, so that page, style
// and script never come from two versions.
func asset(contentType string, body []byte) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		ctx.SetContentType(contentType)
		ctx.Response.Header.Set(fasthttp.HeaderCacheControl, "no-cache")
		ctx.Response.SetBodyRaw(body)
	}
}
