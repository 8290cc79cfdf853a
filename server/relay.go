package server

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/delivery"
	"github.com/fastsse/fastsse/internal/eventlog"
	"github.com/fastsse/fastsse/server/backplane"
)

// relay brings the broker's entries into the hub's history, in the broker's order, on a
// goroutine of its own.
type relay struct {
	// Static after construction.
	hub     *Hub
	feed    backplane.Backplane
	ctx     context.Context // done when the hub is closed
	stop    context.CancelFunc
	reading context.Context // done when read-backs are to end at once
	endRead context.CancelFunc
	asking  chan struct{} // holds a token per stream that asks the broker

	at        atomic.Uint64 // the entries up to it are in the history; set by the goroutine
	last      atomic.Uint64 // the newest entry that is known of
	connected atomic.Bool
	refused   bool // the goroutine's: an entry could not be read, which was logged
	newest    seen // the goroutine's: the newest entry that is in the history

	reconnects, readBacks, losses, epochs atomic.Int64

	own ownEntries // that are being published

	mu      sync.Mutex              // guards recheck
	recheck context.CancelCauseFunc // ends the Tail under way
}

const (
	askTimeout = 10 * time.Second // for State, and for a page
	loaded     = 1024             // entries that a hub begins with, at most: some 10 ms of New
	pageLimit  = 256              // entries that are read at once
	firstPage  = 64               // that are read first for a stream
	mostAsking = 16               // streams that ask the broker at the same time
	mostPause  = 2 * time.Second  // between two attempts to reach the broker
)

// errRecheck is why a Tail ends before the relay looks at the broker's stream.
var errRecheck = errors.New("the broker's stream is to be looked at again")

// longAgo is for how long the clock of a hub with a backplane has been running when the hub
// is made: events have times from before that.
const longAgo = 10 * 365 * 24 * time.Hour

// startRelay makes the hub's first epoch, with the newest of what the broker holds, and
// starts the relay.
func (h *Hub) startRelay() error {
	h.born = h.born.Add(-longAgo)
	r := &relay{hub: h, feed: h.cfg.Backplane, asking: make(chan struct{}, mostAsking)}
	r.ctx, r.stop = context.WithCancel(context.Background())
	r.reading, r.endRead = context.WithCancel(r.ctx)
	ctx, cancel := context.WithTimeout(r.ctx, askTimeout)
	defer cancel()
	st, err := r.feed.State(ctx)
	if err == nil {
		err = checkState(st)
	}
	var e *epoch
	var at uint64
	if err == nil {
		e, at, err = r.load(st)
	}
	if err != nil {
		r.stop()
		return fmt.Errorf("server: the backplane cannot be read: %w; check that the broker runs and can be reached, and call New again", err)
	}
	r.at.Store(at)
	r.sawLast(st.Last)
	r.connected.Store(true)
	h.relay = r
	h.epochs.now.Store(e)
	h.work.Add(1)
	go r.run()
	return nil
}

// checkState returns an error for a state that ids cannot be made of.
func checkState(st backplane.State) error {
	if n := len(st.Epoch); n == 0 || n > 32 {
		return fmt.Errorf("its epoch %q does not have 1 to 32 bytes", st.Epoch)
	}
	if _, _, native := eventlog.ParseID(st.Epoch + "-1"); !native {
		return fmt.Errorf("its epoch %q cannot begin an id", st.Epoch)
	}
	return nil
}

// load makes an epoch of the newest entries, and returns the last one that is in it.
func (r *relay) load(st backplane.State) (e *epoch, at uint64, err error) {
	e = r.hub.newEpoch(st.Epoch)
	at = max(st.Last, loaded) - loaded
	if st.First > 0 {
		at = max(at, min(st.First-1, st.Last))
	}
	if at > 0 {
		e.history.Lose(endOf(at))
	}
	var newest seen
	for at < st.Last {
		page, held, err := r.loadPage(e, at)
		if err != nil {
			return nil, 0, err
		}
		if len(page) == 0 { // dropped meanwhile
			e.history.Lose(endOf(st.Last))
			at, newest = st.Last, seen{}
			break
		}
		for i := range page {
			if seq := page[i].Seq; seq > at+1 && held > at+1 { // dropped meanwhile
				e.history.Lose(firstOf(min(seq, held)) - 1)
			}
			r.commit(e, &page[i], false)
			at = page[i].Seq
		}
		newest = seeing(&page[len(page)-1])
	}
	r.newest = newest
	return e, at, nil
}

// run is the relay's goroutine.
func (r *relay) run() {
	defer r.hub.work.done()
	pause := mostPause / 64
	for {
		before := r.at.Load()
		err := r.tail()
		if r.ctx.Err() != nil {
			return
		}
		r.disconnected(err)
		for {
			if r.at.Load() > before {
				pause, before = mostPause/64, r.at.Load()
			}
			if !r.sleep(pause/2 + rand.N(pause/2)) {
				return
			}
			pause = min(2*pause, mostPause)
			if err = r.resume(); err == nil {
				break
			}
			if r.ctx.Err() != nil {
				return
			}
			r.disconnected(err)
		}
		if r.connected.CompareAndSwap(false, true) {
			r.reconnects.Add(1)
			r.hub.logger().Printf("server: the backplane is back")
		}
	}
}

// tail reads entries as they come, until that fails.
func (r *relay) tail() error {
	ctx, cancel := context.WithCancelCause(r.ctx)
	defer cancel(nil)
	r.mu.Lock()
	r.recheck = cancel
	r.mu.Unlock()
	at := backplane.Position{Epoch: r.hub.current().history.Epoch(), Seq: r.at.Load()}
	err := r.feed.Tail(ctx, at, r.deliver)
	if err == nil {
		err = errors.New("the backplane's Tail has returned without an error")
	}
	return err
}

// sleep returns false if the hub was closed meanwhile.
func (r *relay) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.ctx.Done():
		return false
	}
}

// disconnected notes an error, and logs it if it is the first since all was well. That the
// stream has another epoch is an answer of the broker: it can be read.
func (r *relay) disconnected(err error) {
	if errors.Is(err, errRecheck) || errors.Is(err, backplane.ErrOtherEpoch) {
		return
	}
	if r.connected.CompareAndSwap(true, false) {
		r.hub.logger().Printf("server: the backplane cannot be read: %v; streams stay open, and the hub tries again", err)
	}
}

// resume looks at the broker's stream before the next Tail: has it been made anew, or
// dropped what the hub has not read?
func (r *relay) resume() error {
	ctx, cancel := context.WithTimeout(r.ctx, askTimeout)
	defer cancel()
	e, at := r.hub.current(), r.at.Load()
	there, err := r.look(ctx, e, at) // first: what was dropped since is not taken for lost
	if err != nil {
		return err
	}
	st, err := r.feed.State(ctx)
	if err == nil {
		err = checkState(st)
	}
	if err != nil {
		return err
	}
	if st.Epoch != e.history.Epoch() || st.Last < at {
		return r.renew(st)
	}
	r.sawLast(st.Last)
	if there == differs || there == missing && st.First <= at {
		r.forget(e, st.Last)
		return nil
	}
	if dropped := min(st.First-1, st.Last); st.First > 0 && dropped > at {
		r.lose(e, dropped)
	}
	return nil
}

// renew goes on with the stream that has taken the place of the one that was read.
func (r *relay) renew(st backplane.State) error {
	e, at, err := r.load(st)
	if err != nil {
		return err
	}
	if was := r.at.Load(); e.history.Epoch() == r.hub.current().history.Epoch() {
		e.doubt.Store(&doubt{after: endOf(st.Last), before: behind(was)})
	}
	last := r.hub.epochs.succeed(e)
	r.epochs.Add(1)
	r.at.Store(at)
	r.last.Store(st.Last)
	r.hub.logger().Printf("server: the backplane's stream was made anew: epoch %s was at entry %d, and epoch %s is at %d; the streams are told to come back, and get a gap event",
		last.history.Epoch(), entryOf(last.history.Newest()), st.Epoch, at)
	r.own.wake()
	if d := e.doubt.Load(); d != nil {
		notify(last, last.history.Forget(d.before, d.after))
	}
	r.hub.work.Add(1)
	go r.hub.endEpoch(last)
	return nil
}

// endEpoch ends the streams of an epoch that is over: each when it has been sent
// everything, but in a few seconds.
func (h *Hub) endEpoch(e *epoch) {
	defer h.work.done()
	e.delivery.Drain(h.drain(e))
	h.relay.sleep(delivery.LingerFor)
	e.delivery.Cut(cursor.Drained)
	for e.delivery.Running() > 0 && h.relay.sleep(100*time.Millisecond) {
	}
	if h.relay.ctx.Err() == nil {
		h.epochs.gone(e)
	}
}

// deliver takes what Tail reads.
func (r *relay) deliver(entries []backplane.Entry) error {
	e, at := r.hub.current(), r.at.Load()
	hole := false
	for i := range entries {
		if entries[i].Seq <= at {
			return fmt.Errorf("entry %d came after entry %d, which breaks the contract of a backplane", entries[i].Seq, at)
		}
		hole = hole || entries[i].Seq != at+1
		at = entries[i].Seq
	}
	held := uint64(0) // the oldest entry that the broker holds; 0: all are here
	if hole {
		ctx, cancel := context.WithTimeout(r.ctx, askTimeout)
		defer cancel()
		st, err := r.stateOf(ctx, e)
		if err != nil {
			return err
		}
		held = st.First
	}
	r.sawLast(at)
	for i := range entries {
		if before, seq := r.at.Load(), entries[i].Seq; seq > before+1 && held > before+1 {
			r.lose(e, min(seq, held)-1)
		}
		r.commit(e, &entries[i], true)
		r.at.Store(entries[i].Seq)
	}
	r.newest = seeing(&entries[len(entries)-1])
	r.own.wake()
	return nil
}

// stateOf returns the state of the stream of an epoch. The error wraps ErrOtherEpoch if the
// broker's stream is another one.
func (r *relay) stateOf(ctx context.Context, e *epoch) (backplane.State, error) {
	st, err := r.feed.State(ctx)
	if err == nil && st.Epoch != e.history.Epoch() {
		err = fmt.Errorf("epoch %s is now %s: %w", e.history.Epoch(), st.Epoch, backplane.ErrOtherEpoch)
	}
	return st, err
}

// commit writes an entry into the history of e. What cannot be read is lost, and said so. A
// new entry counts as published now, whatever the publisher's clock says, and however long it
// was on its way: it must not be too old for the streams that are open.
func (r *relay) commit(e *epoch, entry *backplane.Entry, isNew bool) {
	defer r.own.find(entry.Data, e, entry.Seq)
	at, messages, err := readEntry(entry.Data, e.history.Epoch())
	if isNew {
		at = time.Now()
	}
	if err == nil {
		err = r.commitAll(e, entry.Seq, at, messages)
	}
	if err == nil {
		return
	}
	if !r.refused {
		r.refused = true
		r.hub.logger().Printf("server: entry %d of the backplane's stream is no entry of a hub: %v; the streams are told of a gap (this is logged once)", entry.Seq, err)
	}
	r.loseUpTo(e, endOf(entry.Seq))
}

// commitAll writes the messages of an entry into the history of e, and notifies readers.
func (r *relay) commitAll(e *epoch, entry uint64, at time.Time, messages []Message) error {
	b := e.history.NewBatch()
	defer b.Recycle()
	for i := range messages {
		m := &messages[i]
		b.Add(m.Topic, &m.Event, m.Ephemeral, firstOf(entry)+uint64(i))
	}
	if err := e.history.Commit(b, r.hub.timeOf(at)); err != nil {
		return err
	}
	for _, t := range b.Changed() {
		e.delivery.Notify(t)
	}
	return nil
}

// timeOf is a time on the hub's clock, in milliseconds; what is in the future, by the clock
// of another machine, counts as now.
func (h *Hub) timeOf(at time.Time) int64 {
	now := h.now()
	return min(max(now-time.Since(at).Milliseconds(), 0), now)
}

// sawLast notes that an entry exists.
func (r *relay) sawLast(entry uint64) {
	for {
		last := r.last.Load()
		if last >= entry || r.last.CompareAndSwap(last, entry) {
			return
		}
	}
}

// stats returns Stats.Backplane.
func (r *relay) stats() *BackplaneStats {
	at := r.at.Load()
	return &BackplaneStats{
		Connected:  r.connected.Load() && r.ctx.Err() == nil,
		Behind:     int64(max(r.last.Load(), at) - at),
		Reconnects: r.reconnects.Load(),
		ReadBacks:  r.readBacks.Load(),
		Losses:     r.losses.Load(),
		Epochs:     r.epochs.Load(),
	}
}
