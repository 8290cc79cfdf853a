package browser_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

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
	browser.Until(t, second, 5*time.Second, `localStorage.n === "7"`)
	if got := browser.Eval[int](t, second, `Promise.resolve(+localStorage.n)`); got != 7 {
		t.Errorf("the second tab sees %d, want 7", got)
	}
}
