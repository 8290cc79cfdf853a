package client_test

import (
	"errors"
	"testing"

	"github.com/fastsse/fastsse/client"
)

const gapped = "event: gap\ndata: {\"reason\":\"evicted\",\"lastEventId\":\"E-1\"}\nid: E-7\n\ndata: b\n\n"

func TestGapsAreErrorsThatDoNotEndTheLoop(t *testing.T) {
	s := newScript(t, stream("event: gap\ndata: not JSON\n\n"+gapped))
	source := quick(t, s.URL)
	var gaps []*client.GapError
	var events []string
	for e, err := range source.Events(t.Context()) {
		var gap *client.GapError
		if errors.As(err, &gap) {
			gaps = append(gaps, gap)
			if said(gap.Event) != said(e) {
				t.Errorf("%s with %s", said(gap.Event), said(e))
			}
		} else if err != nil {
			t.Fatal(err)
		}
		events = append(events, said(e))
	}
	expect(t, "events", events, []string{"gap||not JSON", `gap|E-7|{"reason":"evicted","lastEventId":"E-1"}`, "|E-7|b"})
	if len(gaps) != 2 || gaps[0].Reason != "" || gaps[1].Reason != "evicted" || gaps[1].LastEventID != "E-1" {
		t.Errorf("%+v", gaps)
	}
	expect(t, "Last-Event-IDs", s.lastIDs(), []string{"-", "E-7"})
}

func TestGapType(t *testing.T) {
	s := newScript(t, stream(gapped))
	source := quick(t, s.URL)
	source.GapType = "lost"
	events, _ := all(t, &source)
	expect(t, "events", events, []string{`gap|E-7|{"reason":"evicted","lastEventId":"E-1"}`, "|E-7|b"})
}

func TestGapsAreEvents(t *testing.T) {
	s := newScript(t, stream(gapped))
	source := quick(t, s.URL)
	source.GapsAreEvents = true
	for e, err := range source.Events(t.Context()) {
		if err != nil {
			t.Errorf("%s: %v", said(e), err)
		}
	}
}
