package browser_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/fastsse/fastsse/examples/internal/browser"
	"github.com/fastsse/fastsse/internal/testkit"
)

// openings serves a page with an EventSource whose streams end, each with a reconnection time
// without a blank line behind it, as streamwriter sends it to clients that are not known. It
// reports the opening of each. By the time with which they begin, a page would come back after an
// hour.
func openings(t *testing.T) (url string, opened <-chan struct{}) {
	all := make(chan struct{}, 1000)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/events" {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte(`<script>got = 0; new EventSource("/events").onmessage = () => got++</script>`))
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = w.Write([]byte(": .\nretry: 3600000\ndata: event\n\nretry: 10\n"))
		all <- struct{}{}
	}))
	t.Cleanup(s.Close)
	return s.URL, all
}

func TestChromiumTakesARetryWithoutABlankLine(t *testing.T) {
	ctx := browser.New(t)
	url, opened := openings(t)
	browser.Open(t, ctx, url)
	for range 3 {
		testkit.Receive(t, "the page comes back", opened)
	}
	browser.Until(t, ctx, "got >= 2")
}

func TestFirefoxTakesARetryWithoutABlankLine(t *testing.T) {
	firefox := browser.NewFirefox(t)
	url, opened := openings(t)
	firefox.Open(t, url)
	for range 3 {
		testkit.Receive(t, "the page comes back", opened)
	}
}
