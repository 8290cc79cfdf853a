package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fastsse/fastsse/examples/internal/exampletest"
	"github.com/fastsse/fastsse/internal/testkit"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

const poem = " é£\n\n\t“日本”\n😀 data: x\x00:\n"

// typist types text as fast as a test wants it.
func typist(text string) *typewriter {
	return newTypewriter([]byte(text), time.Millisecond, 5*time.Second)
}

// all reads a stream to its end, and returns what was typed and the events.
func all(t *testing.T, url string, headers ...string) (string, []testkit.Event) {
	t.Helper()
	events, err := exampletest.Stream(t, url, headers...).All()
	if err != nil {
		t.Fatal(err)
	}
	var typed strings.Builder
	for _, e := range events {
		typed.WriteString(e.Data)
	}
	return typed.String(), events
}

func TestTypesEachRuneAsAnEventWithAnID(t *testing.T) {
	tw := typist(poem)
	s := exampletest.Serve(t, "", tw.handler())
	for query, typ := range map[string]string{"": "message", "?event=lol": "lol"} {
		typed, events := all(t, s.URL+"/api/sse"+query)
		if typed != poem {
			t.Errorf("%q typed %q, want %q", query, typed, poem)
		}
		n := len([]rune(poem))
		if len(events) != n+1 {
			t.Fatalf("%q: %d events, want one for each of %d characters and the end", query, len(events), n)
		}
		for i, r := range []rune(poem) {
			want := testkit.Event{ID: tw.sum + "-" + strconv.Itoa(i+1), Type: typ, Data: string(r)}
			if events[i] != want {
				t.Errorf("%q: event %d is %+v, want %+v", query, i, events[i], want)
			}
		}
		if want := (testkit.Event{ID: tw.sum + "-" + strconv.Itoa(n), Type: "end"}); events[n] != want {
			t.Errorf("%q ends with %+v, want %+v", query, events[n], want)
		}
	}
	d := exampletest.Stream(t, s.URL+"/api/sse")
	if exampletest.Next(t, d, 1); d.Retry != "5000" {
		t.Errorf("retry is %q, want 5000", d.Retry)
	}
}

func TestResumesAtTheRightCharacter(t *testing.T) {
	tw := typist("añb\nc")
	s := exampletest.Serve(t, "", tw.handler())
	other := typist("añb\nd").sum
	for id, want := range map[string]string{
		tw.sum + "-0":                    "añb\nc",
		tw.sum + "-2":                    "b\nc",
		tw.sum + "-3":                    "\nc",
		tw.sum + "-5":                    "", // the end, again
		tw.sum + "-6":                    "",
		tw.sum + "-99999999999999999999": "",
		"2":                              "b\nc",
		other + "-2":                     "añb\nc", // the file has changed
		tw.sum + "--2":                   "añb\nc",
		tw.sum + "-":                     "añb\nc",
		tw.sum + "-x":                    "añb\nc",
		tw.sum:                           "añb\nc",
		"-1":                             "añb\nc",
		"nonsense é":                     "añb\nc",
	} {
		typed, events := all(t, s.URL+"/api/sse", "Last-Event-ID: "+id)
		last := events[len(events)-1]
		if typed != want || last.Type != "end" || last.ID != tw.sum+"-5" {
			t.Errorf("from %q: %q and then %+v, want %q and the end", id, typed, last, want)
		}
	}
	if typed, _ := all(t, s.URL+"/api/sse?lastEventId="+tw.sum+"-2"); typed != "b\nc" {
		t.Errorf("from the query's id: %q, want the rest", typed)
	}
}

func TestTextIsMadeFitForTheWire(t *testing.T) {
	for file, want := range map[string]string{
		"a\r\nb\rc\n\r": "a\nb\nc\n\n",
		"\ufeffBOM":     "BOM",
		"a\xff\xc3":     "a\ufffd\ufffd",
		"":              "",
	} {
		s := exampletest.Serve(t, "", typist(file).handler())
		if typed, _ := all(t, s.URL+"/api/sse"); typed != want {
			t.Errorf("%q is typed as %q, want %q", file, typed, want)
		}
	}
}

func TestUnknownEventIsRefusedWithASentence(t *testing.T) {
	s := exampletest.Serve(t, "", typist("x").handler())
	res := exampletest.Do(t, "GET", s.URL+"/api/sse?event=rofl", "Origin: https://example.com")
	if res.StatusCode != 400 || res.Header.Get("Access-Control-Allow-Origin") != "https://example.com" {
		t.Errorf("%s, %v; want a 400 that the origin may read", res.Status, res.Header)
	}
}

func TestOriginsAreLetInWithCredentials(t *testing.T) {
	s := exampletest.Serve(t, "", typist("x").handler())
	for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
		h := exampletest.Do(t, method, s.URL+"/api/sse", "Origin: https://example.com").Header
		got := fmt.Sprint(h.Get("Access-Control-Allow-Origin"), " ", h.Get("Access-Control-Allow-Credentials"), " ", h.Get("Vary"))
		if got != "https://example.com true Origin" {
			t.Errorf("%s with an origin says %q", method, got)
		}
		if allowed := h.Get("Access-Control-Allow-Headers"); allowed != "Cache-Control, Last-Event-ID" {
			t.Errorf("%s allows the headers %q", method, allowed)
		}
		for name := range exampletest.Do(t, method, s.URL+"/api/sse").Header {
			if strings.HasPrefix(name, "Access-Control") || name == "Vary" {
				t.Errorf("%s without an origin says %s", method, name)
			}
		}
	}
}

// TestHEADIsAnsweredWithTheHeadersAlone: on every route that GET has.
func TestHEADIsAnsweredWithTheHeadersAlone(t *testing.T) {
	s := exampletest.Serve(t, "", typist("x").handler())
	for path, contentType := range map[string]string{"/": "text/html; charset=utf-8", "/api/sse": "text/event-stream"} {
		exampletest.HeadAlone(t, s.URL+path, contentType)
	}
}

func TestProgramTypesAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(path, []byte("ä\r\nb"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := exampletest.Start(t, []string{"PORT=0"}, "-file", path, "-every", "1ms")
	if !strings.HasSuffix(p.Said[1], "curl -N "+p.URL+"/api/sse") {
		t.Errorf("it said %q, want the page's URL and a curl line", p.Said)
	}
	if typed, _ := all(t, p.URL+"/api/sse"); typed != "ä\nb" {
		t.Errorf("it typed %q", typed)
	}
	if status := p.Signal(t, syscall.SIGTERM); status != 0 {
		t.Errorf("exit status %d, want 0", status)
	}
}

func TestProgramSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"-file", dir}, 2, dir + ": is a directory"},
		{[]string{"-file", dir + "/nothing"}, 2, "nothing: no such file"},
		{[]string{"-every", "0"}, 1, "above zero"},
		{[]string{"-every", "-1s"}, 1, "-1s"},
		{[]string{"-every", "soon"}, 2, `"soon"`},
		{[]string{"notes.txt"}, 2, "notes.txt"},
		{[]string{"-addr", ":nonsense"}, 1, ":nonsense"},
	} {
		cmd := exampletest.Command(t, nil, c.args...)
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != c.status || !strings.Contains(string(out), c.want) || strings.Count(string(out), "\n") != 1 {
			t.Errorf("%q: status %d, %q; want %d and one line with %q", c.args, cmd.ProcessState.ExitCode(), out, c.status, c.want)
		}
	}
}
