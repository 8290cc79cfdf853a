package eventlog

import (
	"fmt"
	"sync"

	"github.com/fastsse/fastsse"
)

// Batch is a set of events to be written into the logs: all of them or none, with no
// other event between them. A batch is used by one goroutine.
type Batch struct {
	history *History
	entries []entry
	fields  []byte
	changed []*Topic
}

// entry is one event of a batch.
type entry struct {
	topic     *Topic
	alias     string // the publisher's id, or empty
	fields    []byte // the block up to its id line
	ephemeral bool
	seq       uint64 // zero until it is numbered
}

// batches keeps used batches, and their memory, for the next ones.
var batches = sync.Pool{New: func() any { return new(Batch) }}

// NewBatch returns an empty batch. Call Recycle when done with it. It may be called by
// any goroutine.
func (h *History) NewBatch() *Batch {
	b := batches.Get().(*Batch)
	b.history = h
	return b
}

// Add encodes an event and finds its topic. The caller has checked both (CheckTopic,
// Event.Validate, CheckAlias). seq is the event's sequence if something other than this
// history numbers the events; zero means the one after the newest. There may be holes
// between sequences. Of e, Add keeps only the ID, which is a string.
func (b *Batch) Add(topic string, e *fastsse.Event, ephemeral bool, seq uint64) {
	from := len(b.fields)
	b.fields = fastsse.AppendEventFields(b.fields, e)
	b.entries = append(b.entries, entry{
		topic: b.history.registry.acquire(topic), alias: e.ID, ephemeral: ephemeral, seq: seq,
		fields: b.fields[from:len(b.fields):len(b.fields)],
	})
}

// Commit numbers the events of a batch and writes them into the logs. ms is the time, in
// milliseconds of the hub's clock. If an event's sequence is not above that of the event
// before it, Commit returns an error and changes nothing. It may be called by any
// goroutine.
func (h *History) Commit(b *Batch, ms int64) error {
	now := secondsOf(ms)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := b.number(h.seq); err != nil {
		return err
	}
	for i := range b.entries {
		e := &b.entries[i]
		h.append(e, now)
		b.changed = append(b.changed, e.topic)
		for _, m := range e.topic.log.Load().above {
			if m.sub.sub.index.Load() != nil { // somebody reads it
				b.changed = append(b.changed, m.sub)
			}
		}
	}
	h.committed.Store(h.seq)
	h.sweep(now)
	return nil
}

// number gives each event without a sequence the next one, and checks the others.
func (b *Batch) number(newest uint64) error {
	for i := range b.entries {
		switch e := &b.entries[i]; {
		case e.seq == 0:
			newest++
			e.seq = newest
		case e.seq <= newest:
			return fmt.Errorf("eventlog: append event %d of %d to %q: its sequence %d is not above %d, the newest; append events in the order of the log of record", i+1, len(b.entries), e.topic.Name, e.seq, newest)
		default:
			newest = e.seq
		}
	}
	return nil
}

// ID returns the id of the i-th event (from 0) of a committed batch.
func (b *Batch) ID(i int) string {
	e := &b.entries[i]
	if e.alias != "" {
		return e.alias
	}
	return b.history.ID(e.seq)
}

// Changed returns the topics that the batch added events to, and the subtrees above them
// that are read: their readers must be notified. A topic may be in it more than once. The
// slice is valid until Recycle.
func (b *Batch) Changed() []*Topic { return b.changed }

// Recycle releases the topics of a batch, committed or not, and keeps its memory for
// another batch unless it is large. The caller must not use the batch afterwards.
func (b *Batch) Recycle() {
	for i := range b.entries {
		b.history.registry.release(b.entries[i].topic)
	}
	const most = 64 << 10
	if cap(b.fields) > most || cap(b.entries) > 64 {
		return
	}
	clear(b.entries)
	clear(b.changed)
	b.entries, b.fields, b.changed, b.history = b.entries[:0], b.fields[:0], b.changed[:0], nil
	batches.Put(b)
}
