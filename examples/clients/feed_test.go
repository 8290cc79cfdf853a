// Package clients holds tests of what clients that others have written make of a hub's
// streams: that each comes back, with the default settings of both sides, when its stream
// has ended without being finished.
package clients

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/examples/internal/exampletest"
	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// patience is for a client that comes back: a program or a browser that starts, twice
// the reconnection time, and the waits that some clients add.
const patience = 60 * time.Second

// feed is a hub, and what its clients have said that they got.
type feed struct {
	*exampletest.Server
	URL  string // through tear
	tear *tear
	t    *testing.T
	hub  *server.Hub

	mu    sync.Mutex          // guards what follows
	got   map[string][]string // the data of events, by topic
	later map[string]bool     // topics whose next client is told to come back later
}

// newFeed serves a hub, in which each client has a topic, and what more there is to serve.
func newFeed(t *testing.T, routes *router.Router) *feed {
	f := &feed{t: t, got: map[string][]string{}, later: map[string]bool{}}
	hub, err := server.New(server.Config{Retry: 100 * time.Millisecond, Logger: &testkit.Log{}})
	if err != nil {
		t.Fatal(err)
	}
	f.hub = hub
	routes.GET("/events", hub.SubscribeHandler(server.SubscribeOptions{Authorize: f.authorize}))
	routes.POST("/got", func(ctx *fasthttp.RequestCtx) { f.report(ctx.PostBody()) })
	f.Server = exampletest.Serve(t, "", routes.Handler)
	f.tear, f.URL = newTear(t, f.Addr)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := hub.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return f
}

// authorize tells a client to come back later, if that is its turn.
func (f *feed) authorize(_ *fasthttp.RequestCtx, s *server.Subscription) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	topic := s.Topics[0]
	if f.later[topic] {
		delete(f.later, topic)
		return errors.New("not now")
	}
	return nil
}

// report takes what a client of another program says it got, in JSON.
func (f *feed) report(line []byte) {
	var e struct{ Topic, Data string }
	if err := json.Unmarshal(line, &e); err != nil {
		f.t.Errorf("a client says %q: %v", line, err)
		return
	}
	f.took(e.Topic, e.Data)
}

// took notes what a client got.
func (f *feed) took(topic, data string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.got[topic] = append(f.got[topic], data)
}

// comeBack checks that the clients of these topics get each event once, although their
// streams are ended again and again, and one answer is "later".
func (f *feed) comeBack(topics ...string) {
	f.t.Helper()
	f.await(topics, "opens", func(topic string) bool { return f.hub.Subscribers(topic) == 1 })
	want := f.publish(topics, nil, "first")
	for round := range 4 {
		f.await(topics, "has all", func(topic string) bool { return len(f.taken(topic)) >= len(want) })
		f.end(topics, round == 2)
		want = f.publish(topics, want, fmt.Sprint("away ", round))
		f.await(topics, "is back", func(topic string) bool { return f.hub.Subscribers(topic) == 1 })
		want = f.publish(topics, want, fmt.Sprint("back ", round))
	}
	f.await(topics, "has all", func(topic string) bool { return len(f.taken(topic)) >= len(want) })
	f.check(topics, want)
}

// check compares what the clients of these topics got.
func (f *feed) check(topics, want []string) {
	f.t.Helper()
	for _, topic := range topics {
		if got := f.taken(topic); !slices.Equal(got, want) {
			f.t.Errorf("%s got %q, want %q", topic, got, want)
		}
	}
}

// mend checks that clients that have come back get an event whole within which their
// connection was cut.
func (f *feed) mend(topics ...string) {
	f.t.Helper()
	want := f.publish(topics, f.taken(topics[0]), torn)
	f.await(topics, "was cut within an event", f.tear.has)
	want = f.publish(topics, want, "whole")
	f.await(topics, "has all", func(topic string) bool { return len(f.taken(topic)) >= len(want) })
	f.check(topics, want)
}

// end ends the streams of the topics; later says whether the clients are first told to
// come back later.
func (f *feed) end(topics []string, later bool) {
	f.t.Helper()
	f.mu.Lock()
	for _, topic := range topics {
		f.later[topic] = later
	}
	f.mu.Unlock()
	kicked := func() int64 { return f.hub.Stats().Ended[server.ReasonKicked.String()] }
	before := kicked()
	for _, topic := range topics {
		f.hub.KickTopic(topic)
	}
	f.await(topics, "was kicked", func(string) bool { return kicked() == before+int64(len(topics)) })
}

// publish publishes an event to each of the topics, and returns all so far.
func (f *feed) publish(topics, all []string, data string) []string {
	f.t.Helper()
	for _, topic := range topics {
		if _, err := f.hub.Publish(topic, streamwriter.Event{Data: []byte(data)}); err != nil {
			f.t.Fatal(err)
		}
	}
	return append(all, data)
}

// taken is what the client of that topic got.
func (f *feed) taken(topic string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.got[topic])
}

// await waits until ok for each of the topics.
func (f *feed) await(topics []string, what string, ok func(topic string) bool) {
	f.t.Helper()
	for _, topic := range topics {
		if !testkit.Soon(patience, func() bool { return ok(topic) }) {
			s := f.hub.Stats()
			f.t.Fatalf("%s: its client should be one that %s, and was not within %v; it got %q; ended: %v, refused: %d",
				topic, what, patience, f.taken(topic), s.Ended, s.Refused)
		}
	}
}
