package browser_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/fastsse/fastsse/examples/internal/browser"
)

func TestTabsShareABrowser(t *testing.T) {
	ctx := browser.New(t)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<button onclick="localStorage.n = 7">set</button>`))
	}))
	defer s.Close()
	browser.Open(t, ctx, s.URL)
	browser.Click(t, ctx, "button")
	second := browser.Tab(t, ctx)
	browser.Open(t, second, s.URL)
	browser.Until(t, second, `localStorage.n === "7"`)
	if got := browser.Eval[int](t, second, `Promise.resolve(+localStorage.n)`); got != 7 {
		t.Errorf("the second tab sees %d, want 7", got)
	}
}

func TestFirefoxTabsHavePagesOfTheirOwn(t *testing.T) {
	firefox := browser.NewFirefox(t)
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<script>function where() { return {path: location.pathname} }</script>`))
	}))
	defer s.Close()
	first, second := firefox.Open(t, s.URL+"/first"), firefox.Open(t, s.URL+"/second")
	for tab, want := range map[*browser.FirefoxTab]string{first: "/first", second: "/second"} {
		var got struct{ Path string }
		tab.Eval(t, &got, "Promise.resolve(where())")
		if got.Path != want {
			t.Errorf("the tab is at %q, want %q", got.Path, want)
		}
	}
}
