package cursor

import (
	"bytes"
	"fmt"
	"io"
	"net/http/httputil"
	"strings"
	"testing"

	"github.com/fastsse/fastsse"
	"github.com/fastsse/fastsse/internal/eventlog"
	"github.com/fastsse/fastsse/internal/testkit"
)

// world is what a stream's machine lives in, without sockets and clocks: logs
// that are published to by hand, at times that are given.
type world struct {
	t       testing.TB
	history *eventlog.History
	now     uint32 // seconds
}

// newWorld makes a world whose topics keep the default window, and other rules for
// some.
func newWorld(t testing.TB, rules ...eventlog.Rule) *world {
	rules = append(rules, eventlog.Rule{Topics: "*", Window: eventlog.Window{Events: 4096, Bytes: 4 << 20, Age: 300}})
	return &world{t: t, history: eventlog.New("e", 1<<30, rules)}
}

// keeping is a rule that keeps a number of events.
func keeping(topics string, events int) eventlog.Rule {
	return eventlog.Rule{Topics: topics, Window: eventlog.Window{Events: events, Bytes: 4 << 20, Age: 300}}
}

// topic returns the topic, with its index if it is a subtree.
func (w *world) topic(name string) *eventlog.Topic { return w.history.Acquire([]string{name})[0] }

// publish appends an event with that data and returns its sequence.
func (w *world) publish(topic, data string) uint64 {
	return w.append(topic, fastsse.Event{Data: []byte(data)}, false)
}

// publishID is publish for an event with an id of its own.
func (w *world) publishID(topic, id string) { w.append(topic, fastsse.Event{ID: id}, false) }

func (w *world) publishEphemeral(topic, data string) uint64 {
	return w.append(topic, fastsse.Event{Data: []byte(data)}, true)
}

func (w *world) append(topic string, e fastsse.Event, ephemeral bool) uint64 {
	b := w.history.NewBatch()
	defer b.Recycle()
	b.Add(topic, &e, ephemeral, 0)
	if err := w.history.Commit(b, int64(w.now)*1000); err != nil {
		w.t.Fatal(err)
	}
	return w.head()
}

// head is the newest sequence.
func (w *world) head() uint64 { return w.history.Newest() }

// resume is where a stream begins that has seen lastID last.
func (w *world) resume(lastID string, topics []*eventlog.Topic) Start {
	return Resume(w.history, lastID, topics, int64(w.now)*1000)
}

// lingerFor is how many milliseconds an ending stream has.
const lingerFor = int64(5000)

// machine returns a machine whose feed 0 reads the topics.
func (w *world) machine(fr Framing, topics ...string) *Machine {
	space := NewWorkspace(w.history, true)
	var of []*eventlog.Topic
	for _, name := range topics {
		of = append(of, w.topic(name))
	}
	m := NewMachine(w.history, space, Settings{Gap: &Gap{Type: "gap"}, LingerFor: lingerFor})
	m.Feeds = []*Feed{NewFeed(of, fr, space)}
	return &m
}

// fresh is a stream that begins now.
func (w *world) fresh() Stream { return Stream{Next: w.head() + 1, Live: w.head() + 1} }

// resumed is a stream that has seen seq last.
func (w *world) resumed(seq uint64) Stream { return Stream{Next: seq + 1, Live: w.head() + 1} }

// reader is a stream, its machine, and what a client would have got.
type reader struct {
	m   *Machine
	s   Stream
	now int64
	got bytes.Buffer
}

// turn writes what there is to write, at most n bytes of it, and reports what
// was offered.
func (r *reader) turn(n int) []byte {
	var o Offer
	if !r.m.Next(&o, 0, &r.s, r.now) {
		return nil
	}
	offered := bytes.Clone(o.Bytes)
	n = min(n, len(offered))
	r.got.Write(o.Bytes[:n])
	r.m.Took(&o, 0, &r.s, n, r.now)
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
func (r *reader) events(t testing.TB) []testkit.Event {
	t.Helper()
	var body io.Reader = bytes.NewReader(r.got.Bytes())
	if r.m.Feeds[0].Framing == Chunked {
		whole := r.got.String()
		if !strings.HasSuffix(whole, eventlog.LastChunk) {
			whole += eventlog.LastChunk
		}
		body = httputil.NewChunkedReader(strings.NewReader(whole))
	}
	events, err := testkit.NewDecoder(body).All()
	if err != nil {
		t.Fatalf("the client got bytes that do not decode: %v\n%q", err, r.got.String())
	}
	return events
}

// datas is the data of events, joined.
func datas(events []testkit.Event) string {
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
