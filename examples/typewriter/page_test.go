package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/examples/internal/browser"
	"github.com/fastsse/fastsse/examples/internal/exampletest"
	"github.com/valyala/fasthttp"
)

const letter = "Dear reader,\n\n  one char at a time:\né, ñ, 日本, 😀.\n\nNever the same one twice.\n"

// visitors remembers what each request for the stream brought with it.
type visitors struct {
	mu   sync.Mutex // guards seen
	seen []visitor
}

type visitor struct{ lastID, cookie string }

func (v *visitors) watch(h fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		if string(ctx.Path()) == "/api/sse" && ctx.IsGet() {
			v.mu.Lock()
			v.seen = append(v.seen, visitor{string(ctx.Request.Header.Peek("Last-Event-ID")), string(ctx.Request.Header.Peek("Cookie"))})
			v.mu.Unlock()
		}
		h(ctx)
	}
}

func (v *visitors) all() []visitor {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]visitor(nil), v.seen...)
}

// brisk is a typewriter whose readers come back soon.
func brisk(text string) *typewriter {
	return newTypewriter([]byte(text), 5*time.Millisecond, 50*time.Millisecond)
}

// calm is one that is long not at the end when a test interrupts it.
func calm(text string) *typewriter {
	return newTypewriter([]byte(text), 25*time.Millisecond, 50*time.Millisecond)
}

// start opens the page and begins as a person would.
func start(t *testing.T, ctx context.Context, url string) {
	t.Helper()
	browser.Open(t, ctx, url)
	if got := shown(t, ctx); got != "" {
		t.Fatalf("before Enter the page shows %q", got)
	}
	browser.Press(t, ctx, "\r")
}

func shown(t *testing.T, ctx context.Context) string {
	t.Helper()
	return browser.Eval[string](t, ctx, `document.getElementById("typed").textContent`)
}

func untilHalf(t *testing.T, ctx context.Context) {
	t.Helper()
	browser.Until(t, ctx, `typed >= 20`)
}

// wantWhole waits for the end, and checks that text was typed exactly once.
func wantWhole(t *testing.T, ctx context.Context, text string) {
	t.Helper()
	browser.Until(t, ctx, `document.body.dataset.state === "ended" && source.readyState === 2`)
	if got := shown(t, ctx); got != text {
		t.Errorf("the page shows %q, want %q", got, text)
	}
}

func TestPageTypesAndStopsForGoodAtTheEnd(t *testing.T) {
	ctx := browser.New(t)
	for _, query := range []string{"", "?event=lol"} {
		var v visitors
		s := exampletest.Serve(t, "", v.watch(brisk(letter).handler()))
		start(t, ctx, s.URL+"/"+query)
		wantWhole(t, ctx, letter)
		n := len([]rune(letter))
		browser.Until(t, ctx, fmt.Sprintf(`$("count").textContent === "%d of %[1]d characters" && $("progress").value === %[1]d && $("progress").max === %[1]d`, n))
		time.Sleep(300 * time.Millisecond) // several times its retry
		if n := len(v.all()); n != 1 {
			t.Errorf("%q: the page asked %d times, want once", query, n)
		}
	}
}

func TestPageGoesOnAtTheRightCharacterAfterARestart(t *testing.T) {
	ctx := browser.New(t)
	for name, end := range map[string]func(*exampletest.Server){
		"stopped": (*exampletest.Server).Stop,
		"killed":  (*exampletest.Server).Kill,
	} {
		first := exampletest.Serve(t, "", calm(letter).handler())
		start(t, ctx, first.URL)
		untilHalf(t, ctx)
		end(first)
		browser.Until(t, ctx, `/^disconnected since \d\d:\d\d:\d\d, reconnecting$/.test($("state").textContent)`)
		if got := shown(t, ctx); len(got) >= len(letter) {
			t.Fatalf("%s too late: the whole text was there", name)
		}
		var v visitors
		second := exampletest.Serve(t, first.Addr, v.watch(brisk(letter).handler()))
		wantWhole(t, ctx, letter)
		if seen := v.all(); len(seen) != 1 || !strings.HasPrefix(seen[0].lastID, brisk(letter).sum+"-") {
			t.Errorf("%s: the page came back with %+v, want once and with an id", name, seen)
		}
		second.Kill()
	}
}

func TestPageShowsNothingTwiceThoughItIsRepeated(t *testing.T) {
	ctx := browser.New(t)
	first := exampletest.Serve(t, "", calm(letter).handler())
	start(t, ctx, first.URL)
	untilHalf(t, ctx)
	first.Kill()
	forgetful := brisk(letter).handler()
	exampletest.Serve(t, first.Addr, func(ctx *fasthttp.RequestCtx) {
		ctx.Request.Header.Del("Last-Event-ID")
		forgetful(ctx)
	})
	wantWhole(t, ctx, letter)
}

func TestPageStartsAfreshWhenTheTextHasChanged(t *testing.T) {
	ctx := browser.New(t)
	first := exampletest.Serve(t, "", calm(letter).handler())
	start(t, ctx, first.URL)
	untilHalf(t, ctx)
	first.Kill()
	exampletest.Serve(t, first.Addr, brisk("Something else.").handler())
	wantWhole(t, ctx, "Something else.")
}

// A browser gives up for good on any answer but 200: the page does not, and
// brings the id along in the query.
func TestPageComesBackWhenTheBrowserHasGivenUp(t *testing.T) {
	ctx := browser.New(t)
	first := exampletest.Serve(t, "", calm(letter).handler())
	start(t, ctx, first.URL)
	browser.Eval[bool](t, ctx, `(() => { const wait = window.setTimeout; window.setTimeout = f => wait(f, 50); return true })()`)
	untilHalf(t, ctx)
	first.Kill()
	busy := exampletest.Serve(t, first.Addr, func(ctx *fasthttp.RequestCtx) { ctx.SetStatusCode(fasthttp.StatusServiceUnavailable) })
	browser.Until(t, ctx, `source.readyState === 2`)
	busy.Kill()
	exampletest.Serve(t, first.Addr, brisk(letter).handler())
	wantWhole(t, ctx, letter)
}

func TestStopButtonStopsForGood(t *testing.T) {
	ctx := browser.New(t)
	var v visitors
	s := exampletest.Serve(t, "", v.watch(newTypewriter([]byte(letter), 20*time.Millisecond, 50*time.Millisecond).handler()))
	start(t, ctx, s.URL)
	browser.Until(t, ctx, `typed >= 5`)
	browser.Click(t, ctx, "#stop")
	browser.Until(t, ctx, `source.readyState === 2 && document.body.dataset.state === "stopped"`)
	before := shown(t, ctx)
	time.Sleep(300 * time.Millisecond) // several times its retry
	if after := shown(t, ctx); after != before || after == letter {
		t.Errorf("it stopped at %q and went on to %q", before, after)
	}
	if n := len(v.all()); n != 1 {
		t.Errorf("the page asked %d times, want once", n)
	}
	browser.Click(t, ctx, "#start") // and only a person begins again
	wantWhole(t, ctx, letter)
}

func TestStopButtonStopsWhileTheServerIsAway(t *testing.T) {
	ctx := browser.New(t)
	first := exampletest.Serve(t, "", calm(letter).handler())
	start(t, ctx, first.URL)
	untilHalf(t, ctx)
	first.Kill()
	browser.Until(t, ctx, `document.body.dataset.state === "waiting"`)
	browser.Click(t, ctx, "#stop")
	var v visitors
	exampletest.Serve(t, first.Addr, v.watch(brisk(letter).handler()))
	time.Sleep(500 * time.Millisecond)
	if n := len(v.all()); n != 0 {
		t.Errorf("the page came back %d times after Stop", n)
	}
}

func TestStopButtonStopsThoughTheBrowserHasGivenUp(t *testing.T) {
	ctx := browser.New(t)
	first := exampletest.Serve(t, "", calm(letter).handler())
	start(t, ctx, first.URL)
	browser.Eval[bool](t, ctx, `(() => { const wait = window.setTimeout; window.setTimeout = f => wait(f, 2000); return true })()`)
	untilHalf(t, ctx)
	first.Kill()
	var v visitors
	exampletest.Serve(t, first.Addr, v.watch(func(ctx *fasthttp.RequestCtx) { ctx.SetStatusCode(fasthttp.StatusServiceUnavailable) }))
	browser.Until(t, ctx, `source.readyState === 2`)
	browser.Click(t, ctx, "#stop")
	before := len(v.all())
	time.Sleep(2500 * time.Millisecond)
	if after := len(v.all()); after != before {
		t.Errorf("the page came back %d times after Stop", after-before)
	}
}

func TestPageOnAnotherOrigin(t *testing.T) {
	ctx := browser.New(t)
	var v visitors
	api := exampletest.Serve(t, "", v.watch(brisk(letter).handler()))
	page := exampletest.Serve(t, "", brisk("The wrong text.").handler()) // another port: another origin
	for query, cookie := range map[string]string{"": "", "&credentials": "who=me"} {
		browser.Open(t, ctx, page.URL)
		browser.Eval[string](t, ctx, `document.cookie = "who=me"`) // cookies know no ports
		start(t, ctx, page.URL+"/?api="+api.URL+"/api/sse"+query)
		wantWhole(t, ctx, letter)
		seen := v.all()
		if got := seen[len(seen)-1].cookie; got != cookie {
			t.Errorf("%q: the cookie is %q, want %q", query, got, cookie)
		}
	}
	// A client made of fetch sends headers, so that the browser asks first.
	got := browser.Eval[string](t, ctx, `fetch("`+api.URL+`/api/sse", {
		credentials: "include",
		headers: { "Last-Event-ID": "`+brisk(letter).sum+`-3", "Cache-Control": "no-cache" },
	}).then(r => r.text())`)
	if !strings.Contains(got, "data: r\nid: "+brisk(letter).sum+"-4\n") || strings.Contains(got, "-3\n") {
		t.Errorf("fetch from another origin got %.80q, want the fourth character first", got)
	}
}
