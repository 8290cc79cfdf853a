package streamwriter

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/valyala/fasthttp"
)

// An event stream has the same headers, and resumes from the same id, over net/http as
// over fasthttp.
func TestHeadersAndPositionsAreTheSameOverNetHTTP(t *testing.T) {
	var fast fasthttp.ResponseHeader
	SetHeaders(&fast)
	std := http.Header{}
	SetHTTPHeaders(std)
	if len(std) != 3 {
		t.Errorf("%d headers, want 3", len(std))
	}
	for name := range std {
		if got, want := std.Get(name), string(fast.Peek(name)); got != want {
			t.Errorf("%s: %q over net/http, %q over fasthttp", name, got, want)
		}
	}
	for _, c := range []struct{ header, query, want string }{
		{"", "", ""}, {"5", "", "5"}, {"", "?lastEventId=7", "7"}, {"5", "?lastEventId=7", "5"},
		{"", "?lastEventId=a;b", "a;b"}, {"", "?lastEventId=a%zz", "a%zz"}, {"", "?topic=x&lastEventId=a+b%2Fc", "a b/c"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/"+c.query, nil)
		var ctx fasthttp.RequestCtx
		ctx.Request.SetRequestURI("/" + c.query)
		if c.header != "" {
			r.Header.Set("Last-Event-ID", c.header)
			ctx.Request.Header.Set("Last-Event-ID", c.header)
		}
		if got, fast := HTTPLastEventID(r), LastEventID(&ctx); got != c.want || fast != c.want {
			t.Errorf("header %q, query %q: %q and %q, want %q", c.header, c.query, got, fast, c.want)
		}
	}
}
