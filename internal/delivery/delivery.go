package delivery

import (
	"sync"
	"sync/atomic"

	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/eventlog"
)

// Delivery holds all streams of a hub. Its methods may be called by any goroutine.
// Without streams it has no goroutine and no timer.
type Delivery struct {
	host   Host
	shards []*shard
	next   atomic.Uint32 // deals streams out
	eras   eras

	parked    atomic.Int64 // streams
	lingering atomic.Int64 // streams that have ended, whose connections wait for their clients to close
	pumped    tally        // what pumps have counted

	mu  sync.Mutex // guards why
	why map[string]int64
}

// New makes a delivery with so many shards, 64 at most: a topic names them in the bits
// of a word.
func New(host Host, shards int) *Delivery {
	d := &Delivery{host: host}
	d.eras.now.Store(new(Era))
	for i := range shards {
		d.shards = append(d.shards, newShard(d, i))
	}
	return d
}

// Notify tells the shards that have readers of t that there is something new.
func (d *Delivery) Notify(t *eventlog.Topic) {
	for mask := t.Shards.Load() &^ t.Notified.Load(); mask != 0; mask &= mask - 1 {
		bit := mask & -mask
		if t.Notified.Or(bit)&bit == 0 {
			d.shards[shardOf(bit)].notify(t)
		}
	}
}

// Drain ends every stream when it has got everything up to that sequence.
func (d *Delivery) Drain(until uint64) { d.broadcast(command{kind: drainAll, until: until}) }

// Cut ends every stream at once, inside an event if its reader takes no more.
func (d *Delivery) Cut(why cursor.Reason) { d.broadcast(command{kind: cutAll, why: why}) }

func (d *Delivery) broadcast(c command) {
	for _, s := range d.shards {
		s.send(c)
	}
}

// pickShard deals streams out evenly.
func (d *Delivery) pickShard() *shard {
	return d.shards[d.next.Add(1)%uint32(len(d.shards))]
}

// Stats are the figures of a delivery, taken one after the other.
type Stats struct {
	cursor.Counts
	Parked int64
	// WhyPumped counts, of all streams that ever got a goroutine, why.
	WhyPumped map[string]int64
}

// Stats returns the figures. The caller owns the map.
func (d *Delivery) Stats() Stats {
	s := Stats{Parked: d.parked.Load(), WhyPumped: map[string]int64{}}
	d.pumped.addTo(&s.Counts)
	for _, sh := range d.shards {
		sh.tally.addTo(&s.Counts)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for why, n := range d.why {
		s.WhyPumped[why] = n
	}
	return s
}

// Lingering is how many streams have ended whose connections wait for their clients to
// close.
func (d *Delivery) Lingering() int64 { return d.lingering.Load() }

// Running is how many shards have a goroutine.
func (d *Delivery) Running() int {
	n := 0
	for _, s := range d.shards {
		s.mu.Lock()
		if s.running {
			n++
		}
		s.mu.Unlock()
	}
	return n
}

func (d *Delivery) countPumped(why string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	setLazy(&d.why, why, d.why[why]+1)
}

// tally is counts that any goroutine may read.
type tally struct {
	delivered, gaps, aborted atomic.Int64
}

// store makes the tally c.
func (t *tally) store(c *cursor.Counts) {
	t.delivered.Store(c.Delivered)
	t.gaps.Store(c.Gaps)
	t.aborted.Store(c.Aborted)
}

// add adds what c has more than before.
func (t *tally) add(c, before *cursor.Counts) {
	t.delivered.Add(c.Delivered - before.Delivered)
	t.gaps.Add(c.Gaps - before.Gaps)
	t.aborted.Add(c.Aborted - before.Aborted)
}

func (t *tally) addTo(c *cursor.Counts) {
	c.Delivered += t.delivered.Load()
	c.Gaps += t.gaps.Load()
	c.Aborted += t.aborted.Load()
}

// setLazy sets a key of a map that may be nil: most shards need few of theirs.
func setLazy[K comparable, V any](m *map[K]V, k K, v V) {
	if *m == nil {
		*m = make(map[K]V)
	}
	(*m)[k] = v
}
