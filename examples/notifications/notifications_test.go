package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fastsse/fastsse/examples/internal/browser"
	"github.com/fastsse/fastsse/examples/internal/exampletest"
	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

func stage(t *testing.T, origins ...string) (*app, *exampletest.Server) {
	t.Helper()
	hub, err := server.New(server.Config{Retry: 100 * time.Millisecond, Retention: []server.Retention{{Topics: "*", Events: 3}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = hub.Close(ctx)
	})
	a := newApp(hub, origins...)
	return a, exampletest.Serve(t, "", a.handler())
}

// person is somebody who is logged in, without a browser.
type person struct {
	t      *testing.T
	url    string
	client *http.Client
}

func logIn(t *testing.T, url, user string) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &person{t, url, &http.Client{Jar: jar}}
	p.post("/login", "user", user)
	return p
}

// post sends a form of one or two fields.
func (p *person) post(path string, fields ...string) {
	p.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	answer, err := p.client.PostForm(p.url+path, form)
	if err != nil {
		p.t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		p.t.Fatalf("POST %s %v: %s", path, form, answer.Status)
	}
}

// send sends so many notes.
func (p *person) send(to string, n int) {
	p.t.Helper()
	for range n {
		p.post("/send", "to", to, "text", "Lunch?")
	}
}

// unread is JavaScript for: so many notes are there, and so many of them unread.
func unread(all, unread int) string {
	return fmt.Sprintf(`document.getElementById("unread").textContent === "%d" && document.querySelectorAll("#notes li").length === %d`, unread, all)
}

const live = `document.getElementById("state").textContent === "Live"`

// comeIn logs in as a person does.
func comeIn(t *testing.T, tab context.Context, url, user string) {
	t.Helper()
	browser.Open(t, tab, url)
	browser.Until(t, tab, `!document.getElementById("login").hidden`)
	browser.Click(t, tab, `button[value=`+user+`]`)
	browser.Until(t, tab, live)
}

func TestNotesOfOneUserReachThatUserAlone(t *testing.T) {
	a, s := stage(t)
	ada, bob := browser.New(t), browser.New(t)
	comeIn(t, ada, s.URL, "ada")
	comeIn(t, bob, s.URL, "bob")
	evil := `<img src=x onerror="document.title='evil'">`
	browser.Eval[bool](t, ada, fmt.Sprintf(`(document.getElementById("text").value = %q, true)`, evil))
	browser.Click(t, ada, "#send button")
	browser.Until(t, bob, unread(1, 1)+` && document.title === "(1) Notifications" && document.querySelector("#notes span").textContent === `+fmt.Sprintf("%q", "Ada: "+evil))
	if n := browser.Eval[int](t, bob, `document.querySelectorAll("img").length`); n > 0 {
		t.Error("what was written is an element")
	}
	browser.Until(t, ada, unread(0, 0))

	second := browser.Tab(t, bob) // the other tab shares the stream, and what was read
	browser.Open(t, second, s.URL)
	browser.Until(t, second, live+"&&"+unread(1, 1))
	browser.Click(t, bob, "#notes button")
	for _, tab := range []context.Context{bob, second} {
		browser.Until(t, tab, unread(1, 0))
	}
	if st := a.hub.Stats(); st.Opened != 2 {
		t.Errorf("%d streams opened, want one for each user", st.Opened)
	}
}

// TestUnreadCountIsRightAfterACut: after a short one the stream resumes, and after a long
// one, of which the hub does not have all, the page fetches the inbox again.
func TestUnreadCountIsRightAfterACut(t *testing.T) {
	a, s := stage(t)
	wire := exampletest.NewWire(t, s.Addr)
	bob := browser.New(t)
	comeIn(t, bob, wire.URL, "bob")
	ada := logIn(t, s.URL, "ada")
	all := 0
	for missed, gaps := range map[int]int64{2: 0, 10: 1} {
		ada.send("bob", 1)
		all++
		browser.Until(t, bob, unread(all, all)+"&&"+live)
		before := a.hub.Stats().Gaps
		wire.Down()
		browser.Until(t, bob, `document.getElementById("state").textContent.startsWith("Disconnected since ")`)
		ada.send("bob", missed)
		all += missed
		browser.Until(t, bob, unread(all-missed, all-missed)) // it knows nothing of them
		wire.Mend(t, s.Addr)
		browser.Until(t, bob, live+"&&"+unread(all, all))
		if got := a.hub.Stats().Gaps - before; got != gaps {
			t.Errorf("after %d missed notes there were %d gaps, want %d", missed, got, gaps)
		}
	}
	browser.Click(t, bob, "#all")
	browser.Until(t, bob, unread(all, 0))
}

func TestWithoutTheCookieIs401(t *testing.T) {
	_, s := stage(t)
	jar := logIn(t, s.URL, "ada")
	at, _ := url.Parse(s.URL)
	mine := jar.client.Jar.Cookies(at)[0].String()
	for cookie, want := range map[string]int{"": 401, "session=wrong": 401, "session=": 401} {
		for _, path := range []string{"/events?topic=inbox", "/inbox"} {
			if res := exampletest.Do(t, "GET", s.URL+path, "Cookie: "+cookie); res.StatusCode != want {
				t.Errorf("GET %s with cookie %q: %s, want %d", path, cookie, res.Status, want)
			}
		}
	}
	if res := exampletest.Do(t, "GET", s.URL+"/events?topic=inbox&user=bob", "Cookie: "+mine); res.StatusCode != 401 {
		t.Errorf("Ada asks for Bob's stream: %s, want 401", res.Status)
	}
	// Whatever topic she asks for, the stream is hers.
	d := exampletest.Stream(t, s.URL+"/events?topic=inbox/bob", "Cookie: "+mine)
	bob := logIn(t, s.URL, "bob")
	jar.send("bob", 1)
	bob.post("/send", "to", "ada", "text", "Yes")
	if e := exampletest.Next(t, d, 1)[0]; !strings.Contains(e.Data, `"from":"bob","text":"Yes"`) {
		t.Errorf("her stream has %+v, want Bob's note to her first", e)
	}
}

// TestLoggingOutEndsTheStreamInAllTabs: they show the login again.
func TestLoggingOutEndsTheStreamInAllTabs(t *testing.T) {
	a, s := stage(t)
	first := browser.New(t)
	comeIn(t, first, s.URL, "ada")
	second := browser.Tab(t, first)
	browser.Open(t, second, s.URL)
	browser.Until(t, second, live)
	browser.Click(t, first, "#logout")
	for _, tab := range []context.Context{first, second} {
		browser.Until(t, tab, `!document.getElementById("login").hidden && document.getElementById("inbox").hidden`)
	}
	if n := a.hub.Stats().Subscribers; n != 0 {
		t.Errorf("%d streams are open", n)
	}
	comeIn(t, first, s.URL, "bob")
}

// TestSecondLoginInABrowserEndsTheFirst: a tab that showed the first user's inbox shows the
// login, and what it still asks for is not done in the second one's name.
func TestSecondLoginInABrowserEndsTheFirst(t *testing.T) {
	a, s := stage(t)
	first := browser.New(t)
	comeIn(t, first, s.URL, "ada")
	second := browser.Tab(t, first)
	browser.Open(t, second, s.URL)
	browser.Until(t, second, live)
	browser.Eval[bool](t, second, `fetch("/login", {method: "POST", body: new URLSearchParams({user: "bob"})}).then(a => a.ok)`)
	browser.Until(t, first, `!document.getElementById("login").hidden && document.getElementById("inbox").hidden`)
	testkit.Eventually(t, "her stream is closed", func() bool { return a.hub.Stats().Subscribers == 0 })

	ada, bob := logIn(t, s.URL, "ada"), logIn(t, s.URL, "bob")
	ada.send("bob", 1)
	for _, path := range []string{"/read", "/send", "/logout"} {
		answer, err := bob.client.PostForm(s.URL+path+"?user=ada", url.Values{"to": {"bob"}, "text": {"x"}})
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s of Ada's page with Bob's cookie: %s, want 401", path, answer.Status)
		}
	}
	if notes := a.notes["bob"]; len(notes) != 1 || notes[0].Read {
		t.Errorf("Bob has %+v, want one unread note", notes)
	}
	bob.post("/read") // he is still logged in
}

// TestLongestNoteThatThePageTakesIsSent, in any script.
func TestLongestNoteThatThePageTakesIsSent(t *testing.T) {
	_, s := stage(t)
	logIn(t, s.URL, "ada").post("/send", "to", "bob", "text", strings.Repeat("語", 150))
}

// TestPageOnAnotherOrigin: with the cookie, if the origin is allowed, and only then.
func TestPageOnAnotherOrigin(t *testing.T) {
	_, page := stage(t) // another port: another origin
	_, api := stage(t, page.URL)
	_, closed := stage(t)
	tab := browser.New(t)
	comeIn(t, tab, page.URL+"/?api="+api.URL, "bob")
	logIn(t, api.URL, "ada").send("bob", 2)
	browser.Until(t, tab, unread(2, 2))
	browser.Click(t, tab, "#notes button")
	browser.Until(t, tab, unread(2, 1))

	for url, want := range map[string]string{api.URL: page.URL + " true", closed.URL: " "} {
		for _, path := range []string{"/inbox", "/events?topic=inbox"} {
			h := exampletest.Do(t, "GET", url+path, "Origin: "+page.URL).Header
			if got := h.Get("Access-Control-Allow-Origin") + " " + h.Get("Access-Control-Allow-Credentials"); got != want {
				t.Errorf("%s%s says %q, want %q", url, path, got, want)
			}
		}
	}
	if res := exampletest.Do(t, "POST", closed.URL+"/read", "Origin: "+page.URL); res.StatusCode != 403 {
		t.Errorf("a form of another origin: %s, want 403", res.Status)
	}
}

func TestAxeFindsNothingWrong(t *testing.T) {
	browser.NeedAxe(t)
	_, s := stage(t)
	tab := browser.New(t)
	browser.Open(t, tab, s.URL)
	browser.Until(t, tab, `!document.getElementById("login").hidden`)
	browser.Audit(t, tab, "login")
	comeIn(t, tab, s.URL, "bob")
	browser.Audit(t, tab, "nothing yet")
	logIn(t, s.URL, "ada").send("bob", 3)
	browser.Until(t, tab, unread(3, 3))
	browser.Click(t, tab, "#notes button")
	browser.Until(t, tab, unread(3, 2))
	browser.Audit(t, tab, "some read")
	if got := browser.Eval[int64](t, tab, `document.documentElement.scrollWidth - innerWidth`); got > 0 {
		t.Errorf("the page is %d wider than a phone", got)
	}
}

func TestProgramStartsAndEnds(t *testing.T) {
	p := exampletest.Start(t, []string{"PORT=0"}, "-origin", "http://localhost:3000")
	h := exampletest.Do(t, "GET", p.URL+"/inbox", "Origin: http://localhost:3000").Header
	if h.Get("Access-Control-Allow-Origin") != "http://localhost:3000" {
		t.Errorf("-origin is not allowed: %v", h)
	}
	if status := p.Signal(t, syscall.SIGTERM); status != 0 {
		t.Errorf("exit status %d, want 0", status)
	}
}
