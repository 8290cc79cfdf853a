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
	hub     *Hub
	history *history
	now     uint32 // seconds
}

func newWorld(t testing.TB) *world {
	hub, err := New(Config{MaxHistoryBytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	hub.epoch, hub.history.epoch = "e", "e"
	return &world{t: t, hub: hub, history: hub.history}
}

// topic returns the topic, with its index if it is a subtree.
func (w *world) topic(name string) *topic { return w.hub.acquireAll([]string{name})[0] }

// keep gives a topic a window of its own. It must not be there yet.
func (w *world) keep(name string, of window) *topic {
	w.history.rules = append([]Retention{{Topics: name}}, w.history.rules...)
	w.history.classes = append([]*ageList{w.history.class(of)}, w.history.classes...)
	return w.topic(name)
}

// keepEvents is keep for a number of events.
func (w *world) keepEvents(name string, events int) *topic {
	of := (&Retention{}).window()
	of.events = events
	return w.keep(name, of)
}

// publish appends an event with that data and returns its sequence.
func (w *world) publish(topic, data string) uint64 {
	return w.append(entry{topic: w.topic(topic), fields: fieldsOf(data)})
}

func (w *world) publishEphemeral(topic, data string) uint64 {
	return w.append(entry{topic: w.topic(topic), fields: fieldsOf(data), ephemeral: true})
}

func (w *world) append(e entry) uint64 {
	w.history.append(&e, w.now)
	w.hub.committed.Store(e.seq)
	w.history.sweep(w.now)
	w.history.registry.release(e.topic)
	return e.seq
}

// head is the newest sequence.
func (w *world) head() uint64 { return w.history.seq }

func fieldsOf(data string) []byte {
	return streamwriter.AppendEventFields(nil, &streamwriter.Event{Data: []byte(data)})
}

// machine returns a machine whose feed 0 reads the topics.
func (w *world) machine(fr framing, topics ...string) *machine {
	d := &desk{committed: w.hub.committed.Load, shared: true}
	f := &feed{framing: fr, desk: d}
	for _, name := range topics {
		f.topics = append(f.topics, w.topic(name))
	}
	m := w.hub.newMachine(d)
	m.retry, m.feeds = 0, []*feed{f}
	return &m
}

// fresh is a stream that begins now.
func (w *world) fresh() stream { return stream{next: w.head() + 1, live: w.head() + 1} }

// resumed is a stream that has seen seq last.
func (w *world) resumed(seq uint64) stream { return stream{next: seq + 1, live: w.head() + 1} }

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
