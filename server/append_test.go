package server_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/backplane/backplanetest"
	"github.com/fastsse/fastsse/streamwriter"
)

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
