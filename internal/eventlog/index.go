package eventlog

import (
	"slices"
	"sort"
	"sync/atomic"
)

// index is the order of a subtree's events: for each sequence, which topic has the event.
// The events themselves are in the logs of the topics, so an event that its topic has
// evicted cannot be found through the index either.
//
// One publisher at a time appends and drops (under History.mu); any number of readers
// read without a lock, as in a log.
type index struct {
	// Owned by the publisher.
	blocks []*block // oldest first
	oldest int      // index in blocks[0] of the oldest entry held
	count  int      // entries held
	memory int      // bytes that all blocks cost

	view atomic.Pointer[[]*block] // written by the publisher, read by all
}

// block is a piece of an index. Its entries do not change once n includes them; the first
// n may be read.
type block struct {
	entries []indexed
	n       atomic.Int32
}

// indexed is where an event is.
type indexed struct {
	seq   uint64
	topic *Topic
	alias uint32 // aliasHash of the publisher's id; 0: it has none
	flags frameFlags
}

const (
	// indexedCost is what an entry counts for, in bytes: its own size, and an upper bound
	// of what it may keep in memory of a topic that is gone.
	indexedCost   = 24 + 80 + 24
	smallestBlock = 4
	largestBlock  = 256
)

func (b *block) visible() []indexed { return b.entries[:b.n.Load()] }

func (b *block) memory() int { return len(b.entries) * indexedCost }

// full reports whether the next entry needs a new block.
func (x *index) full() bool {
	return len(x.blocks) == 0 || int(x.last().n.Load()) == len(x.last().entries)
}

func (x *index) last() *block { return x.blocks[len(x.blocks)-1] }

// nextBlock is the size of the next block, in entries.
func (x *index) nextBlock() int {
	if len(x.blocks) == 0 {
		return smallestBlock
	}
	return min(2*len(x.last().entries), largestBlock)
}

// append adds an event, which must be in its topic's log already.
func (x *index) append(e indexed) {
	if x.full() {
		b := &block{entries: make([]indexed, x.nextBlock())}
		x.blocks = append(x.blocks, b)
		x.memory += b.memory()
	}
	b := x.last()
	n := b.n.Load()
	b.entries[n] = e
	b.n.Store(n + 1)
	if n == 0 {
		x.publishView()
	}
	x.count++
}

// prepend puts entries that are older than all that the index holds in front of them.
func (x *index) prepend(older []indexed) {
	if len(older) == 0 {
		return
	}
	var blocks []*block
	for piece := range slices.Chunk(older, largestBlock) {
		b := &block{entries: slices.Clone(piece)}
		b.n.Store(int32(len(piece)))
		x.memory += b.memory()
		blocks = append(blocks, b)
	}
	// Entries that were dropped at the front must not end up in the middle.
	if x.oldest > 0 {
		x.blocks[0] = x.blocks[0].from(x.oldest)
		x.oldest = 0
	}
	x.blocks = append(blocks, x.blocks...)
	x.count += len(older)
	x.publishView()
}

// from returns a copy of a block without its first entries. It has room for as many.
func (b *block) from(first int) *block {
	c := &block{entries: make([]indexed, len(b.entries))}
	c.n.Store(int32(copy(c.entries, b.visible()[first:])))
	return c
}

// oldestEntry returns the oldest entry held; there must be one.
func (x *index) oldestEntry() *indexed { return &x.blocks[0].entries[x.oldest] }

// dropOldest removes the oldest entry. Its loss must have been recorded.
func (x *index) dropOldest() {
	b := x.blocks[0]
	x.count--
	x.oldest++
	if x.oldest < int(b.n.Load()) {
		return
	}
	x.blocks = slices.Delete(x.blocks, 0, 1)
	x.oldest = 0
	x.memory -= b.memory()
	x.publishView()
}

func (x *index) publishView() {
	if len(x.blocks) == 0 {
		x.view.Store(nil)
		return
	}
	view := slices.Clone(x.blocks)
	x.view.Store(&view)
}

// seek finds the first entry at or after next.
func (x *index) seek(next uint64) (view []*block, blk, at int) {
	v := x.view.Load()
	if v == nil {
		return nil, 0, 0
	}
	view = *v
	blk = len(view) - 1
	if es := view[blk].visible(); es[0].seq > next {
		blk = sort.Search(blk, func(i int) bool {
			es := view[i].visible()
			return es[len(es)-1].seq >= next
		})
	}
	es := view[blk].visible()
	return view, blk, sort.Search(len(es), func(i int) bool { return es[i].seq >= next })
}

// event returns the event of an entry if its topic still holds it.
func (e *indexed) event() (*Segment, *Frame, bool) {
	if e.seq <= e.topic.evicted.Load() && e.flags&ephemeralFrame == 0 {
		return nil, nil, false
	}
	l := e.topic.log.Load()
	if l == nil {
		return nil, nil, false
	}
	return l.event(e.seq)
}

// findAlias returns how many events have a publisher's id, and the sequence of the newest
// one. It may be called by any goroutine.
func (x *index) findAlias(id string, hash uint32) (seq uint64, uses int) {
	v := x.view.Load()
	if v == nil {
		return 0, 0
	}
	for _, b := range *v {
		for i := range b.visible() {
			e := &b.entries[i]
			if e.alias != hash {
				continue
			}
			if seg, f, ok := e.event(); ok && aliasOf(seg.Payload(f)) == id {
				seq, uses = e.seq, uses+1
			}
		}
	}
	return seq, uses
}
