package server_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/fastsse/fastsse"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

func TestPublishJSONTakesAllFieldsButData(t *testing.T) {
	hub := newHub(t, server.Config{})
	before := hub.LastID()
	for _, c := range []struct {
		e    fastsse.Event
		v    any
		says string
	}{
		{fastsse.Event{Data: []byte("x")}, 1, "leave it empty"},
		{fastsse.Event{}, make(chan int), "chan int"},
		{fastsse.Event{Type: "a\nb"}, 1, "type"},
	} {
		if id, err := hub.PublishJSON("a", c.e, c.v); err == nil || id != "" || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: id %q, %v; want an error about %q", c.e, id, err, c.says)
		}
	}
	if hub.LastID() != before {
		t.Error("what was refused has changed the hub")
	}
	id, err := hub.PublishJSON("a", fastsse.Event{ID: "own", Type: "t"}, map[string]int{"n": 1})
	if err != nil || id != "own" {
		t.Errorf("id %q, %v", id, err)
	}
}

// ErrStop and what wraps it are a 204, which says nothing else.
func TestErrStopIsA204(t *testing.T) {
	var status *server.StatusError
	if err := fmt.Errorf("no more: %w", server.ErrStop); !errors.Is(err, server.ErrStop) || !errors.As(err, &status) || status.Code != 204 {
		t.Errorf("%v is not the 204 that it should be", err)
	}
	twoWays(t, func(t *testing.T, kind connKind) {
		stop := fmt.Errorf("hunter2: %w", server.ErrStop)
		for name, o := range map[string]server.SubscribeOptions{
			"Authorize": {Authorize: func(*fasthttp.RequestCtx, *server.Subscription) error { return stop }},
			"OnOpen":    {OnOpen: func(server.Subscriber, *streamwriter.Writer) error { return stop }},
		} {
			c := newHarness(t, kind, setup{subscribe: o}).send(request{topics: []string{"a"}})
			if !strings.Contains(c.status, "204") || c.head.Get("Cache-Control") != "no-store" || strings.Contains(fmt.Sprint(c.head), "hunter2") {
				t.Errorf("%s: %s %v", name, c.status, c.head)
			}
		}
	})
}

// The figures' names in JSON are words of metrics, and so are reasons.
func TestStatsAreLabels(t *testing.T) {
	body, err := json.Marshal(newHub(t, server.Config{}).Stats())
	if err != nil {
		t.Fatal(err)
	}
	var figures map[string]any
	if err := json.Unmarshal(body, &figures); err != nil {
		t.Fatal(err)
	}
	label := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	for name := range figures {
		if !label.MatchString(name) {
			t.Errorf("%q is no label", name)
		}
	}
	if len(figures) < 10 {
		t.Errorf("%d figures: %s", len(figures), body)
	}
	for r := server.ReasonClient; r <= server.ReasonRefused; r++ {
		if !label.MatchString(r.String()) || r.String() == "unknown" {
			t.Errorf("reason %d is called %q", r, r)
		}
	}
}
