package main

import (
	"context"
	"io"
	"net/http"
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

// life is one life of the application.
type life struct {
	*exampletest.Server
	hub *server.Hub
	out lockedLog
}

// start serves the application at addr, or any free port.
func start(t *testing.T, addr string, step time.Duration) *life {
	t.Helper()
	l := &life{hub: newHub(t)}
	l.Server = exampletest.Serve(t, addr, newApp(l.hub, step, &l.out).Handler())
	return l
}

// end kills the server and closes the hub, whose connections are not the server's any more.
func (l *life) end(t *testing.T) {
	t.Helper()
	l.Kill()
	closeHub(t, l.hub)
}

func newHub(t *testing.T) *server.Hub {
	t.Helper()
	hub, err := server.New(server.Config{Retry: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeHub(t, hub) })
	return hub
}

func closeHub(t *testing.T, hub *server.Hub) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := hub.Close(ctx); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestStreamsHaveTheHeadersOfTheMiddlewareAndAreNotCompressed(t *testing.T) {
	s := start(t, "", time.Millisecond)
	compressed := map[string]bool{"/": true, "/poll?topic=poll": false, "/job": false}
	for path, want := range compressed {
		res := exampletest.Do(t, "GET", s.URL+path, "Accept-Encoding: gzip", "Origin: http://elsewhere.test")
		if got := res.Header.Get("Content-Encoding") != ""; res.StatusCode != 200 || got != want {
			t.Errorf("GET %s: %s, compressed %v; want 200, %v", path, res.Status, got, want)
		}
		if res.Header.Get("X-Request-Id") == "" || res.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("GET %s: %v; want what requestid and cors set", path, res.Header)
		}
		route, _, _ := strings.Cut(path, "?")
		testkit.Eventually(t, "logger logs "+route, func() bool {
			return strings.Contains(s.out.String(), res.Header.Get("X-Request-Id")+" 200 GET "+route+"\n")
		})
	}
}

func TestJobGoesOnWhereItsReaderWas(t *testing.T) {
	s := start(t, "", time.Millisecond)
	d := exampletest.Stream(t, s.URL+"/job", "Last-Event-ID: 98")
	events, err := d.All()
	if err != nil || len(events) != 3 || events[0].Data != "99" || events[1].Data != "100" || events[2].Type != "done" {
		t.Errorf("after 98: %+v, %v; want 99, 100, done, and a clean end", events, err)
	}
}

func TestJobWhoseReaderLeavesIsLoggedWithItsRequest(t *testing.T) {
	s := start(t, "", time.Millisecond)
	res := exampletest.Do(t, "GET", s.URL+"/job", "X-Request-Id: the-first")
	exampletest.Next(t, testkit.NewDecoder(res.Body), 1)
	res.Body.Close()
	testkit.Eventually(t, "the job ends with its reader", func() bool {
		return strings.Contains(s.out.String(), "the-first: streamwriter: the client is gone at ")
	})
}

func TestVotesForOtherTeaAreRefused(t *testing.T) {
	s := start(t, "", time.Second)
	res := exampletest.Do(t, http.MethodPost, s.URL+"/votes/coffee")
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 404 || !strings.Contains(string(body), "vote for green") {
		t.Errorf("%s, %q, %v; want 404, and what can be voted for", res.Status, body, err)
	}
}

func TestProgramDrainsItsStreamsOnASignal(t *testing.T) {
	p := exampletest.Start(t, nil, "-addr", "127.0.0.1:0")
	poll := exampletest.Stream(t, p.URL+"/poll?topic=poll")
	job := exampletest.Stream(t, p.URL+"/job")
	exampletest.Next(t, poll, 1)
	exampletest.Next(t, job, 1)
	if status := p.Signal(t, syscall.SIGTERM); status != 0 {
		t.Errorf("exit status %d, want 0", status)
	}
	if _, err := poll.All(); err != nil {
		t.Errorf("the stream of the poll was cut: %v", err)
	}
}

func TestTwoWindowsSeeEachOthersVotesAndOnlyOneItsJob(t *testing.T) {
	first := browser.New(t)
	second := browser.Tab(t, first)
	s := start(t, "", 5*time.Millisecond)
	browser.Open(t, first, s.URL)
	browser.Open(t, second, s.URL)
	browser.Until(t, first, `$("green")?.value === "0"`)
	browser.Until(t, second, `$("green")?.value === "0"`)
	browser.Click(t, first, `#teas button:first-child`) // black
	browser.Until(t, second, `$("black").value === "1" && $("green").value === "0"`)
	browser.Click(t, second, `#teas button:first-child`)
	browser.Until(t, first, `$("black").value === "2"`)

	browser.Click(t, first, "#start")
	browser.Until(t, first, `$("done").textContent === "Done." && $("progress").value === 100`)
	if got := browser.Eval[float64](t, second, `$("progress").value`); got != 0 {
		t.Errorf("the other window's job is at %v %%, want 0", got)
	}
}

func TestPageComesBackWithWhatTheServerHasThen(t *testing.T) {
	ctx := browser.New(t)
	s := start(t, "", time.Second)
	browser.Open(t, ctx, s.URL)
	browser.Until(t, ctx, `$("mint")`)
	browser.Eval[bool](t, ctx, `fetch("/votes/mint", {method: "POST"}).then(r => r.ok)`)
	browser.Until(t, ctx, `$("mint").value === "1"`)
	s.end(t)
	browser.Until(t, ctx, `$("says").textContent.startsWith("Disconnected")`)
	start(t, s.Addr, time.Second) // nobody has voted there
	browser.Until(t, ctx, `$("says").textContent === "" && $("mint").value === "0"`)
}

func TestAxeFindsNothingWrong(t *testing.T) {
	browser.NeedAxe(t)
	ctx := browser.New(t)
	s := start(t, "", 50*time.Millisecond)
	browser.Open(t, ctx, s.URL)
	browser.Until(t, ctx, `$("mint")`)
	browser.Audit(t, ctx, "connected")
	browser.Click(t, ctx, "#start")
	browser.Until(t, ctx, `$("progress").value > 2`)
	browser.Audit(t, ctx, "running")
	browser.Click(t, ctx, "#stop")
	s.end(t)
	browser.Until(t, ctx, `$("says").textContent !== ""`)
	browser.Audit(t, ctx, "stopped and disconnected")
}
