package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestServiceSaysWhatItCanDo(t *testing.T) {
	s := newSuite(t)
	resp, err := http.Get(s.service + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var said struct{ Capabilities []string }
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status, err)
	}
	if !slices.Equal(said.Capabilities, capabilities) || len(claims) != len(capabilities) {
		t.Errorf("%q, and tests of %d", said.Capabilities, len(claims))
	}
	for _, c := range capabilities {
		if claims[c] == nil {
			t.Errorf("%s is claimed, and has no test", c)
		}
	}
}

func TestServiceRefusesWhatItDoesNotKnow(t *testing.T) {
	s := newSuite(t)
	s.order(http.MethodPost, s.service+"/", "no object", http.StatusBadRequest)
	s.order(http.MethodPost, s.service+"/", map[string]any{"streamUrl": s.streams.URL}, http.StatusBadRequest)
	s.order(http.MethodPost, s.service+"/streams/7", map[string]any{"command": "restart"}, http.StatusNotFound)
	s.order(http.MethodDelete, s.service+"/streams/7", nil, http.StatusNotFound)
	resource, c := s.open(nil)
	s.order(http.MethodPost, resource, map[string]any{"command": "dance"}, http.StatusBadRequest)
	s.order(http.MethodDelete, resource, nil, http.StatusNoContent)
	<-c.gone
	s.order(http.MethodDelete, resource, nil, http.StatusNotFound)
}

// claims has a test for each capability.
var claims = map[string]func(*testing.T, *suite){
	"204":                          noContent,
	"bom":                          byteOrderMarks,
	"comments":                     comments,
	"empty-or-missing-location":    noLocation,
	"headers":                      headers,
	"last-event-id":                lastEventID,
	"payload-size-stress-testable": payloads,
	"post":                         func(t *testing.T, s *suite) { withBody(t, s, http.MethodPost) },
	"read-timeout":                 readTimeout,
	"report":                       func(t *testing.T, s *suite) { withBody(t, s, "REPORT") },
	"restart":                      restart,

	"server-directed-shutdown-request": noContent,
}

func TestCapabilities(t *testing.T) {
	for name, test := range claims {
		t.Run(name, func(t *testing.T) { test(t, newSuite(t)) })
	}
}

func noContent(t *testing.T, s *suite) {
	asked := make(chan bool, 10)
	s.refuse = func(w http.ResponseWriter, _ *http.Request) {
		asked <- true
		w.WriteHeader(http.StatusNoContent)
	}
	s.create(nil)
	<-asked
	time.Sleep(100 * time.Millisecond) // the client would come back within 2
	if len(asked) > 0 {
		t.Errorf("asked %d more times", len(asked))
	}
}

func byteOrderMarks(_ *testing.T, s *suite) {
	const mark = "\xef\xbb\xbf"
	for _, sent := range [][]string{
		{mark + "data: a\n\n"}, {mark[:2], mark[2:] + "data: a\n\n"}, {mark[:1], mark[1:2], mark[2:], "data: a\n\n"},
	} {
		s.again(sent, "event|message||a")
	}
	s.again([]string{mark + "data: " + mark + "a\n\n"}, "event|message||"+mark+"a")
	s.again([]string{"data: a\n\n", "data: " + mark + "b\n\n"}, "event|message||a", "event|message||"+mark+"b")
	s.again([]string{mark + ":comment\ndata: a\n\n"}, "comment|comment", "event|message||a")
	s.again([]string{mark + "data:\n\n"}, "event|message||")
}

// again opens another stream of the suite, sends it these pieces, and waits for the messages.
func (s *suite) again(sent []string, want ...string) {
	s.t.Helper()
	s.mu.Lock()
	s.next = 1
	s.mu.Unlock()
	resource, c := s.open(nil)
	for _, piece := range sent {
		c.send(piece)
	}
	s.want(want...)
	s.order(http.MethodDelete, resource, nil, http.StatusNoContent)
	<-c.gone
}

func comments(_ *testing.T, s *suite) {
	s.again([]string{":Hello\n"}, "comment|Hello") // without waiting for a blank line
	s.again([]string{":Hello\n", ":World\n"}, "comment|Hello", "comment|World")
	s.again([]string{":Hello\n", "data: Hello\n\n"}, "comment|Hello", "event|message||Hello")
	s.again([]string{"data: Hello\n\n:Hello\n"}, "event|message||Hello", "comment|Hello")
}

func noLocation(t *testing.T, _ *suite) {
	for _, status := range []int{http.StatusMovedPermanently, http.StatusTemporaryRedirect} {
		for _, location := range [][]string{nil, {""}} {
			s := newSuite(t)
			s.refuse = func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Location"] = location
				w.WriteHeader(status)
			}
			s.create(nil)
			s.want("error")
		}
	}
}

func headers(t *testing.T, s *suite) {
	_, c := s.open(map[string]any{"headers": map[string]string{"header-name-1": "value-1", "header-name-2": "value-2"}})
	if c.Header.Get("Header-Name-1") != "value-1" || c.Header.Get("Header-Name-2") != "value-2" {
		t.Errorf("%v", c.Header)
	}
}

func lastEventID(t *testing.T, s *suite) {
	_, c := s.open(map[string]any{"lastEventId": "abc"})
	if got := c.Header.Get("Last-Event-Id"); got != "abc" {
		t.Errorf("%q", got)
	}
	c.send("data: a\n\n") // as if abc had come before it
	s.want("event|message|abc|a")
}

func payloads(_ *testing.T, s *suite) {
	_, c := s.open(nil)
	for _, size := range []int{1, 1023, 1024, 1025, 4094, 4096, 4098, 8189, 8192, 8195, 32768, 65536, 262144, 1 << 20, 10 << 20, 32<<20 + 1} {
		data := strings.Repeat("x", size)
		c.send("data: " + data + "\n\n")
		s.want("event|message||" + data)
	}
}

func withBody(t *testing.T, s *suite, method string) {
	const body, kind = `{"hello": "world"}`, "application/json; charset=utf-8"
	_, c := s.open(map[string]any{"method": method, "body": body, "headers": map[string]string{"content-type": kind}})
	for n := range 2 {
		if c.Method != method || c.body != body || c.Header.Get("Content-Type") != kind {
			t.Errorf("request %d: %s %q with %v", n+1, c.Method, c.body, c.Header)
		}
		if n == 0 {
			c.breaks()
			c = s.await()
		}
	}
}

func readTimeout(_ *testing.T, s *suite) {
	_, c := s.open(map[string]any{"readTimeoutMs": 500})
	c.send("data: Hello\n\n")
	s.want("event|message||Hello", "error")
	<-c.gone
	s.await()
}

func restart(t *testing.T, s *suite) {
	resource, c := s.open(nil)
	c.send("data: Hello\nid: abc\n\n")
	s.want("event|message|abc|Hello")
	s.order(http.MethodPost, resource, map[string]any{"command": "restart"}, http.StatusNoContent)
	<-c.gone
	c = s.await()
	if got := c.Header.Get("Last-Event-Id"); got != "abc" {
		t.Errorf("Last-Event-ID %q", got)
	}
	c.send("data: Thanks\n\n")
	s.want("event|message|abc|Thanks")
}

func TestMandatoryBehaviour(t *testing.T) {
	s := newSuite(t)
	_, c := s.open(nil)
	for name, want := range map[string]string{"Accept": "text/event-stream", "Cache-Control": "no-cache", "Last-Event-Id": ""} {
		if got := c.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	c.send("data: a\nid: abc\n\ndata: b\n\nevent:  greeting\ndata:  c\ncolor: blue\n\ndata\n\nid: x\x00\ndata\ndata\r\n\r\n")
	s.want("event|message|abc|a", "event|message|abc|b", "event| greeting|abc| c", "event|message|abc|", "event|message|abc|\n")
	c.send("data: unfinished\nid: def")
	c.breaks()
	s.want("error")
	c = s.await()
	if got := c.Header.Get("Last-Event-Id"); got != "abc" {
		t.Errorf("Last-Event-ID %q after a cut", got)
	}
	for _, piece := range strings.SplitAfter("data: €豆腐\nid\n\n", "") {
		for i := range len(piece) {
			c.send(piece[i : i+1])
		}
	}
	s.want("event|message||€豆腐")
	c.breaks()
	s.want("error")
	if _, has := s.await().Header["Last-Event-Id"]; has {
		t.Error("Last-Event-ID after an empty id")
	}
}

func TestRedirects(t *testing.T) {
	for _, status := range []int{http.StatusMovedPermanently, http.StatusTemporaryRedirect} {
		s := newSuite(t)
		s.refuse = func(w http.ResponseWriter, r *http.Request) {
			s.refuse = nil
			w.Header().Set("Location", s.streams.URL+"/elsewhere")
			w.WriteHeader(status)
		}
		_, c := s.open(nil)
		c.send("data: a\n\n")
		s.want("event|message||a")
	}
}
