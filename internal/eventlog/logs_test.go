package eventlog

import (
	"testing"

	"github.com/fastsse/fastsse"
)

// logs is a history that is published to by hand, at times that are given.
type logs struct {
	t       testing.TB
	history *History
	now     uint32 // seconds
}

var defaultWindow = Window{Events: 4096, Bytes: 4 << 20, Age: 300}

func newLogs(t testing.TB) *logs {
	return &logs{t: t, history: New("e", 1<<30, []Rule{{Topics: "*", Window: defaultWindow}})}
}

// topic returns the topic, with its index if it is a subtree.
func (w *logs) topic(name string) *Topic { return w.history.Acquire([]string{name})[0] }

// keep gives a topic a window of its own. It must not be there yet.
func (w *logs) keep(name string, of Window) *Topic {
	w.history.rules = append([]Rule{{Topics: name, Window: of}}, w.history.rules...)
	w.history.classes = append([]*ageList{w.history.class(of)}, w.history.classes...)
	return w.topic(name)
}

// keepEvents is keep for a number of events.
func (w *logs) keepEvents(name string, events int) *Topic {
	of := defaultWindow
	of.Events = events
	return w.keep(name, of)
}

// publish appends an event with that data and returns its sequence.
func (w *logs) publish(topic, data string) uint64 {
	return w.append(entry{topic: w.topic(topic), fields: fieldsOf(data)})
}

func (w *logs) publishEphemeral(topic, data string) uint64 {
	return w.append(entry{topic: w.topic(topic), fields: fieldsOf(data), ephemeral: true})
}

func (w *logs) append(e entry) uint64 {
	b := w.history.NewBatch()
	defer b.Recycle()
	b.entries = append(b.entries, e)
	if err := w.history.Commit(b, int64(w.now)*1000); err != nil {
		w.t.Fatal(err)
	}
	return b.entries[0].seq
}

// head is the newest sequence.
func (w *logs) head() uint64 { return w.history.seq }

func fieldsOf(data string) []byte {
	return fastsse.AppendEventFields(nil, &fastsse.Event{Data: []byte(data)})
}
