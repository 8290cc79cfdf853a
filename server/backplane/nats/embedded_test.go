package nats

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	natsio "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/fastsse/fastsse/server/backplane"
	"github.com/fastsse/fastsse/server/backplane/nats/embedded"
)

func openEmbedded(t testing.TB, o Options) *Backplane {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	b, err := Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func TestCallsFailAfterClose(t *testing.T) {
	b := openEmbedded(t, Options{Embedded: &embedded.Server{Dir: t.TempDir()}})
	state, err := b.State(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- b.Tail(context.Background(), backplane.Position{Epoch: state.Epoch}, func([]backplane.Entry) error { return nil })
	}()
	b.Close()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("Tail returned nil when the backplane was closed")
		}
	case <-time.After(10 * time.Second):
		t.Error("Tail has not returned")
	}
	if _, err := b.Append(context.Background(), "", nil); !errors.Is(err, backplane.ErrRefused) {
		t.Errorf("Append returned %v, want ErrRefused", err)
	}
	if _, err := b.State(context.Background()); err == nil {
		t.Error("State returned no error")
	}
}

func TestStateMakesADeletedStreamAgain(t *testing.T) {
	ctx := context.Background()
	b := openEmbedded(t, Options{Embedded: &embedded.Server{Dir: t.TempDir()}})
	before, err := b.State(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.js.DeleteStream(ctx, b.options.Feed); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Append(ctx, "", nil); !errors.Is(err, backplane.ErrRefused) {
		t.Errorf("Append without a stream returned %v, want ErrRefused", err)
	}
	after, err := b.State(ctx)
	if err != nil || after.Epoch == before.Epoch {
		t.Errorf("State returned %+v, %v; want another epoch than %q", after, err, before.Epoch)
	}
	if _, err := b.Append(ctx, "", nil); err != nil {
		t.Errorf("Append to the new stream: %v", err)
	}
}

func TestOptionsSayWhatIsWrong(t *testing.T) {
	dir := &embedded.Server{Dir: "somewhere"}
	for says, o := range map[string]Options{
		"set one of":    {},
		"one of Optio":  {URL: "nats://a", Embedded: dir},
		"Dir is empty":  {Embedded: &embedded.Server{}},
		"leave it out":  {Embedded: dir, Replicas: 3},
		`Feed is "a.b"`: {Embedded: dir, Feed: "a.b"},
	} {
		if _, err := Open(context.Background(), o); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("Open with %+v returned %v; want an error that says %q", o, err, says)
		}
	}
}

func TestABadURLIsNotQuoted(t *testing.T) {
	_, err := Open(context.Background(), Options{URL: "nats://me:secret%zz@a:4222"})
	if err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "invalid URL escape") {
		t.Errorf("Open: %v; want why the URL is bad, without the password", err)
	}
}

func TestStreamsThatAreThereAreChecked(t *testing.T) {
	o, err := Options{URL: "nats://a", Replicas: 3}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	if err := o.check(o.config()); err != nil {
		t.Errorf("the stream that Open makes: %v", err)
	}
	for says, spoil := range map[string]func(c *jetstream.StreamConfig){
		"its subjects are":   func(c *jetstream.StreamConfig) { c.Subjects = append(c.Subjects, "other") },
		"mirror or sources":  func(c *jetstream.StreamConfig) { c.Mirror = &jetstream.StreamSource{} },
		"subject transform":  func(c *jetstream.StreamConfig) { c.SubjectTransform = &jetstream.SubjectTransformConfig{} },
		"its retention":      func(c *jetstream.StreamConfig) { c.Retention = jetstream.WorkQueuePolicy },
		"in memory":          func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage },
		"async":              func(c *jetstream.StreamConfig) { c.PersistMode = jetstream.AsyncPersistMode },
		"not acknowledge":    func(c *jetstream.StreamConfig) { c.NoAck = true },
		"allow direct gets":  func(c *jetstream.StreamConfig) { c.AllowDirect = false },
		"per-subject=-1":     func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 1 },
		"messages of up to":  func(c *jetstream.StreamConfig) { c.MaxMsgSize = 1000 },
		"sealed":             func(c *jetstream.StreamConfig) { c.Sealed = true },
		"raise it to 2m0s":   func(c *jetstream.StreamConfig) { c.Duplicates = time.Minute },
		"Options.Replicas i": func(c *jetstream.StreamConfig) { c.Replicas = 1 },
	} {
		c := o.config()
		spoil(&c)
		if err := o.check(c); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("a stream that is wrong: %v; want an error that says %q", err, says)
		}
	}
}

// numbered is a message with the numbers that a server gives it.
type numbered struct {
	jetstream.Msg
	consumer, stream uint64
}

func (n numbered) Metadata() (*jetstream.MsgMetadata, error) {
	return &jetstream.MsgMetadata{Sequence: jetstream.SequencePair{Consumer: n.consumer, Stream: n.stream}}, nil
}

func TestMessagesThatAreLostOnTheirWayAreMissed(t *testing.T) {
	c := &consumer{last: 10}
	for i, step := range []struct {
		m      numbered
		wanted bool
		fails  bool
	}{
		{numbered{consumer: 1, stream: 10}, false, false},
		{numbered{consumer: 2, stream: 11}, true, false},
		{numbered{consumer: 3, stream: 20}, true, false}, // a hole of the stream
		{numbered{consumer: 5, stream: 22}, false, true},
	} {
		if _, wanted, err := c.take(step.m); wanted != step.wanted || (err != nil) != step.fails {
			t.Errorf("message %d is wanted: %v, error %v; want %v, an error: %v", i, wanted, err, step.wanted, step.fails)
		}
	}

	answer := func(seq, previous string) *natsio.Msg {
		return &natsio.Msg{Header: natsio.Header{"Nats-Sequence": {seq}, "Nats-Last-Sequence": {previous}}}
	}
	r := &request{limit: 10}
	if _, err := r.add(answer("5", "0"), 0); err != nil {
		t.Errorf("the first answer: %v", err)
	}
	if _, err := r.add(answer("7", "6"), 5); err == nil || len(r.page) != 1 {
		t.Errorf("an answer behind one that did not come was taken (error %v)", err)
	}
}

func BenchmarkAppend(b *testing.B) {
	bp := openEmbedded(b, Options{Embedded: &embedded.Server{Dir: b.TempDir()}})
	entry := make([]byte, 200)
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := bp.Append(context.Background(), "", entry); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkReadPage(b *testing.B) {
	bp := openEmbedded(b, Options{Embedded: &embedded.Server{Dir: b.TempDir()}})
	for range 256 {
		if _, err := bp.Append(context.Background(), "", make([]byte, 200)); err != nil {
			b.Fatal(err)
		}
	}
	state, err := bp.State(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if page, err := bp.Read(context.Background(), backplane.Position{Epoch: state.Epoch}, 256); err != nil || len(page) != 256 {
			b.Fatalf("%d entries, %v", len(page), err)
		}
	}
}
