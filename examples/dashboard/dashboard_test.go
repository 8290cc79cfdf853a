package main

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/fastsse/fastsse/examples/internal/browser"
	"github.com/fastsse/fastsse/examples/internal/exampletest"
	"github.com/fastsse/fastsse/server"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

// stage serves a dashboard whose points the test adds.
func stage(t *testing.T, addr string) (*dashboard, *exampletest.Server) {
	t.Helper()
	hub, err := server.New(server.Config{Retry: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = hub.Close(ctx)
	})
	d := newDashboard(hub)
	return d, exampletest.Serve(t, addr, d.handler())
}

const live = `document.getElementById("state").textContent === "Live"`

// value is the text of the n-th card.
func value(n string) string {
	return `document.querySelectorAll(".value span")[` + n + `]?.textContent`
}

// TestOneStreamCarriesAllCharts: prices and weather come as they are added, on one stream
// for two tabs.
func TestOneStreamCarriesAllCharts(t *testing.T) {
	d, s := stage(t, "")
	first := browser.New(t)
	for range 5 {
		for _, c := range d.charts {
			d.add(c, time.Now())
		}
	}
	browser.Open(t, first, s.URL)
	second := browser.Tab(t, first)
	browser.Open(t, second, s.URL)
	for _, tab := range []context.Context{first, second} {
		browser.Until(t, tab, live+` && document.querySelectorAll(".chart").length === 7 && parseFloat(`+value("6")+`) > 0`)
	}
	oak := d.charts[0]
	oak.low, oak.high = 123.25, 123.25
	d.charts[5].low, d.charts[5].high = 3.5, 3.5
	d.add(oak, time.Now())
	d.add(d.charts[5], time.Now())
	for _, tab := range []context.Context{first, second} {
		browser.Until(t, tab, value("0")+` === "123.25" && `+value("5")+` === "3.5"`)
		// Its line reaches the right side of the canvas: some pixel there has been drawn.
		browser.Until(t, tab, `(c => c.width > 0 && c.getContext("2d").getImageData(c.width / 2, 0, c.width / 2, c.height).data.some(v => v > 0))(document.querySelector("canvas"))`)
	}
	if st := d.hub.Stats(); st.Opened != 1 {
		t.Errorf("%d streams opened for two tabs, want 1", st.Opened)
	}
}

// TestChartsStandStillWithoutAServer and go on from the new one's figures.
func TestChartsStandStillWithoutAServer(t *testing.T) {
	d, s := stage(t, "")
	tab := browser.New(t)
	d.add(d.charts[0], time.Now())
	browser.Open(t, tab, s.URL)
	browser.Until(t, tab, live)
	s.Kill()
	d.hub.Kick(func(server.Subscriber) bool { return true })
	browser.Until(t, tab, `document.getElementById("state").textContent.match(/^Disconnected since \d\d:\d\d:\d\d, reconnecting$/) && document.querySelector(".stale")`)
	again, _ := stage(t, s.Addr)
	again.charts[0].low, again.charts[0].high = 99.5, 99.5
	again.add(again.charts[0], time.Now())
	browser.Until(t, tab, live+` && !document.querySelector(".stale") && `+value("0")+` === "99.50"`)
}

func TestAxeFindsNothingWrong(t *testing.T) {
	browser.NeedAxe(t)
	d, s := stage(t, "")
	for range 20 {
		for _, c := range d.charts {
			d.add(c, time.Now())
		}
	}
	tab := browser.New(t)
	browser.Open(t, tab, s.URL)
	browser.Until(t, tab, live)
	browser.Audit(t, tab, "live")
	s.Kill()
	d.hub.Kick(func(server.Subscriber) bool { return true })
	browser.Until(t, tab, `document.querySelector(".stale")`)
	browser.Audit(t, tab, "disconnected")
}

func TestPageFitsAPhone(t *testing.T) {
	d, s := stage(t, "")
	for _, c := range d.charts {
		d.add(c, time.Now())
	}
	tab := browser.New(t)
	for _, width := range []int64{320, 390, 768, 1280} {
		if err := chromedp.Do(tab, chromedp.EmulateViewport(width, 844)); err != nil {
			t.Fatal(err)
		}
		browser.Open(t, tab, s.URL)
		browser.Until(t, tab, live)
		if got := browser.Eval[int64](t, tab, `document.documentElement.scrollWidth`); got > width {
			t.Errorf("the page is %d wide on a screen of %d", got, width)
		}
	}
}

// TestProgramSendsPricesAndWeather at their rates, and ends its streams properly.
func TestProgramSendsPricesAndWeather(t *testing.T) {
	p := exampletest.Start(t, []string{"PORT=0"})
	d := exampletest.Stream(t, p.URL+"/events?topic=prices/*&topic=weather/*")
	seen := map[string]int{}
	for seen["weather"] == 0 {
		e := exampletest.Next(t, d, 1)[0]
		seen[e.Type]++
		if !strings.Contains(e.Data, `"chart":"`) {
			t.Fatalf("got %+v, want a point", e)
		}
	}
	if seen["price"] == 0 {
		t.Error("no price came before the first weather")
	}
	if status := p.Signal(t, syscall.SIGTERM); status != 0 {
		t.Errorf("exit status %d, want 0", status)
	}
	if _, err := d.All(); err != nil { // nil: the last chunk was there
		t.Errorf("the stream was cut: %v", err)
	}
}
