package eventlog

import (
	"fmt"
	"sync"

	"github.com/fastsse/fastsse"
)

// Batch is some events on their way into the logs: all of them or none, with no
// other event between them. It belongs to one goroutine.
type Batch struct {
	history *History
	entries []entry
	fields  []byte
	news    []*Topic
}

// entry is one event of a batch.
type entry struct {
	topic     *Topic
	alias     string // the publisher's own id, or empty
	fields    []byte // the block after its id line
	ephemeral bool
	seq       uint64 // zero before append: the one after the newest
}

// batches keeps the memory of batches.
var batches = sync.Pool{New: func() any { return new(Batch) }}

// NewBatch returns an empty batch. Recycle gives it back.
func (h *History) NewBatch() *Batch {
	b := batches.Get().(*Batch)
	b.history = h
	return b
}

// Add encodes an event, which has been checked, and finds its topic. seq is its
// sequence in the log of record, if something else than this history numbers the
// events; zero means the one after the newest. There may be holes between sequences.
// Nothing of e is kept, but for its ID.
func (b *Batch) Add(topic string, e *fastsse.Event, ephemeral bool, seq uint64) {
	from := len(b.fields)
	b.fields = fastsse.AppendEventFields(b.fields, e)
	b.entries = append(b.entries, entry{
		topic: b.history.registry.acquire(topic), alias: e.ID, ephemeral: ephemeral, seq: seq,
		fields: b.fields[from:len(b.fields):len(b.fields)],
	})
}

// Commit writes a batch into the logs. ms is the time, in milliseconds. An event whose
// sequence is not above that of the one before is an error, and changes nothing.
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
		b.news = append(b.news, e.topic)
		for _, m := range e.topic.log.Load().above {
			if m.sub.sub.index.Load() != nil { // somebody reads it
				b.news = append(b.news, m.sub)
			}
		}
	}
	h.committed.Store(h.seq)
	h.sweep(now)
	return nil
}

// number gives the events that have no sequence the next one.
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

// ID returns the id of the i-th event, once it is committed.
func (b *Batch) ID(i int) string {
	e := &b.entries[i]
	if e.alias != "" {
		return e.alias
	}
	return b.history.ID(e.seq)
}

// Changed returns the topics and subtrees that have news since the batch was committed.
// It is valid until recycle.
func (b *Batch) Changed() []*Topic { return b.news }

// Recycle lets go of the topics, and keeps the batch if it is not too large. The
// caller does not use it any more.
func (b *Batch) Recycle() {
	for i := range b.entries {
		b.history.registry.release(b.entries[i].topic)
	}
	const most = 64 << 10
	if cap(b.fields) > most || cap(b.entries) > 64 {
		return
	}
	clear(b.entries)
	clear(b.news)
	b.entries, b.fields, b.news, b.history = b.entries[:0], b.fields[:0], b.news[:0], nil
	batches.Put(b)
}
