package client_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse"
	"github.com/fastsse/fastsse/client"
)

func TestSettingsAreChecked(t *testing.T) {
	const url = "http://user:secret@127.0.0.1:9/"
	for name, source := range map[string]client.EventSource{
		"URL":         {},
		"web server":  {URL: "ftp://user:secret@host/"},
		"parse":       {URL: "http://user:secret@[::1"},
		"method":      {URL: url, Method: "GET ME"},
		"last-event-": {URL: url, Header: http.Header{"last-event-id": {"1"}}},
		"control":     {URL: url, Header: http.Header{"X": {"a\nb"}}},
		"no name":     {URL: url, Header: http.Header{"X Y": {"a"}}},
		"LastEventID": {URL: url, LastEventID: "a\x01"},
		"Retry":       {URL: url, Retry: 5},
		"negative":    {URL: url, MaxRetry: -1},
		"millisecond": {URL: url, ReadTimeout: 5},
		"MaxEvent":    {URL: url, MaxEvent: -1},
		"Timeout":     {URL: url, Client: &http.Client{Timeout: time.Hour}},
	} {
		events, err := all(t, &source)
		if len(events) != 0 || err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMaxEventEndsTheLoop(t *testing.T) {
	s := newScript(t, stream("data: a\nid: 1\n\ndata: "+strings.Repeat("x", 100<<10)+"\n\n"))
	source := quick(t, s.URL)
	source.MaxEvent = 10 << 10
	events, err := all(t, &source)
	expect(t, "events", events, []string{"|1|a"})
	if !errors.Is(err, fastsse.ErrTooLong) || len(s.got()) != 1 || !strings.Contains(err.Error(), "EventSource") {
		t.Errorf("%v after %d requests", err, len(s.got()))
	}
}

// An id that no header can carry is no position: the last one before it is sent.
func TestIDsThatFitNoHeader(t *testing.T) {
	s := newScript(t,
		stream("data: a\nid: é \t1\n\n"), stream("data: b\nid: x\x01\n\n"),
		stream("data: c\n\ndata: d\nid: y\x7f\n\ndata: e\nid: 漢\xff\n\n"), stream("data: f\nid: z\x00\n\n"))
	source := quick(t, s.URL)
	events, err := all(t, &source)
	if err != nil {
		t.Error(err)
	}
	expect(t, "events", events, []string{"|é \t1|a", "|x\x01|b", "|x\x01|c", "|y\x7f|d", "|漢\xff|e", "|漢\xff|f"})
	expect(t, "Last-Event-IDs", s.lastIDs(), []string{"-", "é \t1", "é \t1", "漢\xff", "漢\xff"})
}

func TestEventsSayTheReconnectionTime(t *testing.T) {
	s := newScript(t, stream("retry: 150\ndata: a\n\ndata: b\n\nretry: 0\ndata: c\n\n"))
	source := quick(t, s.URL)
	var retries []time.Duration
	for e, err := range source.Events(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		retries = append(retries, e.Retry)
	}
	if len(retries) != 3 || retries[0] != 150*time.Millisecond || retries[1] != 0 || retries[2] != 0 {
		t.Errorf("%v", retries)
	}
}

// The data of an event is the caller's: later events do not change it.
func TestDataIsTheCallersOwn(t *testing.T) {
	s := newScript(t, stream("data: first\n\ndata: other\n\n"))
	source := quick(t, s.URL)
	var kept [][]byte
	for e, err := range source.Events(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, e.Data)
	}
	if len(kept) != 2 || string(kept[0]) != "first" || string(kept[1]) != "other" {
		t.Errorf("%q", kept)
	}
}
