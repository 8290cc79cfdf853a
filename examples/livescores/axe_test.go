package main

import (
	"testing"
	"time"

	"github.com/fastsse/fastsse/examples/internal/browser"
)

// TestAxeFindsNothingWrong: in every state of the page, light and dark, on a
// desktop and a phone.
func TestAxeFindsNothingWrong(t *testing.T) {
	browser.NeedAxe(t)
	s, tab := open(t, "127.0.0.1:0"), browser.New(t)
	browser.Open(t, tab, s.url)
	browser.Until(t, tab, isLive)
	browser.Audit(t, tab, "nothing yet")
	for _, state := range []struct {
		name   string
		played time.Duration
		shown  string
	}{
		{"before", 0, `document.querySelectorAll("#upcoming .card").length === 9`},
		{"half played", halfPlayed, `document.querySelector("#live .card") && document.querySelector("#finished .card")`},
		{"finished", 24 * time.Hour, `document.querySelectorAll("#finished .card").length === 9`},
	} {
		s.day(t, state.played, 1)
		browser.Until(t, tab, state.shown)
		browser.Audit(t, tab, state.name)
	}
	s.day(t, halfPlayed, 1)
	s.say(t, line(0, "kickoff", "0'", 0, 0, ""), line(16, "goal", "16'", 0, 1, `,"side":"away","scorer":"Ngozi"`))
	browser.Until(t, tab, flashing)
	browser.Eval[bool](t, tab, `(() => { clearTimeout(flashes.get("cup/reds-blues").timer); return true })()`) // it stays
	browser.Audit(t, tab, "a goal")
	s.stop()
	browser.Until(t, tab, `document.documentElement.dataset.connection === "reconnecting"`)
	browser.Audit(t, tab, "disconnected")
}
