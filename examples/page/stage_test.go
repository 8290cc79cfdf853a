package page_test

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/examples/internal/browser"
	"github.com/fastsse/fastsse/examples/internal/exampletest"
	"github.com/fastsse/fastsse/examples/page"
	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

//go:embed testdata/page.html
var html []byte

// counter is an application whose state is the numbers that it has counted. It publishes
// each one.
type counter struct {
	t   *testing.T
	hub *server.Hub
	*exampletest.Server

	mu      sync.Mutex // guards what follows; held over Publish, so that state and id are of one moment
	numbers []int
	status  int // of all answers but the page's, if it is not 0
	asked   int // requests for the stream
	during  int // numbers that are counted while the next state is on its way
}

// count serves a counter that has got that far.
func count(t *testing.T, from int, config server.Config) *counter {
	t.Helper()
	if config.Retry == 0 {
		config.Retry = 100 * time.Millisecond
	}
	hub, err := server.New(config)
	if err != nil {
		t.Fatal(err)
	}
	c := &counter{t: t, hub: hub, numbers: []int{}}
	for n := range from {
		c.numbers = append(c.numbers, n+1)
	}
	r := router.New()
	page.Mount(r, html)
	events := hub.SubscribeHandler(server.SubscribeOptions{})
	r.ANY("/events", func(ctx *fasthttp.RequestCtx) { c.answer(ctx, events) })
	r.GET("/state", func(ctx *fasthttp.RequestCtx) { c.answer(ctx, c.state) })
	c.Server = exampletest.Serve(t, "", r.Handler)
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = hub.Close(ctx)
	})
	return c
}

func (c *counter) answer(ctx *fasthttp.RequestCtx, h fasthttp.RequestHandler) {
	c.mu.Lock()
	status := c.status
	if string(ctx.Path()) == "/events" {
		c.asked++
	}
	c.mu.Unlock()
	if status != 0 {
		ctx.SetStatusCode(status)
		return
	}
	h(ctx)
}

func (c *counter) state(ctx *fasthttp.RequestCtx) {
	c.mu.Lock()
	body, _ := json.Marshal(map[string]any{"id": c.hub.LastID(), "numbers": c.numbers})
	during := c.during
	c.during = 0
	c.mu.Unlock()
	if sent := c.hub.Stats().Delivered; during > 0 {
		c.next(during)
		testkit.Soon(testkit.Patience, func() bool { return c.hub.Stats().Delivered >= sent+int64(during) })
	}
	ctx.SetContentType("application/json")
	ctx.SetBody(body)
}

// next counts so many numbers more.
func (c *counter) next(more int) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for range more {
		n := len(c.numbers) + 1
		c.numbers = append(c.numbers, n)
		if _, err := c.hub.Publish("numbers", streamwriter.Event{Type: "number", Data: []byte(strconv.Itoa(n))}); err != nil {
			c.t.Fatal(err)
		}
	}
}

// refuses makes every answer but the page's this status, and 0 as it was.
func (c *counter) refuses(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status, c.asked = status, 0
}

// counts has so many numbers counted while the next state is on its way.
func (c *counter) counts(during int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.during = during
}

// requests is how often the stream was asked for since refuses was called.
func (c *counter) requests() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked
}

// shows is JavaScript for: the page has every number up to n, each once and in order.
func shows(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = strconv.Itoa(i + 1)
	}
	return fmt.Sprintf("self.numbers.join() === %q", strings.Join(all, ","))
}

const isOpen = `self.events?.state === "open"`

// tab is a tab of some browser.
type tab interface {
	until(t *testing.T, js string)
	leave(t *testing.T)
}

// opens opens tabs of one browser.
type opens func(t *testing.T, url string) tab

type chromiumTab struct{ ctx context.Context }

const patience = 20 * time.Second

func (c chromiumTab) until(t *testing.T, js string) {
	t.Helper()
	browser.Until(t, c.ctx, js)
}

func (c chromiumTab) leave(t *testing.T) { browser.Open(t, c.ctx, "about:blank") }

type firefoxTab struct{ *browser.FirefoxTab }

func (f firefoxTab) until(t *testing.T, js string) {
	t.Helper()
	var ok bool
	if testkit.Soon(patience, func() bool { f.Eval(t, &ok, "!!("+js+")"); return ok }) {
		return
	}
	var says string
	f.Eval(t, &says, "JSON.stringify([self.numbers, self.states, self.gaps])")
	t.Fatalf("Firefox: not within %v: %s; the page has %s", patience, js, says)
}

func (f firefoxTab) leave(t *testing.T) {
	var ok bool
	f.Eval(t, &ok, `!!(location = "about:blank")`)
}
