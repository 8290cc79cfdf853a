package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/client"
)

func TestComesBackWhereItLeftOff(t *testing.T) {
	s := newScript(t,
		stream("data: a\nid: 1\n\nevent: goal\ndata: b\ndata: c\nid: 2\n\ndata: d\n\n"),
		cut("data: e\nid: 3\n\ndata: unfinished\nid: 4"),
		status(http.StatusBadGateway, "down"),
		stream("id: 5\n\n"),
		stream("data: f\n\nid\ndata: g\n\n"))
	source := quick(t, s.URL)
	var why []error
	source.OnReconnect = func(err error, _ time.Duration) { why = append(why, err) }
	events, err := all(t, &source)
	if err != nil {
		t.Error(err)
	}
	expect(t, "events", events, []string{"|1|a", "goal|2|b\nc", "|2|d", "|3|e", "|5|f", "||g"})
	expect(t, "Last-Event-IDs", s.lastIDs(), []string{"-", "2", "3", "3", "5", "-"})
	var status *client.StatusError
	if len(why) != 5 || why[0] != io.EOF || !errors.Is(why[1], io.ErrUnexpectedEOF) || !errors.As(why[2], &status) || why[3] != io.EOF {
		t.Errorf("came back after %v", why)
	}
}

func TestRequest(t *testing.T) {
	s := newScript(t, cut(""), cut(""))
	source := quick(t, s.URL)
	source.Header = http.Header{"authorization": {"Bearer x"}, "X-Two": {"1", "2"}, "User-Agent": {"mine"}}
	source.LastEventID = "é-1"
	if _, err := all(t, &source); err != nil {
		t.Fatal(err)
	}
	requests := s.got()
	if len(requests) != 3 {
		t.Fatalf("%d requests", len(requests))
	}
	for _, r := range requests {
		for name, want := range map[string]string{
			"Accept": "text/event-stream", "Cache-Control": "no-cache", "Accept-Encoding": "identity",
			"User-Agent": "mine", "Authorization": "Bearer x", "X-Two": "1|2", "Last-Event-Id": "é-1",
		} {
			if got := strings.Join(r.Header[name], "|"); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if r.Method != http.MethodGet || r.Body != "" {
			t.Errorf("%s with body %q", r.Method, r.Body)
		}
	}
}

func TestBodyIsSentEachTime(t *testing.T) {
	s := newScript(t, cut("data: a\n\n"), status(http.StatusTemporaryRedirect, "", "Location: /elsewhere"), stream("data: b\n\n"))
	source := quick(t, s.URL+"/here")
	source.Body = []byte(`{"stream":true}`)
	source.Header = http.Header{"Content-Type": {"application/json"}}
	events, err := all(t, &source)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "events", events, []string{"||a", "||b"})
	var paths []string
	for _, r := range s.got() {
		paths = append(paths, r.Path)
		if r.Method != http.MethodPost || r.Body != `{"stream":true}` || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s with body %q, header %v", r.Method, r.Path, r.Body, r.Header)
		}
	}
	// It comes back to the original URL.
	expect(t, "paths", paths, []string{"/here", "/here", "/elsewhere", "/here"})
}

func TestContextEndsTheLoop(t *testing.T) {
	left := make(chan struct{})
	s := newScript(t, func(w http.ResponseWriter, r *http.Request) {
		silent("data: a\n\ndata: b\n\n")(w, r)
		close(left)
	})
	noneLeft(t, func() {
		source := quick(t, s.URL)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var events []string
		var last error
		for e, err := range source.Events(ctx) {
			if last = err; err != nil {
				break
			}
			events = append(events, said(e))
			cancel()
			<-left // although the loop's body has not returned
		}
		expect(t, "events", events, []string{"||a"})
		if !errors.Is(last, context.Canceled) || !strings.Contains(last.Error(), "GET "+s.URL) {
			t.Errorf("the loop ended with %v", last)
		}
	})
}

func TestBreakClosesTheConnection(t *testing.T) {
	left := make(chan struct{})
	s := newScript(t, func(w http.ResponseWriter, r *http.Request) {
		silent("data: a\n\n")(w, r)
		close(left)
	})
	noneLeft(t, func() {
		source := quick(t, s.URL)
		for _, err := range source.Events(t.Context()) {
			if err != nil {
				t.Error(err)
			}
			break
		}
		<-left
	})
}
