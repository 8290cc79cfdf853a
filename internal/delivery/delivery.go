package delivery

import (
	"sync"
	"sync/atomic"

	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/eventlog"
)

// Delivery holds all streams of a hub and writes their events. Its methods may be called
// by any goroutine. Without streams it has no goroutine and no timer.
type Delivery struct {
	host   Host
	shards []*shard
	next   atomic.Uint32 // counts streams, to spread them over the shards
	eras   eras

	parked    atomic.Int64 // streams
	lingering atomic.Int64 // ended streams whose connections wait for their clients to close
	pumped    tally        // counts of all pumps

	mu  sync.Mutex       // guards why
	why map[string]int64 // streams that ever got a pump, by why
}

// New makes a delivery with so many shards, from 1 to 64: topics refer to them by the bits
// of a word.
func New(host Host, shards int) *Delivery {
	d := &Delivery{host: host}
	d.eras.now.Store(new(Era))
	for i := range shards {
		d.shards = append(d.shards, newShard(d, i))
	}
	return d
}

// Notify tells the shards that have readers of t that t has new events. It does not wait
// for readers.
func (d *Delivery) Notify(t *eventlog.Topic) {
	for mask := t.Shards.Load() &^ t.Notified.Load(); mask != 0; mask &= mask - 1 {
		bit := mask & -mask
		if t.Notified.Or(bit)&bit == 0 {
			d.shards[shardOf(bit)].notify(t)
		}
	}
}

// Drain asks every stream to end as how says. It does not wait.
func (d *Delivery) Drain(how cursor.Drain) { d.broadcast(command{kind: drainAll, drain: how}) }

// Cut ends every stream at once: with its farewell if the socket takes it, and otherwise
// without, even inside an event. It does not wait.
func (d *Delivery) Cut(why cursor.Reason) { d.broadcast(command{kind: cutAll, why: why}) }

func (d *Delivery) broadcast(c command) {
	for _, s := range d.shards {
		s.send(c)
	}
}

// pickShard returns the shard of the next stream: each in turn.
func (d *Delivery) pickShard() *shard {
	return d.shards[d.next.Add(1)%uint32(len(d.shards))]
}

// Stats are the figures of a delivery.
type Stats struct {
	cursor.Counts
	Parked  int64 // streams that are parked now
	Lagging int64 // streams that could not be written to: see lag
	Behind  int64 // how many events the furthest of these is behind
	// WhyPumped counts the streams that ever got a pump, by why they were not parked.
	WhyPumped map[string]int64
}

// Stats returns the figures, which are read one after the other. The caller owns the map.
func (d *Delivery) Stats() Stats {
	s := Stats{Parked: d.parked.Load(), WhyPumped: map[string]int64{}}
	d.pumped.addTo(&s.Counts)
	for _, sh := range d.shards {
		sh.tally.addTo(&s.Counts)
		s.Lagging += sh.lag.streams.Load()
		s.Behind = max(s.Behind, sh.lag.behind.Load())
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for why, n := range d.why {
		s.WhyPumped[why] = n
	}
	return s
}

// Lingering returns how many ended streams have connections that wait for their clients
// to close.
func (d *Delivery) Lingering() int64 { return d.lingering.Load() }

// Running returns how many shards have a goroutine.
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

// countPumped counts a stream that gets a pump.
func (d *Delivery) countPumped(why string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	setLazy(&d.why, why, d.why[why]+1)
}

// tally is cursor.Counts that any goroutine may read.
type tally struct {
	delivered, replayed, gaps, aborted atomic.Int64
}

// store sets the tally to c.
func (t *tally) store(c *cursor.Counts) {
	t.delivered.Store(c.Delivered)
	t.replayed.Store(c.Replayed)
	t.gaps.Store(c.Gaps)
	t.aborted.Store(c.Aborted)
}

// add adds the difference between c and before.
func (t *tally) add(c, before *cursor.Counts) {
	t.delivered.Add(c.Delivered - before.Delivered)
	if n := c.Replayed - before.Replayed; n != 0 {
		t.replayed.Add(n)
	}
	t.gaps.Add(c.Gaps - before.Gaps)
	t.aborted.Add(c.Aborted - before.Aborted)
}

// addTo adds the tally to c.
func (t *tally) addTo(c *cursor.Counts) {
	c.Delivered += t.delivered.Load()
	c.Replayed += t.replayed.Load()
	c.Gaps += t.gaps.Load()
	c.Aborted += t.aborted.Load()
}

// setLazy sets a key of a map, which it makes if it is nil: most shards need few of their
// maps.
func setLazy[K comparable, V any](m *map[K]V, k K, v V) {
	if *m == nil {
		*m = make(map[K]V)
	}
	(*m)[k] = v
}
