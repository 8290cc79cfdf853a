package server_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http/httputil"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
)

func TestEventsArriveInOrder(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{})
		c := h.open("a")
		ids := h.publish("a", numbers(1, 200)...)
		for i, id := range ids {
			if e := c.next(); e != (testkit.Event{ID: id, Type: "message", Data: fmt.Sprint(i + 1)}) {
				t.Fatalf("got %+v as event %d, want id %s", e, i+1, id)
			}
		}
	})
}

func TestAnEventArrivesAsItWasPublished(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{})
		c := h.open("a")
		big := strings.Repeat("x", 63<<10)
		events := []streamwriter.Event{
			{Type: "greeting", Data: []byte("hello")},
			{Data: nil},
			{Data: []byte(" leading\n\ntwo breaks\n")},
			{ID: "mine", Data: []byte("aliased")},
			{Data: []byte(big)},
			{Type: "wait", Retry: 1234000000, Data: []byte("é☃")},
		}
		for _, e := range events {
			if _, err := h.hub.Publish("a", e); err != nil {
				t.Fatal(err)
			}
		}
		for _, e := range events {
			if got := c.next(); got.Type != or(e.Type, "message") || got.Data != string(e.Data) || (e.ID != "" && got.ID != e.ID) {
				t.Errorf("got %.100v, want %.100v", got, e)
			}
		}
		if c.dec.Retry != "1234" {
			t.Errorf("retry %q", c.dec.Retry)
		}
	})
}

// Clients of others read with a bufio.Scanner and its usual buffer: go-sse, r3labs/sse. At an
// event that does not fit they fail, and come back to it for ever.
func TestTheLargestEventByDefaultFitsAScanner(t *testing.T) {
	t.Parallel()
	h := newHarness(t, parkedTCP, setup{})
	c := h.open("a")
	data := strings.Repeat(strings.Repeat("x", 63<<10/80-1)+"\n", 80)
	largest := streamwriter.Event{
		ID: strings.Repeat("i", 128), Type: strings.Repeat("t", 256), Retry: 1<<63 - 1,
		Data: []byte(data + strings.Repeat("x", 63<<10-len(data))),
	}
	if _, err := h.hub.Publish("a", largest); err != nil {
		t.Fatal(err)
	}
	largest.Data = append(largest.Data, 'x')
	if _, err := h.hub.Publish("a", largest); err == nil {
		t.Error("a larger one was published")
	}
	blocks := bufio.NewScanner(httputil.NewChunkedReader(c.r))
	blocks.Split(func(data []byte, _ bool) (int, []byte, error) {
		if end := bytes.Index(data, []byte("\n\n")); end >= 0 {
			return end + 2, data[:end], nil
		}
		return 0, nil, nil
	})
	for blocks.Scan() {
		if strings.HasSuffix(blocks.Text(), "\nid: "+largest.ID) {
			return
		}
	}
	t.Error(blocks.Err())
}

func TestSeveralTopicsAreOneOrder(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{})
		c := h.open("a", "b", "c/*")
		for i := range 300 {
			h.publish([]string{"a", "b", "c/1", "c/2/x", "other"}[i%5], fmt.Sprint(i))
		}
		for i := range 300 {
			if i%5 != 4 {
				c.expect(fmt.Sprint(i))
			}
		}
	})
}

func TestAnEventComesOnceThoughSeveralTopicsMatch(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{})
		all := []string{"a/b/c", "a/b/*", "a/*", "a/b/c"}
		from := h.hub.LastID()
		c := h.open(all...)
		h.publish("a/b/c", "1", "2")
		h.publish("a/x", "3")
		h.publish("a/b/d", "4")
		h.publish("a/b/c", "5")
		c.expect(numbers(1, 5)...)
		h.resume(from, all...).expect(numbers(1, 5)...) // and so it does in a replay
		h.publish("a/b/c", "6")
		c.expect("6")
	})
}

func TestPublishAllIsOnEnd(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{})
		c := h.open("a", "b")
		var publishers sync.WaitGroup
		for p := range 4 {
			publishers.Go(func() {
				for i := range 50 {
					if _, err := h.hub.PublishAll([]server.Message{
						{Topic: "a", Event: streamwriter.Event{Data: fmt.Appendf(nil, "%d.%d.1", p, i)}},
						{Topic: "b", Event: streamwriter.Event{Data: fmt.Appendf(nil, "%d.%d.2", p, i)}},
						{Topic: "a", Event: streamwriter.Event{Data: fmt.Appendf(nil, "%d.%d.3", p, i)}},
					}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		publishers.Wait()
		for range 200 {
			first, ok := strings.CutSuffix(c.next().Data, ".1")
			if !ok {
				t.Fatalf("got %s first", first)
			}
			c.expect(first+".2", first+".3")
		}
		if ids, err := h.hub.PublishAll(nil); len(ids) != 0 || err != nil {
			t.Errorf("nothing: %v, %v", ids, err)
		}
	})
}

func TestSubtreeFollowsItsTopics(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{})
		before := h.open("s/*") // before there is anything
		h.publish("s/a", "1")
		h.publish("s", "not below")
		h.publish("sx/a", "not below")
		h.publish("s/b/c", "2")
		h.publish("s/a", "3")
		before.expect(numbers(1, 3)...)
		h.open("s/*").leave()
		h.publish("s/new", "4")
		before.expect("4")
	})
}

// The first reader of a subtree builds it from what its topics hold.
func TestSubtreeIsBuiltFromWhatItsTopicsHold(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{})
		from := h.hub.LastID()
		for i := 1; i <= 50; i++ {
			h.publish(fmt.Sprintf("s/%d/x", i%7), fmt.Sprint(i))
		}
		h.resume(from, "s/*").expect(numbers(1, 50)...)
		h.resume(from, "s/3/*", "s/4/x").expect("3", "4", "10", "11", "17", "18")
		c := h.resume(from, "s/*")
		h.publish("s/1/x", "51")
		c.expect(numbers(1, 51)...)
	})
}

// What a topic below has forgotten, a subtree built later has forgotten.
func TestSubtreeInheritsWhatWasForgotten(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{Retention: []server.Retention{{Topics: "s/a", Events: 2}}}})
		from := h.hub.LastID()
		h.publish("s/a", "1", "2", "3")
		h.publish("s/b", "4")
		c := h.resume(from, "s/*")
		c.expectGap("evicted")
		c.expect("2", "3", "4")
	})
}

func TestEphemeralEventsAreDeliveredAndNotReplayed(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{Retention: []server.Retention{{Topics: "live", Ephemeral: true}}}})
		for _, topics := range [][]string{{"a"}, {"a", "b"}, {"live", "a"}} {
			from := h.hub.LastID()
			c := h.open(topics...)
			h.ephemeral("a", "e1")
			h.publish("a", "1")
			h.publish("live", "e2")
			h.ephemeral("a", "e3")
			h.publish("a", "2")
			if slices.Contains(topics, "live") {
				c.expect("e1", "1", "e2", "e3", "2")
			} else {
				c.expect("e1", "1", "e3", "2")
			}
			late := h.resume(from, topics...)
			late.expect("1", "2")
			h.ephemeral("a", "e4")
			late.expect("e4")
			c.expect("e4")
		}
	})
}

// A stream with nothing left to replay is as live as any, even if its id is
// older than the newest event of other topics.
func TestAResumedStreamGetsLiveEphemeralEvents(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{})
		for _, topics := range [][]string{{"a"}, {"a", "b"}} {
			id := h.publish("a", "1")[0]
			h.publish("other", "x", "y", "z")
			c := h.resume(id, topics...)
			h.ephemeral("a", "e1")
			c.expect("e1")
			h.ephemeral("a", "e2")
			h.publish("a", "2")
			c.expect("e2", "2")
		}
	})
}

func TestStreamsOfAllKindsReadTheSame(t *testing.T) {
	t.Parallel()
	h := newHarness(t, parkedTCP, setup{})
	parked := h.open("a")
	follows := h.openWith(request{path: "/follow", topics: []string{"a"}})
	old := h.openWith(request{proto: "HTTP/1.0", topics: []string{"a"}})
	two := h.open("a", "b")
	h.publish("a", numbers(1, 100)...)
	for _, c := range []*client{parked, follows, old, two} {
		c.expect(numbers(1, 100)...)
	}
}
