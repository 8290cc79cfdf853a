package main

import (
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fastsse/fastsse/examples/internal/browser"
	"github.com/fastsse/fastsse/examples/internal/exampletest"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

func TestSaysHelloThenTheTimeAndACustomEventEveryFifth(t *testing.T) {
	s := exampletest.Serve(t, "", handler(10*time.Millisecond))
	d := exampletest.Stream(t, s.URL+"/sse")
	events := exampletest.Next(t, d, 1+2*6)
	if e := events[0]; e.Type != "message" || e.Data != "hello" {
		t.Errorf("the first event is %+v, want the message hello", e)
	}
	for i, e := range events[1:] {
		if i%6 == 5 {
			want := []string{`{"ticks":5}`, `{"ticks":10}`}[i/6]
			if e.Type != "custom-event" || e.Data != want {
				t.Errorf("event %d is %+v, want the custom-event %s", i+1, e, want)
			}
			continue
		}
		at, err := time.Parse(time.RFC3339, e.Data)
		if e.Type != "message" || err != nil || time.Since(at).Abs() > time.Minute {
			t.Errorf("event %d is %+v, want a message with the time", i+1, e)
		}
	}
	if d.Retry != "3000" {
		t.Errorf("retry is %q, want 3000", d.Retry)
	}
}

func TestAnyOriginMayRead(t *testing.T) {
	s := exampletest.Serve(t, "", handler(time.Second))
	for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
		res := exampletest.Do(t, method, s.URL+"/sse", "Origin: https://example.com")
		if res.StatusCode/100 != 2 || res.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %s, %v; want any origin allowed", method, res.Status, res.Header)
		}
		if allowed := res.Header.Get("Access-Control-Allow-Headers"); method == "OPTIONS" && !strings.Contains(allowed, "Last-Event-ID") {
			t.Errorf("OPTIONS allows the headers %q, want Last-Event-ID among them", allowed)
		}
	}
}

// TestHEADIsAnsweredWithTheHeadersAlone: on every route that GET has.
func TestHEADIsAnsweredWithTheHeadersAlone(t *testing.T) {
	s := exampletest.Serve(t, "", handler(time.Second))
	for path, contentType := range map[string]string{"/": "text/html; charset=utf-8", "/sse": "text/event-stream"} {
		exampletest.HeadAlone(t, s.URL+path, contentType)
	}
}

func TestAnyOtherPathIsAnHTML404(t *testing.T) {
	s := exampletest.Serve(t, "", handler(time.Second))
	for path, want := range map[string]int{"/": 200, "/sse/": 404, "/nope": 404, "/SSE": 404, "/index.html": 404} {
		res := exampletest.Do(t, "GET", s.URL+path)
		body, _ := io.ReadAll(res.Body)
		if res.StatusCode != want || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") || !strings.Contains(string(body), "<!doctype html>") {
			t.Errorf("GET %s: %s, %s, %d bytes; want %d with a page", path, res.Status, res.Header.Get("Content-Type"), len(body), want)
		}
	}
}

// stale is whether the page shows its time as one that no longer is.
const stale = `$("what").textContent.startsWith("The last time")`

// shows is whether the big time is what js is.
func shows(js string) string { return `$("now").textContent === ` + js }

func TestPageShowsMessagesTheCustomEventApartAndReadyState(t *testing.T) {
	ctx := browser.New(t)
	s := exampletest.Serve(t, "", handler(300*time.Millisecond))
	browser.Open(t, ctx, s.URL)
	browser.Until(t, ctx, `document.querySelector("#custom code")?.textContent === '{"ticks":5}'
		&& [...document.querySelectorAll("#messages code")].at(-1).textContent === "hello"`)
	browser.Until(t, ctx, shows(`$("now").dateTime.slice(11, 19) + " UTC"`))
	browser.Until(t, ctx, `$("says").textContent.startsWith("Connected.")`)
	if browser.Eval[bool](t, ctx, `document.getElementById("messages").innerText.includes("ticks")`) {
		t.Error("the custom event is among the messages, want it apart")
	}
	state := `document.querySelector("#state .on").textContent.trim() === `
	browser.Until(t, ctx, state+`"1 open"`)

	s.Kill() // connecting: the browser asks again until somebody listens
	browser.Until(t, ctx, state+`"0 connecting"`)
	browser.Until(t, ctx, `$("says").textContent.match(/^Disconnected since \d\d:\d\d:\d\d UTC, reconnecting/) && `+stale)
	exampletest.Serve(t, s.Addr, handler(30*time.Millisecond))
	browser.Until(t, ctx, state+`"1 open" && !`+stale)

	browser.Click(t, ctx, "#toggle")
	browser.Until(t, ctx, state+`"2 closed" && $("says").textContent.startsWith("Stopped.") && `+stale)
	browser.Click(t, ctx, "#toggle")
	browser.Until(t, ctx, state+`"1 open"`)
}

func TestProgramListensAtPORTAndEndsItsStreamsOnASignal(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		p := exampletest.Start(t, []string{"PORT=0"}) // 0: any that is free
		if !strings.HasSuffix(p.Said[1], "curl -N "+p.URL+"/sse") {
			t.Errorf("it said %q, want the page's URL and a curl line", p.Said)
		}
		idle, err := net.Dial("tcp", strings.TrimPrefix(p.URL, "http://")) // as browsers do
		if err != nil {
			t.Fatal(err)
		}
		defer idle.Close()
		d := exampletest.Stream(t, p.URL+"/sse")
		exampletest.Next(t, d, 1)
		begun := time.Now()
		if status := p.Signal(t, sig); status != 0 {
			t.Errorf("%v: exit status %d, want 0", sig, status)
		}
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("%v: it took %v to end", sig, took)
		}
		if _, err := d.All(); err != nil { // nil: the last chunk was there
			t.Errorf("%v: the stream was cut: %v", sig, err)
		}
	}
}

func TestProgramSaysWhatIsWrong(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"-addr", ln.Addr().String()}, 1, "address already in use"},
		{[]string{"-port", "80"}, 2, "-port"},
		{[]string{"8080"}, 2, `unexpected argument "8080"`},
	} {
		cmd := exampletest.Command(t, nil, c.args...)
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != c.status || !strings.Contains(string(out), c.want) || strings.Count(string(out), "\n") != 1 {
			t.Errorf("%q: status %d, %q; want %d and one line with %q", c.args, cmd.ProcessState.ExitCode(), out, c.status, c.want)
		}
	}
	cmd := exampletest.Command(t, nil, "-help")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "-addr") || !strings.HasPrefix(string(out), "Usage: ") {
		t.Errorf("-help: %v, %q; want the usage and the flags", err, out)
	}
}
