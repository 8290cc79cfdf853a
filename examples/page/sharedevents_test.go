package page_test

import (
	"testing"
	"time"

	"github.com/fastsse/fastsse/examples/internal/exampletest"
	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
)

// TestTabsShareOneStream holds for each of the ways in which they can, and when the tab
// that has the stream leaves.
func TestTabsShareOneStream(t *testing.T) {
	inBrowsers(t, func(t *testing.T, open opens) {
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
	})
}

// TestComesBackAfterARestart: nobody listens for a while, then a proxy in front answers
// 502, after which an EventSource gives up, and then there is a server that knows nothing
// of the old one's ids.
func TestComesBackAfterARestart(t *testing.T) {
	inBrowsers(t, func(t *testing.T, open opens) {
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
	})
}

// TestResumesAfterACut: nothing is lost, nothing comes twice, and there is no gap.
func TestResumesAfterACut(t *testing.T) {
	inBrowsers(t, func(t *testing.T, open opens) {
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
	})
}

// TestWakesFromADeadConnection: no packet says that it is dead. Somebody looks at the page
// again, and it opens another.
func TestWakesFromADeadConnection(t *testing.T) {
	inBrowsers(t, func(t *testing.T, open opens) {
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
	})
}

// TestGapCallsOngap also without load, with the reason that the server gives.
func TestGapCallsOngap(t *testing.T) {
	inBrowsers(t, func(t *testing.T, open opens) {
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
	})
}

// TestEventsThatComeWhileLoadRunsWait: those that the state has are dropped, and the others
// come after it.
func TestEventsThatComeWhileLoadRunsWait(t *testing.T) {
	inBrowsers(t, func(t *testing.T, open opens) {
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
	})
}

// TestTabThatComesLateIsToldWhatItMissed: another tab's stream is further than it is. What
// is no longer kept is a gap.
func TestTabThatComesLateIsToldWhatItMissed(t *testing.T) {
	inBrowsers(t, func(t *testing.T, open opens) {
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
	})
}

// TestAnswerThatIsFinalEndsIt: after 401, 403, 410 and 204 nobody asks again.
func TestAnswerThatIsFinalEndsIt(t *testing.T) {
	inBrowsers(t, func(t *testing.T, open opens) {
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
	})
}

func TestLoadThatFailsIsCalledAgain(t *testing.T) {
	inBrowsers(t, func(t *testing.T, open opens) {
		c := count(t, 4, server.Config{})
		c.refuses(503)
		tab := open(t, c.URL)
		tab.until(t, `self.events?.state === "connecting" && self.events.since > 0`)
		c.refuses(0)
		tab.until(t, isOpen+"&&"+shows(4)+"&& self.loaded === 1")
	})
}

func TestCloseEndsTheStreamOfTheLastTab(t *testing.T) {
	inBrowsers(t, func(t *testing.T, open opens) {
		for _, way := range []string{"worker", "channel", "alone"} {
			t.Run(way, func(t *testing.T) {
				c := count(t, 0, server.Config{})
				tab := open(t, c.URL+"/?tabs="+way)
				tab.until(t, isOpen)
				tab.until(t, `(events.close(), events.state === "closed")`)
				testkit.Eventually(t, "no stream is open", func() bool { return c.hub.Stats().Subscribers == 0 })
			})
		}
	})
}

// TestWithoutTheWorkersScript: a page that is bundled wrongly has a stream all the same.
func TestWithoutTheWorkersScript(t *testing.T) {
	inBrowsers(t, func(t *testing.T, open opens) {
		c := count(t, 0, server.Config{})
		tab := open(t, c.URL+`/?options={"script":"/nowhere.js"}`)
		tab.until(t, isOpen)
		c.next(1)
		tab.until(t, shows(1))
	})
}
