package server

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

// ownEntry is an entry that this hub appends. The relay knows it by its mark when it comes
// from the broker, and so where it is: Append returns no epoch, and the sequence may be of
// another stream than the one that the hub reads.
type ownEntry struct {
	mark   uint64
	before *epoch        // the hub's when the entry was appended
	read   chan struct{} // holds a token when the entry is in the hub's history

	in  atomic.Pointer[epoch] // where the relay has read it; nil: it has not
	seq uint64                // its sequence there; valid once in is set
}

// ownEntries are those which are being published, and which the relay has not read.
type ownEntries struct {
	n atomic.Int64 // of byMark

	mu     sync.Mutex // guards byMark
	byMark map[uint64]*ownEntry

	found []*ownEntry // the relay's goroutine: those it has read, whose publishes do not know it yet
}

// add makes an entry known to the relay. It is called before Append.
func (o *ownEntries) add(before *epoch) *ownEntry {
	own := &ownEntry{mark: rand.Uint64(), before: before, read: make(chan struct{}, 1)}
	o.n.Add(1)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.byMark == nil {
		o.byMark = make(map[uint64]*ownEntry)
	}
	o.byMark[own.mark] = own
	return own
}

// remove removes an entry, if the relay has not.
func (o *ownEntries) remove(own *ownEntry) {
	if own.in.Load() == nil {
		o.take(own.mark)
	}
}

// take removes the entry with a mark, and returns it; nil if there is none.
func (o *ownEntries) take(mark uint64) *ownEntry {
	o.mu.Lock()
	defer o.mu.Unlock()
	own, ok := o.byMark[mark]
	if ok {
		delete(o.byMark, mark)
		o.n.Add(-1)
	}
	return own
}

// find notes that the relay has read an entry, which may be another hub's. The relay's
// goroutine calls it.
func (o *ownEntries) find(entry []byte, in *epoch, seq uint64) {
	mark, ok := markOf(entry)
	if !ok || o.n.Load() == 0 {
		return
	}
	if own := o.take(mark); own != nil {
		own.seq = seq
		own.in.Store(in)
		o.found = append(o.found, own)
	}
}

// wake tells the publishes whose entries were found, once these are in the history that
// streams open with. The relay's goroutine calls it.
func (o *ownEntries) wake() {
	for _, own := range o.found {
		own.read <- struct{}{} // the only token: it has room
	}
	clear(o.found)
	o.found = o.found[:0]
}
