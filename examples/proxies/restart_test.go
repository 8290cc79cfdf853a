package proxies

import (
	"slices"
	"testing"
	"time"

	"github.com/fastsse/fastsse/examples/internal/browser"
	"github.com/fastsse/fastsse/internal/testkit"
)

// minRetry is the server's reconnection time in these tests: short, so that pages find
// the server down soon.
const minRetry = 500 * time.Millisecond

// down is how long the server is down. HAProxy tries to connect for three seconds.
const down = 6 * time.Second

// page is testdata/page.html in a browser.
type page struct {
	name  string
	proto string
	state func(t *testing.T) state
	again func(t *testing.T) func(t *testing.T) state // opens it in another tab
}

// state is what the page knows.
type state struct {
	Ready    int      `json:"ready"`  // readyState: 1 is open, 2 is closed for good
	Opened   int      `json:"opened"` // times that the stream opened
	Gaps     int      `json:"gaps"`
	Data     []string `json:"data"`
	Protocol string   `json:"protocol"`
}

// opener opens a URL in a new tab and returns the function that asks for its state.
type opener func(t *testing.T, url string) func(t *testing.T) state

func inChromium(t *testing.T) opener {
	ctx := browser.New(t)
	return func(t *testing.T, url string) func(t *testing.T) state {
		tab := browser.Tab(t, ctx)
		browser.Open(t, tab, url)
		return func(t *testing.T) state { return browser.Eval[state](t, tab, "state()") }
	}
}

func inFirefox(t *testing.T) opener {
	firefox := browser.NewFirefox(t)
	return func(t *testing.T, url string) func(t *testing.T) state {
		tab := firefox.Open(t, url)
		return func(t *testing.T) (s state) {
			tab.Eval(t, &s, "state()")
			return s
		}
	}
}

func TestPagesInChromiumOutliveARestart(t *testing.T) {
	t.Parallel()
	outlive(t, inChromium(t))
}

func TestPagesInFirefoxOutliveARestart(t *testing.T) {
	t.Parallel()
	outlive(t, inFirefox(t))
}

// outlive has a page open through each proxy, over HTTP/1.1 and HTTP/2, while the server
// is down and starts anew with a hub that knows nothing. Each page must be back, have
// been told of the gap once, and get the next event.
func outlive(t *testing.T, open opener) {
	o := startOrigin(t)
	pages := openPages(t, o, open)
	for i := range pages {
		pages[i].opens(t)
	}
	o.publish(t, "before")
	for _, p := range pages {
		p.until(t, "it has the first event", func(s state) bool { return len(s.Data) == 1 })
	}
	stopped := time.Now()
	o.stop(t)
	for _, p := range pages {
		p.until(t, "a proxy answers in the server's place", func(s state) bool { return s.Opened >= 2 || s.Ready == 2 })
	}
	testkit.Eventually(t, "six seconds are over", func() bool { return time.Since(stopped) >= down })
	o.start(t)
	for _, p := range pages {
		p.until(t, "it is back and told of the gap", func(s state) bool { return s.Gaps == 1 || s.Ready == 2 })
	}
	o.publish(t, "after")
	for _, p := range pages {
		t.Run(p.name, func(t *testing.T) {
			s := p.until(t, "it has the next event", func(s state) bool { return len(s.Data) == 2 || s.Ready == 2 })
			if s.Ready != 1 || s.Gaps != 1 || !slices.Equal(s.Data, []string{"before", "after"}) || s.Protocol != p.proto {
				t.Errorf("the page knows %+v; want it open, with one gap, both events, by %s", s, p.proto)
			}
		})
	}
}

// openPages opens a page through every proxy that is installed.
func openPages(t *testing.T, o *origin, open opener) (pages []page) {
	t.Helper()
	for _, p := range programs {
		if !t.Run(p.name, func(t *testing.T) { p.find(t) }) || p.installed() == "" {
			continue
		}
		up := p.start(t, o.addr)
		pages = append(pages, openPage(t, up.name, "http/1.1", up.http1, open))
		if up.http2 != "" {
			pages = append(pages, openPage(t, up.name, "h2", up.http2, open))
		}
	}
	return pages
}

func openPage(t *testing.T, name, proto, url string, open opener) page {
	again := func(t *testing.T) func(t *testing.T) state { return open(t, url) }
	return page{name + " " + proto, proto, again(t), again}
}

// opens waits until the page's stream is open. One that Firefox has given up at once, as it does
// now and then on a busy machine, is opened again: what a restart does to it is the question.
func (p *page) opens(t *testing.T) {
	t.Helper()
	for range 2 {
		s := p.until(t, "it is open, or has given up", func(s state) bool { return s.Ready != 0 })
		if s.Ready == 1 {
			return
		}
		t.Logf("%s gave up before anything happened to it: %+v; it is opened again", p.name, s)
		p.state = p.again(t)
	}
	p.until(t, "it is open", func(s state) bool { return s.Ready == 1 })
}

// until waits until the page's state is what is wanted, and returns it.
func (p page) until(t *testing.T, what string, ok func(state) bool) (s state) {
	t.Helper()
	if !testkit.Soon(testkit.Patience, func() bool { s = p.state(t); return ok(s) }) {
		t.Fatalf("%s: not within %v: %s; it knows %+v", p.name, testkit.Patience, what, s)
	}
	return s
}

// Without the one line that answers in the server's place, a restart is the end.
func TestWithoutTheAnswerAPageIsDeadForGood(t *testing.T) {
	t.Parallel()
	o := startOrigin(t)
	bare := nginx.start(t, o.addr, "error_page 502 503 504 = @restarting;", "")
	open := inChromium(t)
	p := page{name: "nginx without error_page", state: open(t, bare.http1)}
	p.until(t, "it is open", func(s state) bool { return s.Ready == 1 })
	o.stop(t)
	p.until(t, "it is closed for good", func(s state) bool { return s.Ready == 2 })
	o.start(t)
	fresh := page{name: "a page opened now", state: open(t, bare.http1)}
	fresh.until(t, "it is open", func(s state) bool { return s.Ready == 1 })
	o.publish(t, "after")
	fresh.until(t, "it has the event", func(s state) bool { return len(s.Data) == 1 })
	if s := p.state(t); s.Ready != 2 || len(s.Data) != 0 {
		t.Errorf("the old page knows %+v; want it closed, without the event: else this test tells nothing", s)
	}
}
