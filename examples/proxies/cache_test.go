package proxies

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/fastsse/fastsse/examples/internal/exampletest"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// caches start proxies that keep what they may. Varnish does so by itself.
var caches = map[string]func(t *testing.T, origin string) proxy{
	"varnish": func(t *testing.T, origin string) proxy {
		bare := varnish
		bare.text = `vcl 4.1; backend default { .host = "127.0.0.1"; .port = "8080"; }`
		return bare.start(t, origin)
	},
	"nginx": func(t *testing.T, origin string) proxy {
		return nginx.start(t, origin,
			"proxy_cache off;", "proxy_cache all; proxy_cache_valid any 1m;",
			"\n\tserver {", "\n\tproxy_cache_path "+t.TempDir()+" keys_zone=all:1m;\n\tserver {")
	},
}

// refusals are all answers of the hub's handlers that are not a stream, by their path.
// The hub of the one called later takes no streams.
func refusals(t *testing.T) map[string]fasthttp.RequestHandler {
	t.Helper()
	hub, drained := newHub(t), newHub(t)
	if err := drained.Drain(context.Background()); err != nil {
		t.Fatal(err)
	}
	all := map[string]fasthttp.RequestHandler{
		"/events/none":    hub.SubscribeHandler(server.SubscribeOptions{}), // without a topic: 400
		"/events/publish": hub.PublishHandler(server.PublishOptions{}),     // by GET: 405
		"/events/later":   drained.SubscribeHandler(server.SubscribeOptions{}),
	}
	for name, err := range map[string]error{
		"stop": server.ErrStop, "bare": &server.StatusError{},
		"401": &server.StatusError{Code: 401}, "403": &server.StatusError{Code: 403}, "404": &server.StatusError{Code: 404},
		"410": &server.StatusError{Code: 410}, "414": &server.StatusError{Code: 414}, "503": &server.StatusError{Code: 503},
		"failed": errors.New("a hook failed"), // told to come back later
	} {
		all["/events/authorize/"+name] = hub.SubscribeHandler(server.SubscribeOptions{
			Authorize: func(*fasthttp.RequestCtx, *server.Subscription) error { return err },
		})
		all["/events/open/"+name] = hub.SubscribeHandler(server.SubscribeOptions{
			OnOpen: func(server.Subscriber, *streamwriter.Writer) error { return err },
		})
	}
	return all
}

// silent are refusals that say nothing to caches. Caches keep them.
func silent() map[string]fasthttp.RequestHandler {
	return map[string]fasthttp.RequestHandler{
		"/events/silent/204": func(ctx *fasthttp.RequestCtx) { ctx.SetStatusCode(fasthttp.StatusNoContent) },
		"/events/silent/404": func(ctx *fasthttp.RequestCtx) { ctx.SetStatusCode(fasthttp.StatusNotFound) },
	}
}

// first answers the first request of each path by its handler, and every later one with
// 200 and "fresh".
func first(handlers map[string]fasthttp.RequestHandler) fasthttp.RequestHandler {
	var asked sync.Map
	return func(ctx *fasthttp.RequestCtx) {
		path := string(ctx.Path())
		handler := handlers[path]
		if handler == nil {
			ctx.SetStatusCode(fasthttp.StatusTeapot)
			return
		}
		if _, again := asked.LoadOrStore(path, true); again {
			ctx.Response.Header.Set(fasthttp.HeaderCacheControl, "no-store")
			ctx.SetBodyString("fresh")
			return
		}
		handler(ctx)
	}
}

func TestCachesKeepNoRefusal(t *testing.T) {
	t.Parallel()
	for name, start := range caches {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handlers := refusals(t)
			up := start(t, exampletest.Serve(t, "", first(handlers)).Addr)
			for path := range handlers {
				refused, next := askTwice(t, up.http1+path)
				// "Later" is cut: Varnish does not pass on by what the hub knows an EventSource.
				whole := refused.err == nil || refused.status == fasthttp.StatusOK && errors.Is(refused.err, io.ErrUnexpectedEOF)
				if !whole || refused.body == "fresh" || refused.status == fasthttp.StatusTeapot {
					t.Errorf("%s: the first client saw %+v; want the hub's answer", path, refused)
				}
				if next.err != nil || next.body != "fresh" {
					t.Errorf("%s: the first client was answered %d, and the next one sees %+v; want what the server says to it", path, refused.status, next)
				}
			}
			handlers = silent()
			up = start(t, exampletest.Serve(t, "", first(handlers)).Addr)
			for path := range handlers {
				if refused, next := askTwice(t, up.http1+path); next.err != nil || next.status != refused.status {
					t.Errorf("%s: %+v is not kept: the next client sees %+v; so this test tells nothing", path, refused, next)
				}
			}
		})
	}
}

// askTwice asks as two EventSources do, one after the other. Only "none" names no topic.
func askTwice(t *testing.T, url string) (refused, next answer) {
	t.Helper()
	if !strings.HasSuffix(url, "/none") {
		url += "?topic=news"
	}
	return ask(t.Context(), http.MethodGet, url, eventSource), ask(t.Context(), http.MethodGet, url, eventSource)
}
