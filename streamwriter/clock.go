package streamwriter

import (
	"container/heap"
	"sync"
	"time"
)

// heartbeats is the clock of all streams in the process. It has a goroutine while a
// stream is open, and nothing otherwise.
var heartbeats clock

// clock calls each stream's tick when it is due, on one goroutine. A tick does not
// block: it writes only to a socket that is known to have room. So no stream can delay
// the heartbeats of another.
type clock struct {
	mu      sync.Mutex // guards all below
	agenda  agenda
	entries map[*Writer]*appointment
	wake    chan struct{} // of the running goroutine, buffered; nil: there is no stream
}

type appointment struct {
	w     *Writer
	at    time.Time
	index int // in the agenda; -1: not in it
}

func (c *clock) add(w *Writer) {
	at := w.due(time.Now())
	if at.IsZero() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries == nil {
		c.entries = make(map[*Writer]*appointment)
	}
	a := &appointment{w: w, at: at}
	c.entries[w] = a
	heap.Push(&c.agenda, a)
	if c.wake == nil {
		c.wake = make(chan struct{}, 1)
		go c.run(c.wake)
		return
	}
	if a.index == 0 {
		c.wakeLocked()
	}
}

func (c *clock) remove(w *Writer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.entries[w]
	if a == nil {
		return
	}
	delete(c.entries, w)
	if a.index >= 0 {
		heap.Remove(&c.agenda, a.index)
	}
	if len(c.entries) == 0 {
		c.wakeLocked()
		c.wake, c.entries, c.agenda = nil, nil, nil // at which run ends
	}
}

func (c *clock) wakeLocked() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *clock) run(wake chan struct{}) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		w, wait, ok := c.next(wake, time.Now())
		switch {
		case !ok:
			return
		case w != nil:
			c.again(w, w.tick(time.Now()))
		default:
			timer.Reset(wait)
			select {
			case <-wake:
			case <-timer.C:
			}
		}
	}
}

// next takes a stream that is due off the agenda, or says how long to wait for one. ok
// is false once the last stream has left, even if another stream has started a new
// goroutine since: the goroutine that wake belongs to must end.
func (c *clock) next(wake chan struct{}, now time.Time) (w *Writer, wait time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wake != wake {
		return nil, 0, false
	}
	if len(c.agenda) == 0 { // the streams that are left need no more ticks
		return nil, time.Hour, true
	}
	if wait := c.agenda[0].at.Sub(now); wait > 0 {
		return nil, wait, true
	}
	return heap.Pop(&c.agenda).(*appointment).w, 0, true
}

// again puts w back on the agenda for its next tick, unless it has left or needs none.
func (c *clock) again(w *Writer, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a := c.entries[w]; a != nil && !at.IsZero() {
		a.at = at
		heap.Push(&c.agenda, a)
	}
}

// agenda is a heap of appointments, the soonest first.
type agenda []*appointment

func (g agenda) Len() int           { return len(g) }
func (g agenda) Less(i, j int) bool { return g[i].at.Before(g[j].at) }
func (g agenda) Swap(i, j int) {
	g[i], g[j] = g[j], g[i]
	g[i].index, g[j].index = i, j
}

func (g *agenda) Push(x any) {
	a := x.(*appointment)
	a.index = len(*g)
	*g = append(*g, a)
}

func (g *agenda) Pop() any {
	last := len(*g) - 1
	a := (*g)[last]
	(*g)[last] = nil
	*g = (*g)[:last]
	a.index = -1
	return a
}
