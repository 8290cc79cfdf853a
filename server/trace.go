package server

import "sync/atomic"

// trace remembers, for topics that are not there any more, the highest sequence
// that was forgotten: so that who comes back too late is told, however long ago
// the topic was dropped. It is a table of fixed size by hash of name. Two names
// in one entry can raise a false alarm; silence is not possible.
type trace struct {
	entries [1024]atomic.Uint64
}

func (t *trace) entry(hash uint64) *atomic.Uint64 {
	return &t.entries[hash%uint64(len(t.entries))]
}

// lost notes that seq of the topic with that hash was forgotten. One goroutine
// at a time (Hub.mu).
func (t *trace) lost(hash, seq uint64) {
	if e := t.entry(hash); e.Load() < seq {
		e.Store(seq)
	}
}

// last returns the highest sequence that was noted there.
func (t *trace) last(hash uint64) uint64 { return t.entry(hash).Load() }
