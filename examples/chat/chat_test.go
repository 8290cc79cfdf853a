package main

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fastsse/fastsse/examples/internal/browser"
	"github.com/fastsse/fastsse/examples/internal/exampletest"
	"github.com/fastsse/fastsse/server"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

func stage(t *testing.T) (*chat, *exampletest.Server) {
	t.Helper()
	hub, err := server.New(server.Config{Retry: 100 * time.Millisecond, Retention: retention})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = hub.Close(ctx)
	})
	c := newChat(hub)
	return c, exampletest.Serve(t, "", c.handler())
}

// post says something by a plain POST, and returns the status of the answer.
func post(t *testing.T, url string, form url.Values) int {
	t.Helper()
	answer, err := http.PostForm(url, form)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

func said(name, text string) url.Values { return url.Values{"name": {name}, "text": {text}} }

// comeIn opens the page and gives a name.
func comeIn(t *testing.T, tab context.Context, url, name string) {
	t.Helper()
	browser.Open(t, tab, url)
	browser.Eval[bool](t, tab, `(document.getElementById("name").value = "`+name+`", true)`)
	browser.Click(t, tab, "#enter button")
	browser.Until(t, tab, `document.getElementById("state").textContent === "Connected"`)
}

// say types a text and sends it.
func say(t *testing.T, tab context.Context, text string) {
	t.Helper()
	browser.Eval[bool](t, tab, `(document.getElementById("text").value = `+"`"+text+"`"+`, true)`)
	browser.Click(t, tab, "#speak button")
}

// heard is JavaScript for: these texts stand there, in this order, and no others.
func heard(texts ...string) string {
	return `[...document.querySelectorAll("#said p")].map(p => p.textContent).join("|") === ` + "`" + strings.Join(texts, "|") + "`"
}

// here is JavaScript for: these are here, and nobody else.
func here(names ...string) string {
	return `[...document.querySelectorAll("#here li")].map(e => e.textContent).join() === "` + strings.Join(names, ",") + `"`
}

func TestTwoWindowsTalkAndSeeWhoIsHere(t *testing.T) {
	_, s := stage(t)
	post(t, s.URL+"/rooms/lobby", said("Cleo", "Is anybody here?"))
	ada := browser.New(t)
	comeIn(t, ada, s.URL, "Ada")
	browser.Until(t, ada, heard("Is anybody here?")+"&&"+here("Ada (you)")) // the history
	say(t, ada, "I am")
	bob := browser.New(t)
	comeIn(t, bob, s.URL, "Bob")
	browser.Until(t, bob, heard("Is anybody here?", "I am")+"&&"+here("Ada", "Bob (you)"))
	browser.Until(t, ada, here("Ada (you)", "Bob"))
	say(t, bob, "So am I")
	for _, tab := range []context.Context{ada, bob} {
		browser.Until(t, tab, heard("Is anybody here?", "I am", "So am I"))
	}

	browser.Click(t, bob, `a[href="#kitchen"]`) // the other room has its own
	browser.Until(t, bob, `document.querySelector("#said .none") && `+here("Bob (you)"))
	browser.Until(t, ada, here("Ada (you)"))
	say(t, bob, "Tea?")
	browser.Until(t, bob, heard("Tea?"))
	browser.Until(t, ada, heard("Is anybody here?", "I am", "So am I"))
}

// TestNothingIsMissedWhileAway: what is said while the connection is cut comes once, and
// who is here is true again.
func TestNothingIsMissedWhileAway(t *testing.T) {
	_, s := stage(t)
	wire := exampletest.NewWire(t, s.Addr)
	ada := browser.New(t)
	comeIn(t, ada, wire.URL, "Ada")
	say(t, ada, "one")
	browser.Until(t, ada, heard("one"))
	wire.Down()
	browser.Until(t, ada, `document.querySelector(".stale") && document.getElementById("state").textContent.startsWith("Disconnected since ")`)
	say(t, ada, "lost")
	browser.Until(t, ada, `!document.getElementById("failed").hidden && document.getElementById("text").value === "lost"`)
	post(t, s.URL+"/rooms/lobby", said("Bob", "two"))
	bob := exampletest.Stream(t, s.URL+"/events?topic=rooms/lobby&name=Bob")
	exampletest.Next(t, bob, 1) // he is here
	wire.Mend(t, s.Addr)
	browser.Until(t, ada, heard("one", "two")+"&&"+here("Ada (you)", "Bob"))
}

// TestWhatIsSaidIsText: neither a message nor a name can script the page.
func TestWhatIsSaidIsText(t *testing.T) {
	_, s := stage(t)
	evil := `<script>document.title = "evil"</script><img src=x onerror="document.title='evil'">`
	post(t, s.URL+"/rooms/lobby", said("<b>Eve</b>", evil))
	tab := browser.New(t)
	comeIn(t, tab, s.URL, "<i>Ada</i>")
	say(t, tab, evil)
	browser.Until(t, tab, heard(evil, evil)+"&&"+here("<i>Ada</i> (you)"))
	if n := browser.Eval[int](t, tab, `document.querySelectorAll("main script, img, main b, main i").length`); n > 0 {
		t.Errorf("%d elements were made of what was said", n)
	}
	if got := browser.Eval[string](t, tab, `document.title`); got == "evil" {
		t.Error("what was said has run")
	}
}

// TestLongestNameAndTextOfAnyScript: what the page lets one write, the server takes.
func TestLongestNameAndTextOfAnyScript(t *testing.T) {
	_, s := stage(t)
	tab := browser.New(t)
	name, text := strings.Repeat("Я", 40), strings.Repeat("語", 1000)
	comeIn(t, tab, s.URL, name)
	say(t, tab, text)
	browser.Until(t, tab, heard(text)+"&&"+here(name+" (you)"))
}

// TestPageShowsTheNewestMessages of a flood, and does not grow for ever.
func TestPageShowsTheNewestMessages(t *testing.T) {
	_, s := stage(t)
	tab := browser.New(t)
	comeIn(t, tab, s.URL, "Ada")
	for range 500 {
		post(t, s.URL+"/rooms/lobby", said("Bob", "again"))
	}
	post(t, s.URL+"/rooms/lobby", said("Bob", "at last"))
	browser.Until(t, tab, `(p => p.length === 400 && p[399].textContent === "at last")(document.querySelectorAll("#said p"))`)
}

func TestWhatIsNotAMessageIsRefused(t *testing.T) {
	_, s := stage(t)
	for status, forms := range map[int][]url.Values{
		400: {said("", "x"), said("Ada", " "), said("Ada", strings.Repeat("x", maxTextBytes+1)), said(strings.Repeat("x", maxNameBytes+1), "x"), said("Ada", "\xff")},
		204: {said("Ada", strings.Repeat("x", maxTextBytes))},
	} {
		for _, form := range forms {
			if got := post(t, s.URL+"/rooms/lobby", form); got != status {
				t.Errorf("%.60v: %d, want %d", form, got, status)
			}
		}
	}
	if got := post(t, s.URL+"/rooms/nowhere", said("Ada", "x")); got != 400 {
		t.Errorf("in a room that is not there: %d, want 400", got)
	}
	for _, query := range []string{"topic=rooms/lobby", "topic=rooms/nowhere&name=Ada", "topic=here/lobby&name=Ada", "topic=rooms/lobby&topic=rooms/kitchen&name=Ada"} {
		if res := exampletest.Do(t, "GET", s.URL+"/events?"+query); res.StatusCode != 400 {
			t.Errorf("%s: %s, want 400", query, res.Status)
		}
	}
}

func TestAxeFindsNothingWrong(t *testing.T) {
	browser.NeedAxe(t)
	_, s := stage(t)
	for range 4 {
		post(t, s.URL+"/rooms/lobby", said("Cleo", "Is anybody here?"))
	}
	tab := browser.New(t)
	browser.Open(t, tab, s.URL)
	browser.Audit(t, tab, "at the door")
	comeIn(t, tab, s.URL, "Ada")
	say(t, tab, "I am")
	browser.Until(t, tab, `document.querySelector(".mine")`)
	browser.Audit(t, tab, "inside")
	if got := browser.Eval[int64](t, tab, `document.documentElement.scrollWidth - innerWidth`); got > 0 {
		t.Errorf("the page is %d wider than a phone", got)
	}
	browser.Click(t, tab, `a[href="#kitchen"]`)
	browser.Until(t, tab, `document.querySelector(".none")`)
	browser.Audit(t, tab, "in an empty room")
}

func TestProgramTellsWhoIsHereAndEndsWell(t *testing.T) {
	p := exampletest.Start(t, []string{"PORT=0"})
	d := exampletest.Stream(t, p.URL+"/events?topic=rooms/lobby&name=Ada")
	if e := exampletest.Next(t, d, 1)[0]; e.Type != "here" || e.Data != `{"number":1,"names":["Ada"]}` {
		t.Errorf("first came %+v, want that Ada is here", e)
	}
	if status := p.Signal(t, syscall.SIGTERM); status != 0 {
		t.Errorf("exit status %d, want 0", status)
	}
	if _, err := d.All(); err != nil { // nil: the last chunk was there
		t.Errorf("the stream was cut: %v", err)
	}
}
