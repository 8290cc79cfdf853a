package server_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/backplane/backplanetest"
	"github.com/fastsse/fastsse/streamwriter"
)

func TestAKeyIsForOnePublish(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	for name, hubs := range map[string][]*harness{
		"alone":  {newHarness(t, parkedTCP, setup{publish: server.PublishOptions{AllowAnyone: true}})},
		"of two": {on(t, f, parkedTCP, server.Config{}), on(t, f, parkedTCP, server.Config{})},
	} {
		t.Run(name, func(t *testing.T) {
			messages := []server.Message{
				{Topic: "a", Event: streamwriter.Event{Data: []byte("1")}, Key: "k"},
				{Topic: "a", Event: streamwriter.Event{Data: []byte("2"), ID: "own"}},
			}
			c := hubs[0].open("a")
			var wg sync.WaitGroup
			var all [8][]string
			for i := range all {
				wg.Go(func() {
					var err error
					if all[i], err = hubs[i%len(hubs)].hub.PublishAll(messages); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			for _, ids := range all {
				if !slices.Equal(ids, all[0]) || len(ids) != 2 || ids[1] != "own" {
					t.Errorf("ids %v, and %v", ids, all[0])
				}
			}
			hubs[0].publish("a", "3")
			c.expect("1", "2", "3")
			messages[1].Key = "another"
			if _, err := hubs[0].hub.PublishAll(messages); err == nil || !strings.Contains(err.Error(), "key") {
				t.Errorf("two keys: %v", err)
			}
			messages[1].Key, messages[0].Key = "", strings.Repeat("k", 129)
			if _, err := hubs[0].hub.PublishAll(messages); err == nil || !strings.Contains(err.Error(), "128 bytes") {
				t.Errorf("a long key: %v", err)
			}
			var answers [2]string
			for i := range answers {
				q := request{method: "POST", path: "/publish", topics: []string{"a"}, headers: []string{"Idempotency-Key: k2", "Content-Length: 0"}}
				answers[i] = hubs[i%len(hubs)].post(q)
			}
			if answers[0] != answers[1] || !strings.Contains(answers[0], `"id"`) {
				t.Errorf("answers %q", answers)
			}
		})
	}
}

// post sends a request to publish, and returns status and body.
func (h *harness) post(q request) string {
	h.t.Helper()
	c := h.send(q)
	body := make([]byte, 4096)
	n, _ := c.r.Read(body)
	return c.status + " " + c.head.Get("Retry-After") + " " + string(body[:n])
}

func TestPublishingSaysWhetherItIsStored(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	h := on(t, f, parkedTCP, server.Config{PublishTimeout: 50 * time.Millisecond})
	c := h.open("a")
	q := request{method: "POST", path: "/publish", topics: []string{"a"}, headers: []string{"Idempotency-Key: k", "Content-Length: 0"}}
	f.Set(backplanetest.Faults{LoseAcks: true})
	if got := h.post(q); !strings.Contains(got, " 504 ") || !strings.Contains(got, "same key") {
		t.Errorf("no answer: %s", got)
	}
	f.Set(backplanetest.Faults{})
	if got := h.post(q); !strings.Contains(got, " 200 ") || !strings.Contains(got, f.id(1)) {
		t.Errorf("again: %s", got)
	}
	c.expect("")
	f.setDown(true)
	if got := h.post(q); !strings.Contains(got, " 503 ") || !strings.Contains(got, " 1 {") {
		t.Errorf("down: %s", got)
	}
	if n := h.hub.Stats().PublishErrors["backplane"]; n != 2 {
		t.Errorf("%d errors", n)
	}
}

// renewing is a feed whose stream is made anew just before an Append, or just after it.
type renewing struct {
	*backplanetest.Handle
	renew, after atomic.Pointer[backplanetest.Memory] // for the next Append
}

func (f *renewing) Append(ctx context.Context, key string, entry []byte) (uint64, error) {
	if m := f.renew.Swap(nil); m != nil {
		m.Remake()
	}
	seq, err := f.Handle.Append(ctx, key, entry)
	if m := f.after.Swap(nil); m != nil {
		m.Remake()
	}
	return seq, err
}

// The first entries of a stream that was made anew have sequences that the stream before had
// given as well. A publish with a key must not take them for what that key was first stored as.
func TestNoIDOfAStreamThatIsGoneIsAnsweredToAKey(t *testing.T) {
	t.Parallel()
	memory := backplanetest.NewMemory()
	f := &renewing{Handle: memory.Open()}
	hub, err := server.New(server.Config{Backplane: f, Logger: &testLog{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hub.Close(context.Background()) })
	publish := func(key string) (string, error) {
		ids, err := hub.PublishAll([]server.Message{{Topic: "a", Key: key, Event: streamwriter.Event{Data: []byte(key)}}})
		return strings.Join(ids, " "), err
	}
	for _, key := range []string{"1", "2", "3"} {
		if _, err := publish(key); err != nil {
			t.Fatal(err)
		}
	}
	old, _, _ := strings.Cut(hub.LastID(), "-")
	f.after.Store(memory)
	if id, err := publish("1"); !errors.Is(err, server.ErrUnknown) && !strings.HasPrefix(id, old+"-") {
		t.Errorf("published again just before its stream was gone: %s, %v; want ErrUnknown, or the id that it had", id, err)
	}
	for _, key := range []string{"5", "6", "7"} {
		testkit.Eventually(t, "the hub goes on with the new stream", func() bool { _, err := publish(key); return err == nil })
	}
	old, _, _ = strings.Cut(hub.LastID(), "-")
	f.renew.Store(memory)
	id, err := publish("4")
	if err == nil && strings.HasPrefix(id, old+"-") {
		t.Fatalf("the id %s is that of the event that was published with the key 1", id)
	}
	if err != nil && !errors.Is(err, server.ErrUnknown) {
		t.Errorf("%v, want ErrUnknown", err)
	}
	testkit.Eventually(t, "publishing again succeeds", func() bool {
		id, err = publish("4")
		return err == nil
	})
	if again, err := publish("4"); again != id || err != nil || strings.HasPrefix(id, old+"-") || !strings.HasSuffix(id, "-1024") {
		t.Errorf("published as %s, and again as %s, %v; want entry 1 of another epoch than %s", id, again, err, old)
	}
}
