package eventlog

import (
	"sync"
	"sync/atomic"
)

// Watermark is a sequence that only rises. The zero value is 0. Any goroutine may
// use it.
type Watermark struct{ seq atomic.Uint64 }

// Load returns the watermark.
func (w *Watermark) Load() uint64 { return w.seq.Load() }

// Raise makes the watermark seq, if it is lower.
func (w *Watermark) Raise(seq uint64) {
	for {
		now := w.seq.Load()
		if now >= seq || w.seq.CompareAndSwap(now, seq) {
			return
		}
	}
}

// tombstones hold, for topics whose log is empty, the highest sequence that they have
// evicted, so that a client which comes back too late is told, even if the topic was
// dropped long ago.
//
// They are kept by the hash of the topic's name, in two generations. When the younger one
// is full, the older one is discarded, and the highest sequence in it becomes the floor:
// every position below the floor counts as one that has lost something. So a false gap is
// possible, for a position that is older than the last 65,536 topics whose log became
// empty; a silent loss is not.
type tombstones struct {
	most int // in one generation

	mu       sync.Mutex // guards young to floor; no other lock is taken while it is held
	young    map[uint64]uint64
	old      map[uint64]uint64
	youngTop uint64 // the highest sequence in young
	oldTop   uint64
	floor    uint64

	top Watermark // the highest sequence that was ever recorded
}

// mostTombstones is how many one generation may hold: both take about 4 MiB.
const mostTombstones = 64 << 10

// record notes that the topic with that hash has evicted its events up to seq.
func (t *tombstones) record(hash, seq uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.top.Raise(seq)
	if _, known := t.young[hash]; !known && len(t.young) >= t.most {
		t.floor = max(t.floor, t.oldTop)
		t.old, t.oldTop = t.young, t.youngTop
		t.young, t.youngTop = nil, 0
	}
	if t.young == nil {
		t.young = make(map[uint64]uint64)
	}
	t.young[hash] = max(seq, t.young[hash])
	t.youngTop = max(t.youngTop, seq)
}

// raiseFloor notes that every topic may have lost events up to seq.
func (t *tombstones) raiseFloor(seq uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.top.Raise(seq)
	t.floor = max(t.floor, seq)
}

// last returns the highest sequence that the topic with that hash may have evicted; 0:
// none.
func (t *tombstones) last(hash uint64) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(t.floor, t.young[hash], t.old[hash])
}
