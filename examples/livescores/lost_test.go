package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/examples/internal/browser"
	"github.com/fastsse/fastsse/streamwriter"
)

// standing is all on the page that the time moves, as one text.
func standing(t *testing.T, tab context.Context) string {
	t.Helper()
	return browser.Eval[string](t, tab, `[document.getElementById("day").textContent,
		...[...document.querySelectorAll(".card")].map(c => c.querySelector(".badge").textContent + c.querySelector(".run").style.width)].join("|")`)
}

// TestDisconnectedBoardStandsStill: without a server the page knows nothing, and
// says so. It must not go on by itself.
func TestDisconnectedBoardStandsStill(t *testing.T) {
	const (
		viewers = `document.getElementById("viewers").offsetWidth > 0`
		pulses  = `getComputedStyle(document.querySelector("#live h2"), "::before").animationName !== "none"`
		grey    = `getComputedStyle(document.querySelector("main")).filter.includes("grayscale(1)")`
		says    = `document.getElementById("connection").textContent`
	)
	s, tab := open(t, "127.0.0.1:0"), browser.New(t)
	s.day(t, halfPlayed, 600) // ten minutes a second
	browser.Open(t, tab, s.url)
	browser.Until(t, tab, isLive+" && "+viewers+" && "+pulses+" && !"+grey)
	first := standing(t, tab)
	browser.Until(t, tab, `document.getElementById("day").textContent !== "`+strings.Split(first, "|")[0]+`"`)

	s.stop()
	browser.Until(t, tab, says+`.match(/^Disconnected since \d\d:\d\d:\d\d, reconnecting$/)`)
	browser.Until(t, tab, "!("+viewers+") && !("+pulses+") && "+grey)
	before := standing(t, tab)
	time.Sleep(time.Second) // four times as long as from one tick of the page to the next
	if after := standing(t, tab); after != before {
		t.Errorf("without a server the page went from\n%s to\n%s", before, after)
	}

	again := open(t, s.addr)
	again.day(t, halfPlayed, 600)
	browser.Until(t, tab, isLive+" && "+viewers+" && "+pulses+" && !"+grey+" && "+says+` === "Live"`)
	back := standing(t, tab)
	browser.Until(t, tab, `document.getElementById("day").textContent !== "`+strings.Split(back, "|")[0]+`"`)
}

func TestPageSaysThatItIsASimulationAndHowFast(t *testing.T) {
	s, tab := open(t, "127.0.0.1:0"), browser.New(t)
	browser.Open(t, tab, s.url)
	s.say(t, line(0, "kickoff", "0'", 0, 0, ""))
	browser.Until(t, tab, card("0-0")+` && document.getElementById("pace").textContent === ""`) // a feed as it comes
	for pace, want := range map[float64]string{30: "Simulation, 30× real time", 1: "Simulation"} {
		s.day(t, halfPlayed, pace)
		browser.Until(t, tab, `document.getElementById("pace").innerText === "`+want+`"`)
	}
}

// TestPageShowsTheRowThatTheServerSends: it works out nothing itself, so that
// no second copy of the rules can differ from the first.
func TestPageShowsTheRowThatTheServerSends(t *testing.T) {
	s, tab := open(t, "127.0.0.1:0"), browser.New(t)
	browser.Open(t, tab, s.url)
	browser.Until(t, tab, isLive)
	s.say(t, line(0, "kickoff", "0'", 0, 0, ""))
	browser.Until(t, tab, card("0-0"))
	_, err := s.hub.Publish("scores/cup/reds-blues", streamwriter.Event{Type: "halftime", Data: []byte(
		`{"time":"2026-05-02T15:10:00","update":{"match":"cup/reds-blues","kind":"halftime","score":[1,1]},
		"row":{"match":"cup/reds-blues","home":"Greens","away":"Blues","state":"finished","score":[7,3],"penalties":null,"goals":[{"clock":"9'","side":"away","scorer":"Ngozi"}]}}`)})
	if err != nil {
		t.Fatal(err)
	}
	browser.Until(t, tab, card("7-3")+`?.closest("#finished")?.innerText.includes("Ngozi")`)
	browser.Until(t, tab, card("7-3")+`.innerText.includes("Greens")`)
}

// TestCardsWasteNothing: an upcoming kick-off stands once, a scorer's minute
// beside the name, and no empty line under a match without goals.
func TestCardsWasteNothing(t *testing.T) {
	s, tab := open(t, "127.0.0.1:0"), browser.New(t)
	s.day(t, 0, 1)
	browser.Open(t, tab, s.url)
	browser.Until(t, tab, isLive+` && document.querySelectorAll("#upcoming .card").length === 9`)
	if twice := browser.Eval[[]string](t, tab, `[...document.querySelectorAll(".card")].filter(c => !/^in \d+('| h)$/.test(c.querySelector(".badge").textContent)).map(c => c.innerText)`); len(twice) > 0 {
		t.Errorf("badges of matches to come do not say in how long: %q", twice)
	}
	s.say(t, line(0, "kickoff", "0'", 0, 0, ""))
	browser.Until(t, tab, card("0-0"))
	if says := browser.Eval[string](t, tab, `getComputedStyle(`+card("0-0")+`.querySelector(".scorers"), "::before").content`); says != `"No goals yet"` {
		t.Errorf("under a match without goals stands %s, want that there are none", says)
	}
	const longest = 16
	for n := range longest { // some name fills half the card but for its minute
		s.say(t, line(n, "goal", "45+2'", n+1, 0, `,"side":"home","scorer":"N`+strings.Repeat("n", n)+`"`))
	}
	s.say(t, line(50, "goal", "46'", longest, 1, `,"side":"away","scorer":"Ada"`))
	browser.Until(t, tab, card(fmt.Sprint(longest, "-1")))
	// The name and the first minute are on one line: the text between ends of both has one rectangle.
	if apart := browser.Eval[[]string](t, tab, `[...document.querySelectorAll(".scorers li")].filter(li => {
		const range = document.createRange(), name = li.firstChild.firstChild;
		range.setStart(name, name.length - 1);
		range.setEnd(li.lastChild, 3);
		return new Set([...range.getClientRects()].map(r => Math.round(r.bottom / 4))).size > 1;
	}).map(li => li.textContent)`); len(apart) > 0 {
		t.Errorf("minutes stand apart from their scorers: %q", apart)
	}
}
