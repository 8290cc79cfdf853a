package clients

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/fastsse/fastsse/examples/internal/browser"
)

// startChromium opens the pages of clients in tabs of one Chromium. Each is of an origin of
// its own, so that it has its own connections.
func startChromium(t *testing.T, clients []*running) {
	t.Helper()
	npm(t)
	chromium := browser.New(t)
	for _, r := range clients {
		tab := browser.Tab(t, chromium)
		browser.Open(t, tab, r.pageURL())
		r.pull = func() []entry { return browser.Eval[[]entry](t, tab, "log.splice(0)") }
	}
}

// startFirefox does the same in a Firefox.
func startFirefox(t *testing.T, clients []*running) {
	t.Helper()
	firefox := browser.NewFirefox(t)
	for _, r := range clients {
		tab := firefox.Open(t, r.pageURL())
		r.pull = func() (log []entry) {
			tab.Eval(t, &log, "log.splice(0)")
			return log
		}
	}
}

func (r *running) pageURL() string { return r.tear.URL + "/pages/" + r.page + "topic=" + r.name }

// pages serves the pages of browsers, and the npm packages for them.
func pages() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /pages/", http.StripPrefix("/pages/", http.FileServer(http.Dir("testdata/pages"))))
	mux.Handle("GET /npm/", http.StripPrefix("/npm/", modules(os.Getenv(folder))))
	return mux
}

// modules serves the files of npm packages. Modules may name one another without ".js".
func modules(dir string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		path := filepath.Join(dir, filepath.Clean("/"+r.URL.Path))
		if filepath.Ext(path) == "" {
			path += ".js"
		}
		http.ServeFile(w, r, path)
	}
}
