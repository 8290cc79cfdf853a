package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/fastsse/fastsse/examples/internal/browser"
)

// stage is a server in this process, with a feed that the test writes.
type stage struct {
	*app
	addr string
	url  string
	feed io.Writer
	stop func() // returns when it no longer listens
}

// open serves at addr until stop or the test's end.
func open(t *testing.T, addr string) *stage {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	a, err := newApp(config{feed: "-"}, log.New(io.Discard, "", 0))
	if err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = a.run(ctx, ln, r)
	}()
	stop := func() { cancel(); <-done; w.Close() }
	t.Cleanup(stop)
	return &stage{app: a, addr: ln.Addr().String(), url: "http://" + ln.Addr().String() + "/", feed: w, stop: stop}
}

// say writes lines to the feed, and returns when they are read.
func (s *stage) say(t *testing.T, lines ...string) {
	t.Helper()
	if _, err := fmt.Fprintln(s.feed, strings.Join(lines, "\n")); err != nil {
		t.Fatal(err)
	}
}

// day puts a simulated day on the board as it stands so long after its beginning.
func (s *stage) day(t *testing.T, played time.Duration, pace float64) {
	t.Helper()
	d := drawDay(1, 1, saturday)
	now := d.start.Add(played)
	table, _ := d.at(now)
	if err := s.player.board.newDay(table, now, pace); err != nil {
		t.Fatal(err)
	}
}

// card is a JavaScript expression for the match of line, which shows score.
func card(score string) string {
	return fmt.Sprintf(`document.querySelector('[data-match="cup/reds-blues"][data-score="%s"]')`, score)
}

const (
	isLive   = `document.documentElement.dataset.connection === "live"`
	flashing = `document.querySelector('.card.goal .scored')`
)

func TestPageShowsAGoalWithinASecond(t *testing.T) {
	s, tab := open(t, "127.0.0.1:0"), browser.New(t)
	browser.Open(t, tab, s.url)
	browser.Until(t, tab, isLive+` && document.body.innerText.includes("Nothing on the pitch yet")`)

	s.say(t, line(0, "kickoff", "0'", 0, 0, ""))
	browser.Until(t, tab, card("0-0"))
	s.say(t, line(16, "goal", "16'", 0, 1, `,"side":"away","scorer":"Ngozi","penalty":true`))
	browser.Until(t, tab, card("0-1")+`?.classList.contains("goal") && `+flashing)
	if got := browser.Eval[string](t, tab, `[...document.querySelectorAll('.scored .name, .scored .score, .badge')].map(e => e.textContent).join("|")`); got != "GOAL|Blues|1" {
		t.Errorf("the goal shows as %q", got)
	}
	browser.Until(t, tab, `document.querySelector("#ticker li")?.innerText.includes("Ngozi")`)
	browser.Until(t, tab, `document.querySelector("#news").textContent === "Goal for Blues. Reds 0, Blues 1. Ngozi."`)
	browser.Until(t, tab, `document.querySelector("#viewers").innerText === "1 watching"`)
	browser.Until(t, tab, `!document.querySelector(".card.goal")`)

	s.say(t, line(50, "halftime", "HT", 0, 1, ""))
	browser.Until(t, tab, `document.querySelector(".badge").textContent === "HT"`)
	s.say(t, line(112, "fulltime", "FT", 0, 1, ""))
	browser.Until(t, tab, `document.querySelector("#finished .card .badge").textContent === "FT"`)
}

func TestPageSurvivesARestart(t *testing.T) {
	s, tab := open(t, "127.0.0.1:0"), browser.New(t)
	s.say(t, line(0, "kickoff", "0'", 0, 0, ""), line(16, "goal", "16'", 1, 0, ""))
	browser.Open(t, tab, s.url)
	browser.Until(t, tab, isLive+"&&"+card("1-0"))

	s.stop()
	browser.Until(t, tab, `document.documentElement.dataset.connection === "reconnecting"`)
	again := open(t, s.addr)
	again.say(t, line(0, "kickoff", "0'", 0, 0, ""), line(16, "goal", "16'", 1, 0, ""), line(20, "goal", "20'", 2, 0, ""))
	browser.Until(t, tab, isLive+"&&"+card("2-0")) // what fell while it was away
	again.say(t, line(30, "goal", "30'", 3, 0, ""))
	browser.Until(t, tab, card("3-0")+`?.classList.contains("goal")`)
	if got := browser.Eval[int](t, tab, `document.querySelectorAll("#ticker li").length`); got != 3 {
		t.Errorf("%d goals in the ticker, want 3", got)
	}
	if n := again.hub.Stats().Gaps; n != 1 {
		t.Errorf("%d gaps, want 1: the stream itself came back", n)
	}
}

// TestWatchdogOpensAClosedStreamAgain: an EventSource gives up for ever on any
// answer but 200.
func TestWatchdogOpensAClosedStreamAgain(t *testing.T) {
	s, tab := open(t, "127.0.0.1:0"), browser.New(t)
	browser.Open(t, tab, s.url)
	browser.Until(t, tab, isLive)
	s.stop()
	refused := make(chan struct{}, 100)
	sick := &http.Server{Addr: s.addr, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "out of order", http.StatusServiceUnavailable)
		if r.URL.Path == "/events" {
			refused <- struct{}{}
		}
	})}
	go sick.ListenAndServe()
	select {
	case <-refused:
	case <-time.After(20 * time.Second):
		t.Fatal("the stream did not come back to be refused")
	}
	sick.Close()
	again := open(t, s.addr)
	again.say(t, line(0, "kickoff", "0'", 0, 0, ""))
	browser.Until(t, tab, isLive+"&&"+card("0-0"))
}

// TestTabsShareOneStream holds for each of the ways in which they can.
func TestTabsShareOneStream(t *testing.T) {
	for _, way := range []struct {
		name, query string
		opened      int64 // streams, once the first tab has left
	}{
		{"worker", "", 1},
		{"channel with locks", "?tabs=channel", 2},
		{"channel with an election", "?tabs=election", 2},
	} {
		t.Run(way.name, func(t *testing.T) {
			s, first := open(t, "127.0.0.1:0"), browser.New(t)
			s.say(t, line(0, "kickoff", "0'", 0, 0, ""))
			browser.Open(t, first, s.url+way.query)
			browser.Until(t, first, isLive+"&&"+card("0-0"))
			second := browser.Tab(t, first)
			browser.Open(t, second, s.url+way.query)
			browser.Until(t, second, isLive+"&&"+card("0-0"))
			s.say(t, line(16, "goal", "16'", 1, 0, ""))
			for _, tab := range []context.Context{first, second} {
				browser.Until(t, tab, card("1-0"))
			}
			if st := s.hub.Stats(); st.Opened != 1 || st.Subscribers != 1 {
				t.Errorf("%d streams opened, %d open; want 1", st.Opened, st.Subscribers)
			}

			browser.Open(t, first, "about:blank") // the tab that held it leaves
			eventually(t, func() bool { st := s.hub.Stats(); return st.Opened == way.opened && st.Subscribers == 1 })
			browser.Until(t, second, isLive)
			s.say(t, line(20, "goal", "20'", 2, 0, ""))
			browser.Until(t, second, card("2-0"))
		})
	}
}

// TestElectionSettles opens tabs at the same moment: one of them leads.
func TestElectionSettles(t *testing.T) {
	s, first := open(t, "127.0.0.1:0"), browser.New(t)
	s.say(t, line(0, "kickoff", "0'", 0, 0, ""))
	tabs := []context.Context{first, browser.Tab(t, first), browser.Tab(t, first), browser.Tab(t, first)}
	for _, tab := range tabs {
		browser.Eval[bool](t, tab, fmt.Sprintf("!!(location = %q)", s.url+"?tabs=election"))
	}
	for _, tab := range tabs {
		browser.Until(t, tab, isLive+"&&"+card("0-0"))
	}
	eventually(t, func() bool { return s.hub.Stats().Subscribers == 1 })
	s.say(t, line(16, "goal", "16'", 1, 0, ""))
	for _, tab := range tabs {
		browser.Until(t, tab, card("1-0"))
	}
}

func TestPageFitsAPhone(t *testing.T) {
	s, tab := open(t, "127.0.0.1:0"), browser.New(t)
	if data, err := os.ReadFile(worldCup); err == nil {
		s.say(t, strings.TrimSpace(string(data)))
	}
	long := strings.NewReplacer("Reds", "Llanfairpwllgwyngyllgogerychwyrndrobwll Wanderers", "Blues", strings.Repeat("Ü", 60))
	s.say(t, long.Replace(line(0, "kickoff", "0'", 0, 0, "")),
		long.Replace(line(3, "goal", "90+13'", 10, 12, `,"scorer":"`+strings.Repeat("W", 80)+`","side":"home","penalty":true`)))
	for _, width := range []int64{320, 390, 768, 1280} {
		if err := chromedp.Do(tab, chromedp.EmulateViewport(width, 844)); err != nil {
			t.Fatal(err)
		}
		browser.Open(t, tab, s.url)
		browser.Until(t, tab, isLive+"&&"+card("10-12"))
		if got := browser.Eval[int64](t, tab, `document.documentElement.scrollWidth`); got > width {
			t.Errorf("the page is %d wide on a screen of %d", got, width)
		}
	}
}

// TestFeedCannotScriptThePage: what a feed says is text.
func TestFeedCannotScriptThePage(t *testing.T) {
	s, tab := open(t, "127.0.0.1:0"), browser.New(t)
	evil := `<img src=x onerror='document.title=1'>`
	text := strings.NewReplacer("Reds", evil, "Cup", evil)
	s.say(t, text.Replace(line(0, "kickoff", evil, 0, 0, "")), text.Replace(line(1, "goal", evil, 1, 0, `,"scorer":"`+evil+`"`)))
	browser.Open(t, tab, s.url)
	browser.Until(t, tab, isLive+"&&"+card("1-0"))
	if n := browser.Eval[int](t, tab, `document.querySelectorAll("img").length`); n > 0 {
		t.Errorf("%d images", n)
	}
}

// TestPageLoadsNothingFromElsewhere also shows that nothing fails to load.
func TestPageLoadsNothingFromElsewhere(t *testing.T) {
	s, tab := open(t, "127.0.0.1:0"), browser.New(t)
	browser.Open(t, tab, s.url+"?tabs=alone") // in the page, where it is seen
	browser.Until(t, tab, isLive)
	got := browser.Eval[[]string](t, tab, `performance.getEntriesByType("resource").map(e => e.name.split("?")[0])`)
	for _, name := range got {
		if !strings.HasPrefix(name, s.url) && !strings.HasPrefix(name, "data:") {
			t.Errorf("it loads %s", name)
		}
	}
	if len(got) == 0 {
		t.Error("it loads nothing at all")
	}
}
