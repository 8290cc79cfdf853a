package server_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/soak"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
)

// What a topic below has forgotten stays forgotten, though the subtree that is
// built from it has no room for all that it finds: a loss is above what falls
// out then.
func TestASubtreeForgetsNothingSilentlyWhileItIsBuilt(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{Retention: []server.Retention{
			{Topics: "a/1", Events: 1}, {Topics: "*", Events: 2},
		}}})
		seen := h.publish("a/2", "seen")[0]
		h.publish("a/1", "missed", "3")
		h.publish("a/2", "4")
		c := h.resume(seen, "a/*")
		c.expectGap("evicted")
		c.expect("3", "4")
	})
}

// A large batch pushes everything else out of the hub's bound, while clients
// resume on subtrees that nobody has asked for before: each gets what it missed,
// or a gap.
func TestASubtreeOfWhatIsBeingEvictedForgetsNothingSilently(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		const tries, resumes = 6, 16
		h := newHarness(t, kind, setup{config: server.Config{MaxHistoryBytes: 16 << 20, SlowSubscribers: server.Skip}})
		batch := make([]server.Message, 600)
		for i := range batch {
			batch[i] = server.Message{Topic: fmt.Sprint("big/", i), Event: streamwriter.Event{Data: soak.Filler[:60_000]}}
		}
		publishBatch := func() time.Duration {
			began := time.Now()
			if _, err := h.hub.PublishAll(batch); err != nil {
				t.Error(err)
			}
			return time.Since(began)
		}
		took, gaps := publishBatch(), 0
		for try := range tries {
			from := h.hub.LastID()
			topic := func(i int) string { return fmt.Sprintf("s%d.%d/x", try, i) }
			for i := range resumes {
				h.publish(topic(i), "missed")
			}
			clients := make([]*client, resumes)
			before := took
			var coming sync.WaitGroup
			coming.Go(func() { took = publishBatch() })
			for i := range resumes { // one after the other while the batch takes place
				at := before * time.Duration(i) / resumes
				coming.Go(func() {
					time.Sleep(at)
					clients[i], _ = h.try(request{topics: []string{strings.TrimSuffix(topic(i), "x") + "*"}, lastID: from})
				})
			}
			coming.Wait()
			for i, c := range clients {
				h.publish(topic(i), "after")
				if c == nil {
					t.Fatal("a stream was not opened")
				}
				gaps += c.expectAllOrGap("missed", "after")
			}
		}
		t.Logf("%d gaps in %d resumes", gaps, tries*resumes)
	})
}

// expectAllOrGap reads events with such data, or a gap, and leaves.
func (c *client) expectAllOrGap(data ...string) (gaps int) {
	c.t.Helper()
	defer c.leave()
	e := c.next()
	if e.Type == "gap" {
		return 1
	}
	if e.Data != data[0] {
		c.t.Fatalf("got %+v first, not %q: that was missed, and no gap says so", e, data[0])
	}
	c.expect(data[1:]...)
	return 0
}

var errEnough = errors.New("enough")

// firstWord is what a stream writes first. It ends the stream then.
type firstWord struct{ got string }

func (f *firstWord) Write(p []byte) (int, error) {
	f.got += string(p)
	return 0, errEnough
}

// A topic's last reader leaves just as all that the topic holds is evicted: who
// comes back gets a gap, whichever of the two drops the topic.
//
// It is not parallel: its two goroutines have to meet, which takes two processors.
func TestATopicThatItsLastReaderLeavesForgetsNothingSilently(t *testing.T) {
	hub, err := server.New(server.Config{MaxHistoryBytes: 4 << 10, Logger: &testLog{}})
	if err != nil {
		t.Fatal(err)
	}
	defer hub.Close(context.Background())
	const tries = 50_000
	big := soak.Filler[:8<<10]
	publish := func(topic string, data []byte) string {
		id, err := hub.Publish(topic, streamwriter.Event{Data: data})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	var over atomic.Bool
	defer over.Store(true)
	go func() { // which stops publishers where they would not stop by themselves
		for !over.Load() {
			runtime.GC()
		}
	}()
	for try := range tries {
		before := hub.LastID()
		topic := fmt.Sprint("t", try)
		missed := publish(topic, []byte("missed"))
		reader := hub.Hold(topic)
		left := make(chan server.Held)
		go func() {
			for !reader.Empty() {
			}
			reader.Release()
			left <- hub.Hold(topic) // somebody comes back at once
		}()
		publish("big", big)
		again := <-left
		if !again.HasForgotten(missed) {
			proveLoss(t, hub, try, topic, before)
		}
		again.Release()
	}
}

// proveLoss resumes from before, and shows that the event after it is missing.
func proveLoss(t *testing.T, hub *server.Hub, try int, topic, before string) {
	t.Helper()
	if _, err := hub.Publish(topic, streamwriter.Event{Data: []byte("after")}); err != nil {
		t.Fatal(err)
	}
	var first firstWord
	w, err := streamwriter.NewWriter(&first, streamwriter.Options{Heartbeat: -1, LastEventID: before})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	_ = hub.Follow(w, topic)
	if !strings.Contains(first.got, "gap") {
		t.Fatalf("try %d: an event of %s was missed by who resumes from %s, and no gap says so: it got %q first", try, topic, before, first.got)
	}
	t.Fatalf("try %d: the topic does not know of its loss, though a stream does", try)
}

// A stream that is open gets ephemeral events, also while it still reads what
// it had missed. If its topic has no room for one until then, it is told.
func TestAnEphemeralEventIsNotLostSilentlyDuringAReplay(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{
			SlowSubscribers: server.Skip, SendBuffer: 8 << 10, WriteTimeout: -1,
			Retention: []server.Retention{{Topics: "now", Ephemeral: true, Events: 1}, {Topics: "*", Bytes: 64 << 20}},
		}})
		from := h.hub.LastID()
		for range 300 { // more than sockets hold
			h.publish("a", string(soak.Filler[:60_000]))
		}
		h.publish("a", numbers(1, 5)...)
		lost := strings.Repeat("x", 2000) // a segment of its own
		c := h.resume(from, "a", "now")
		c.next() // it is there
		h.ephemeral("now", lost)
		h.publish("a", "6") // which goes out together with what was missed
		h.ephemeral("now", "left")
		told := false
		for e := c.next(); e.Data != "left"; e = c.next() {
			told = told || e.Type == "gap" || e.Data == lost
		}
		if !told {
			t.Error("an ephemeral event was missed by a stream that was open, and no gap says so")
		}
	})
}
