package main

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/examples/internal/browser"
	"github.com/fastsse/fastsse/examples/internal/exampletest"
	"github.com/fastsse/fastsse/server"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

const patience = 20 * time.Second // for what should happen at once, on a busy machine

// life is one life of the server.
type life struct {
	*exampletest.Server
	hub *server.Hub
}

// start serves a new list at addr, or any free port.
func start(t *testing.T, addr string) *life {
	t.Helper()
	hub, err := server.New(server.Config{Retry: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	l := &life{exampletest.Serve(t, addr, newList(hub).handler()), hub}
	t.Cleanup(func() { l.end(t) })
	return l
}

// end kills the server and closes the hub, whose connections are not the server's any more.
func (l *life) end(t *testing.T) {
	t.Helper()
	l.Kill()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := l.hub.Close(ctx); err != nil {
		t.Errorf("close: %v", err)
	}
}

// add posts as a form does, and returns the answer.
func add(t *testing.T, l *life, text string) (status int, says string) {
	t.Helper()
	res, err := http.PostForm(l.URL+"/items", url.Values{"text": {text}})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// has is whether the page's list is these words, in their order.
func has(words string) string {
	return `[...document.querySelectorAll("#list .item")].map(item => item.textContent).join(" ") === "` + words + `"`
}

func TestAFragmentIsAnEventWithoutAType(t *testing.T) {
	l := start(t, "")
	d := exampletest.Stream(t, l.URL+"/changes?topic=list")
	if status, says := add(t, l, "<b>Figs"); status != 204 || says != "" {
		t.Fatalf("POST: %d, %q; want 204 and nothing", status, says)
	}
	e := exampletest.Next(t, d, 1)[0]
	if e.Type != "message" || !strings.Contains(e.Data, ">&lt;b&gt;Figs<") || !strings.Contains(e.Data, "<ul>\n") {
		t.Errorf("got %+v; want a list with the new thing, escaped, on several lines", e)
	}
}

func TestWhatDoesNotFitIsRefused(t *testing.T) {
	l := start(t, "")
	if status, says := add(t, l, " "); status != 422 || !strings.Contains(says, "100 characters") {
		t.Errorf("nothing to buy: %d, %q; want 422", status, says)
	}
	if status, says := add(t, l, strings.Repeat("塩", 100)); status != 204 { // as many as the page lets one write
		t.Errorf("100 characters: %d, %q; want 204", status, says)
	}
	for range most - 3 {
		add(t, l, "Salt")
	}
	if status, says := add(t, l, "Salt"); status != 409 || !strings.Contains(says, "remove one") {
		t.Errorf("one too many: %d, %q; want 409", status, says)
	}
}

func TestTwoWindowsShareTheList(t *testing.T) {
	first := browser.New(t)
	second := browser.Tab(t, first)
	l := start(t, "")
	for _, window := range []context.Context{first, second} {
		browser.Open(t, window, l.URL)
		browser.Until(t, window, has("Bread Tea"))
	}
	browser.Click(t, first, "input")
	for _, key := range "Figs\r" {
		browser.Press(t, first, string(key))
	}
	browser.Until(t, second, has("Bread Tea Figs"))
	browser.Until(t, first, has("Bread Tea Figs")+` && document.activeElement.name === "text" && document.activeElement.value === ""`)

	browser.Click(t, second, "#item-1 .item")
	browser.Until(t, first, `document.querySelector("#item-1 .item").ariaPressed === "true"`)
	browser.Until(t, second, `document.activeElement === document.querySelector("#item-1 .item") && document.activeElement.ariaPressed === "true"`)
	browser.Click(t, first, "#item-2 .remove")
	browser.Until(t, second, has("Bread Figs"))
}

func TestPageSaysWhatIsRefused(t *testing.T) {
	ctx := browser.New(t)
	l := start(t, "")
	for range most - 2 {
		add(t, l, "Salt")
	}
	browser.Open(t, ctx, l.URL)
	browser.Eval[bool](t, ctx, `(document.forms[0].text.value = "Figs", document.forms[0].requestSubmit(), true)`)
	browser.Until(t, ctx, `says.textContent.includes("remove one") && document.forms[0].text.value === "Figs"`)
	browser.Click(t, ctx, "#item-1 .remove")
	browser.Until(t, ctx, `says.textContent === "" && !document.querySelector("#item-1")`)
}

// What changes between the making of a page and the opening of its stream is not lost.
func TestPageBeginsWhereItsListWasTrue(t *testing.T) {
	ctx := browser.New(t)
	l := start(t, "")
	res := exampletest.Do(t, "GET", l.URL)
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	add(t, l, "Figs")
	browser.Open(t, ctx, l.URL+"/htmx/LICENSE") // of the same origin
	browser.Eval[bool](t, ctx, `(page => { document.open(); document.write(page); document.close(); return true })(`+quote(string(body))+`)`)
	browser.Until(t, ctx, has("Bread Tea Figs"))
}

func quote(s string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`", "${", "\\${").Replace(s) + "`"
}

func TestPageComesBack(t *testing.T) {
	ctx := browser.New(t)
	l := start(t, "")
	browser.Open(t, ctx, l.URL)
	browser.Until(t, ctx, has("Bread Tea")+` && live.textContent === "Live"`)
	browser.Eval[bool](t, ctx, `window.same = true`)
	// A cut: what is added before the page is back comes with the resumed stream.
	add(t, l, "Figs")
	browser.Until(t, ctx, has("Bread Tea Figs"))
	l.hub.Kick(func(server.Subscriber) bool { return true })
	browser.Until(t, ctx, `live.textContent.startsWith("Disconnected")`)
	add(t, l, "Salt")
	browser.Until(t, ctx, has("Bread Tea Figs Salt")+` && live.textContent === "Live" && window.same`)

	l.end(t) // a restart: the list begins anew, and the page is told of a gap
	browser.Until(t, ctx, `live.textContent.startsWith("Disconnected")`)
	start(t, l.Addr)
	browser.Until(t, ctx, `!window.same && `+has("Bread Tea"))
}

func TestAxeFindsNothingWrong(t *testing.T) {
	browser.NeedAxe(t)
	ctx := browser.New(t)
	l := start(t, "")
	browser.Open(t, ctx, l.URL)
	browser.Until(t, ctx, has("Bread Tea"))
	browser.Audit(t, ctx, "live")
	for _, id := range []string{"1", "2"} {
		browser.Click(t, ctx, "#item-"+id+" .remove")
	}
	browser.Until(t, ctx, has(""))
	browser.Eval[bool](t, ctx, `(document.forms[0].noValidate = true, document.forms[0].requestSubmit(), true)`)
	browser.Until(t, ctx, `says.textContent !== ""`)
	l.end(t)
	browser.Until(t, ctx, `live.textContent !== "Live"`)
	browser.Audit(t, ctx, "empty, refused and disconnected")
}
