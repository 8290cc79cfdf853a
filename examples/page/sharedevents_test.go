package page_test

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/fastsse/fastsse/examples/internal/browser"
	"github.com/fastsse/fastsse/examples/internal/exampletest"
	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
)

// scenes show what sharedevents.js promises. Each has a server of its own, and so an origin.
var scenes = []struct {
	name string
	play func(t *testing.T, open opens)
	same bool // in any browser: it is the script's doing alone, and Chromium plays it
}{
	{"TabsShareOneStream", tabsShareOneStream, false},
	{"ComesBackAfterARestart", comesBackAfterARestart, false},
	{"ResumesAfterACut", resumesAfterACut, false},
	{"WakesFromADeadConnection", wakesFromADeadConnection, false},
	{"GapCallsOngap", gapCallsOngap, true},
	{"EventsThatComeWhileLoadRunsWait", eventsThatComeWhileLoadRunsWait, true},
	{"TabThatComesLateIsToldWhatItMissed", tabThatComesLateIsToldWhatItMissed, true},
	{"AnswerThatIsFinalEndsIt", answerThatIsFinalEndsIt, false},
	{"LoadThatFailsIsCalledAgain", loadThatFailsIsCalledAgain, true},
	{"CloseEndsTheStreamOfTheLastTab", closeEndsTheStreamOfTheLastTab, false},
	{"WithoutTheWorkersScript", withoutTheWorkersScript, false},
	{"LeadersThatLeaveLoseNothing", leadersThatLeaveLoseNothing, false},
	{"HandlersThatThrowLoseNothing", handlersThatThrowLoseNothing, true},
	{"OfflineIsNotTheLastWord", offlineIsNotTheLastWord, true},
}

// TestSharedEvents plays all scenes in one Chromium and, unless it is to be short, those that
// depend on the browser in one Firefox at the same time.
func TestSharedEvents(t *testing.T) {
	t.Run("Chromium", func(t *testing.T) {
		t.Parallel()
		chromium := browser.New(t)
		play(t, true, func(t *testing.T, url string) tab {
			ctx := browser.Tab(t, chromium)
			browser.Open(t, ctx, url)
			return chromiumTab{ctx}
		})
		t.Run("WorkerThatCrashedIsReplaced", func(t *testing.T) { workerThatCrashedIsReplaced(t, chromium) })
		t.Run("GoesOnAfterTheBackButton", func(t *testing.T) { goesOnAfterTheBackButton(t, chromium) })
	})
	if testing.Short() {
		return
	}
	t.Run("Firefox", func(t *testing.T) {
		t.Parallel()
		firefox := browser.NewFirefox(t)
		play(t, false, func(t *testing.T, url string) tab { return firefoxTab{firefox.Open(t, url)} })
	})
}

func play(t *testing.T, all bool, open opens) {
	for _, scene := range scenes {
		if scene.same && !all {
			continue
		}
		t.Run(scene.name, func(t *testing.T) { scene.play(t, open) })
	}
}

// tabsShareOneStream holds for each of the ways in which they can, and when the tab
// that has the stream leaves.
func tabsShareOneStream(t *testing.T, open opens) {
	for _, way := range []string{"worker", "channel", "election"} {
		t.Run(way, func(t *testing.T) {
			c := count(t, 3, server.Config{})
			url := c.URL + "/?tabs=" + way
			first := open(t, url)
			first.until(t, isOpen+"&&"+shows(3))
			c.next(2)
			second := open(t, url)
			for _, tab := range []tab{first, second} {
				tab.until(t, isOpen+"&&"+shows(5))
			}
			c.next(1)
			for _, tab := range []tab{first, second} {
				tab.until(t, shows(6))
			}
			if st := c.hub.Stats(); st.Opened != 1 || st.Subscribers != 1 {
				t.Errorf("%d streams opened, %d open; want 1", st.Opened, st.Subscribers)
			}
			first.leave(t)
			c.next(1)
			second.until(t, isOpen+"&&"+shows(7)+"&& self.gaps.length === 0")
			testkit.Eventually(t, "one stream is open", func() bool { return c.hub.Stats().Subscribers == 1 })
			c.next(1)
			second.until(t, shows(8))
		})
	}
}

// comesBackAfterARestart: nobody listens for a while, then a proxy in front answers
// 502, after which an EventSource gives up, and then there is a server that knows nothing
// of the old one's ids.
func comesBackAfterARestart(t *testing.T, open opens) {
	for _, way := range []string{"worker", "channel"} {
		t.Run(way, func(t *testing.T) {
			before := count(t, 0, server.Config{})
			line := exampletest.NewWire(t, before.Addr)
			url := line.URL + "/?tabs=" + way
			tabs := []tab{open(t, url), open(t, url)}
			for _, tab := range tabs {
				tab.until(t, isOpen)
			}
			before.next(3)
			for _, tab := range tabs {
				tab.until(t, shows(3))
			}
			line.Down()
			for _, tab := range tabs {
				tab.until(t, shows(3)+`&& events.state === "reconnecting" && Math.abs(Date.now() - events.since) < 60000`)
			}
			after := count(t, 5, server.Config{})
			after.refuses(502)
			line.Mend(t, after.Addr)
			testkit.Eventually(t, "the stream is asked for after a 502", func() bool { return after.requests() >= 3 })
			after.refuses(0)
			for _, tab := range tabs {
				tab.until(t, isOpen+"&&"+shows(5)+`&& self.gaps.join() === "epoch" && events.since === 0`)
			}
			after.next(2)
			for _, tab := range tabs {
				tab.until(t, shows(7))
			}
		})
	}
}

// resumesAfterACut: nothing is lost, nothing comes twice, and there is no gap.
func resumesAfterACut(t *testing.T, open opens) {
	c := count(t, 0, server.Config{})
	line := exampletest.NewWire(t, c.Addr)
	tab := open(t, line.URL)
	tab.until(t, isOpen)
	n := 0
	for range 5 {
		c.next(20)
		line.Cut()
		c.next(20)
		n += 40
		tab.until(t, isOpen+"&&"+shows(n)+"&& self.gaps.length === 0")
	}
}

// wakesFromADeadConnection: no packet says that it is dead. Somebody looks at the page
// again, and it opens another.
func wakesFromADeadConnection(t *testing.T, open opens) {
	c := count(t, 0, server.Config{})
	line := exampletest.NewWire(t, c.Addr)
	tab := open(t, line.URL+`/?options={"silence":200}`)
	tab.until(t, isOpen)
	c.next(3)
	tab.until(t, shows(3))
	line.Silence()
	c.next(3)
	tab.until(t, `(self.begun ??= Date.now(), Date.now() - self.begun > 500)`)
	tab.until(t, shows(3)+"&&"+isOpen) // it does not know
	tab.until(t, `Object.defineProperty(document, "hidden", {configurable: true, value: false}) && document.dispatchEvent(new Event("visibilitychange")) && `+shows(6))
}

// gapCallsOngap also without load, with the reason that the server gives.
func gapCallsOngap(t *testing.T, open opens) {
	c := count(t, 0, server.Config{Retention: []server.Retention{{Topics: "*", Events: 2}}})
	line := exampletest.NewWire(t, c.Addr)
	tab := open(t, line.URL+"/?noload")
	tab.until(t, isOpen)
	c.next(1)
	tab.until(t, shows(1))
	line.Down()
	c.next(5)
	line.Mend(t, c.Addr)
	tab.until(t, `self.gaps.join() === "evicted" && self.numbers.join() === "1,5,6"`)
}

// eventsThatComeWhileLoadRunsWait: those that the state has are dropped, and the others
// come after it.
func eventsThatComeWhileLoadRunsWait(t *testing.T, open opens) {
	c := count(t, 0, server.Config{Retention: []server.Retention{{Topics: "*", Events: 4}}})
	line := exampletest.NewWire(t, c.Addr)
	tab := open(t, line.URL)
	tab.until(t, isOpen)
	c.next(1)
	tab.until(t, shows(1))
	line.Down()
	c.next(9)
	c.counts(2)
	line.Mend(t, c.Addr)
	tab.until(t, shows(12)+`&& self.gaps.join() === "evicted"`)
}

// tabThatComesLateIsToldWhatItMissed: another tab's stream is further than it is. What
// is no longer kept is a gap.
func tabThatComesLateIsToldWhatItMissed(t *testing.T, open opens) {
	for _, way := range []string{"worker", "channel"} {
		t.Run(way, func(t *testing.T) {
			c := count(t, 0, server.Config{})
			start := c.hub.LastID()
			url := c.URL + "/?noload&tabs=" + way + `&options={"lastEventId":"` + start + `"}`
			first := open(t, url)
			first.until(t, isOpen)
			c.next(10)
			first.until(t, shows(10))
			second := open(t, url)
			second.until(t, shows(10)+"&& self.gaps.length === 0")
			c.next(300)
			first.until(t, shows(310))
			third := open(t, url)
			third.until(t, `self.gaps.join() === "shared"`)
			c.next(1)
			third.until(t, `self.numbers.join() === "311"`)
			second.until(t, shows(311))
		})
	}
}

// answerThatIsFinalEndsIt: after 401, 403, 410 and 204 nobody asks again.
func answerThatIsFinalEndsIt(t *testing.T, open opens) {
	for _, status := range []int{401, 204} {
		c := count(t, 0, server.Config{})
		tab := open(t, c.URL+"/?noload")
		tab.until(t, isOpen)
		c.refuses(status)
		c.hub.Kick(func(server.Subscriber) bool { return true })
		tab.until(t, `self.events.state === "closed" && self.events.status === `+map[int]string{401: "401", 204: "204"}[status])
		n := c.requests()
		time.Sleep(time.Second) // twice as long as the first attempt would wait
		if got := c.requests(); got != n {
			t.Errorf("after %d it was asked for %d times more", status, got-n)
		}
	}
}

func loadThatFailsIsCalledAgain(t *testing.T, open opens) {
	c := count(t, 4, server.Config{})
	c.refuses(503)
	tab := open(t, c.URL)
	tab.until(t, `self.events?.state === "connecting" && self.events.since > 0`)
	c.refuses(0)
	tab.until(t, isOpen+"&&"+shows(4)+"&& self.loaded === 1")
}

func closeEndsTheStreamOfTheLastTab(t *testing.T, open opens) {
	for _, way := range []string{"worker", "channel", "alone"} {
		t.Run(way, func(t *testing.T) {
			c := count(t, 0, server.Config{})
			tab := open(t, c.URL+"/?tabs="+way)
			tab.until(t, isOpen)
			tab.until(t, `(events.close(), events.state === "closed")`)
			testkit.Eventually(t, "no stream is open", func() bool { return c.hub.Stats().Subscribers == 0 })
		})
	}
}

// withoutTheWorkersScript: a page that is bundled wrongly has a stream all the same.
func withoutTheWorkersScript(t *testing.T, open opens) {
	c := count(t, 0, server.Config{})
	tab := open(t, c.URL+`/?options={"script":"/nowhere.js"}`)
	tab.until(t, isOpen)
	c.next(1)
	tab.until(t, shows(1))
}

// leadersThatLeaveLoseNothing, in the middle of a burst: the others have each event once.
func leadersThatLeaveLoseNothing(t *testing.T, open opens) {
	for _, way := range []string{"channel", "election"} {
		t.Run(way, func(t *testing.T) {
			c := count(t, 0, server.Config{})
			var tabs []tab
			for range 4 {
				tab := open(t, c.URL+"/?tabs="+way)
				tab.until(t, isOpen)
				tabs = append(tabs, tab)
			}
			for _, leader := range tabs[:3] {
				c.next(200)
				leader.leave(t)
				c.next(200)
			}
			tabs[3].until(t, shows(1200)+"&&"+isOpen)
		})
	}
}

// handlersThatThrowLoseNothing: not while the stream is open, and not of what has waited for load.
func handlersThatThrowLoseNothing(t *testing.T, open opens) {
	for _, way := range []string{"worker", "channel", "alone"} {
		t.Run(way, func(t *testing.T) {
			c := count(t, 0, server.Config{Retention: []server.Retention{{Topics: "*", Events: 4}}})
			line := exampletest.NewWire(t, c.Addr)
			tab := open(t, line.URL+"/?throws=onevent,ongap,onstate&tabs="+way)
			tab.until(t, isOpen)
			c.next(2)
			tab.until(t, shows(2))
			line.Down()
			c.next(9)
			c.counts(3)
			line.Mend(t, c.Addr)
			tab.until(t, shows(14)+"&&"+isOpen)
		})
	}
}

// workerThatCrashedIsReplaced: it goes with the process of the tab that began it.
func workerThatCrashedIsReplaced(t *testing.T, chromium context.Context) {
	first := browser.Tab(t, chromium)
	c := count(t, 0, server.Config{})
	browser.Open(t, first, c.URL)
	second := chromiumTab{browser.Tab(t, first)}
	browser.Open(t, second.ctx, c.URL)
	c.next(2)
	second.until(t, isOpen+"&&"+shows(2))
	go func() { _ = chromedp.Do(first, chromedp.Navigate("chrome://crash")) }() // until the test ends
	testkit.Eventually(t, "the worker's stream ends", func() bool { return c.hub.Stats().Subscribers == 0 })
	c.next(2)
	second.until(t, `document.dispatchEvent(new Event("visibilitychange")) && `+shows(4)) // or every ten seconds
}

// offlineIsNotTheLastWord: an event that comes all the same says that the stream is open.
func offlineIsNotTheLastWord(t *testing.T, open opens) {
	c := count(t, 0, server.Config{})
	tab := open(t, c.URL+"/?tabs=alone")
	tab.until(t, isOpen)
	tab.until(t, `dispatchEvent(new Event("offline")) && events.state === "reconnecting"`)
	c.next(1)
	tab.until(t, isOpen+"&&"+shows(1))
	tab.until(t, `dispatchEvent(new Event("offline")) && events.state === "reconnecting"`)
	tab.until(t, `dispatchEvent(new Event("online"))`)
	tab.until(t, isOpen)
	c.next(1)
	tab.until(t, shows(2)+"&& self.gaps.length === 0")
}

// goesOnAfterTheBackButton: the page may come from the back/forward cache, as it was.
func goesOnAfterTheBackButton(t *testing.T, chromium context.Context) {
	for _, way := range []string{"worker", "channel", "election", "alone"} {
		t.Run(way, func(t *testing.T) {
			c := count(t, 0, server.Config{})
			tab := chromiumTab{browser.Tab(t, chromium)}
			browser.Open(t, tab.ctx, c.URL+"/?tabs="+way)
			c.next(2)
			tab.until(t, isOpen+"&&"+shows(2)+"&& (self.mark = 1)")
			browser.Open(t, tab.ctx, c.URL+"/page.css")
			testkit.Eventually(t, "no stream is open", func() bool { return c.hub.Stats().Subscribers == 0 })
			c.next(3)
			tab.until(t, `(history.back(), true)`)
			tab.until(t, isOpen+"&&"+shows(5)+"&& self.gaps.length === 0")
			t.Logf("from the cache: %v", browser.Eval[bool](t, tab.ctx, "self.mark === 1"))
		})
	}
}
