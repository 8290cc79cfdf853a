package server

import (
	"bytes"
	"fmt"
	"io"
	"net/http/httputil"
	"reflect"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/internal/ssetest"
	"github.com/fastsse/fastsse/streamwriter"
)

// world is what a stream's machine lives in, without sockets and clocks: logs
// that are published to by hand, at times that are given.
type world struct {
	t       testing.TB
	history *history
	seq     uint64
	now     uint32 // seconds
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, history: &history{trace: &trace{}, epoch: "e", max: 1 << 30}}
	w.history.registry = newRegistry(func(name string) *topic {
		return w.history.newTopic(name, (&Retention{}).window())
	})
	return w
}

// topic returns the topic, built if it is a subtree.
func (w *world) topic(name string) *topic {
	t := w.history.registry.acquire(name)
	if t.subtree {
		w.history.build(t, w.now)
	}
	return t
}

// publish appends an event with that data and returns its sequence.
func (w *world) publish(topic, data string) uint64 {
	return w.append(entry{topic: w.topic(topic), fields: fieldsOf(data)})
}

func (w *world) publishEphemeral(topic, data string) uint64 {
	return w.append(entry{topic: w.topic(topic), fields: fieldsOf(data), ephemeral: true})
}

func (w *world) append(e entry) uint64 {
	w.seq++
	w.history.append(&e, w.seq, w.now)
	w.history.sweep(e.topic, w.now)
	w.history.registry.release(e.topic)
	return w.seq
}

func fieldsOf(data string) []byte {
	return streamwriter.AppendEventFields(nil, &streamwriter.Event{Data: []byte(data)})
}

func (w *world) committed() uint64 { return w.seq }

// machine returns a machine whose feed 0 reads the topics.
func (w *world) machine(fr framing, topics ...string) *machine {
	f := &feed{framing: fr, committed: w.committed, shared: true}
	for _, name := range topics {
		f.topics = append(f.topics, w.topic(name))
	}
	return &machine{epoch: "e", gapType: "gap", feeds: []*feed{f}}
}

// fresh is a stream that begins now.
func (w *world) fresh() stream { return stream{next: w.seq + 1, live: w.seq + 1} }

// resumed is a stream that has seen seq last.
func (w *world) resumed(seq uint64) stream { return stream{next: seq + 1, live: w.seq + 1} }

// reader is a stream, its machine, and what a client would have got.
type reader struct {
	m   *machine
	s   stream
	now int64
	got bytes.Buffer
}

// turn writes what there is to write, at most n bytes of it, and reports what
// was offered.
func (r *reader) turn(n int) []byte {
	b := r.m.next(0, &r.s, r.now)
	if b == nil {
		return nil
	}
	offered := bytes.Clone(b)
	n = min(n, len(b))
	r.got.Write(b[:n])
	r.m.took(0, &r.s, n, r.now)
	return offered
}

// all takes turns until there is nothing to do.
func (r *reader) all() {
	for range 100_000 {
		if r.turn(1<<30) == nil {
			return
		}
	}
	panic("the stream never has enough")
}

// events decodes what the client got; its bytes must be whole.
func (r *reader) events(t testing.TB) []ssetest.Event {
	t.Helper()
	var body io.Reader = bytes.NewReader(r.got.Bytes())
	if r.m.feeds[0].framing == chunked {
		whole := r.got.String()
		if !strings.HasSuffix(whole, lastChunk) {
			whole += lastChunk
		}
		body = httputil.NewChunkedReader(strings.NewReader(whole))
	}
	events, err := ssetest.NewDecoder(body).All()
	if err != nil {
		t.Fatalf("the client got bytes that do not decode: %v\n%q", err, r.got.String())
	}
	return events
}

// datas is the data of events, joined.
func datas(events []ssetest.Event) string {
	var list []string
	for _, e := range events {
		if e.Type != "message" {
			list = append(list, e.Type+"!")
			continue
		}
		list = append(list, e.Data)
	}
	return strings.Join(list, " ")
}

func (r *reader) wants(t testing.TB, want string) {
	t.Helper()
	if got := datas(r.events(t)); got != want {
		t.Errorf("the client got %q, want %q\n%s", got, want, fmt.Sprintf("%q", r.got.String()))
	}
}

func eventWithID(id string) streamwriter.Event {
	return streamwriter.Event{ID: id, Data: []byte("x")}
}

// A seat is one cache line: what a delivery costs beside the system call.
func TestSeatIsACacheLine(t *testing.T) {
	if size := reflect.TypeFor[seat]().Size(); size != 64 {
		t.Errorf("a seat has %d bytes, want 64", size)
	}
}
