package backplanetest

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/fastsse/fastsse/server/backplane"
)

// Faults are what may be wrong with a feed in memory, or with one handle. The zero Faults
// is a feed that keeps the contract; Delay, Holes, Unreachable, Stalled, Refuse and LoseAcks
// are within it, the others break it.
type Faults struct {
	Delay       time.Duration // each Append, Read and State takes this long, as a network does
	Holes       uint64        // how many sequences are left out before each entry
	Unreachable bool          // calls fail at once, Append with ErrRefused; open Tails fail too
	Stalled     bool          // calls wait for their context, Append stores nothing; Tails fail after 5 seconds
	Refuse      bool          // Append stores nothing and returns ErrRefused
	LoseAcks    bool          // Append stores the entry, and returns an error that does not say so

	Lose       bool   // Tails leave out every third entry
	Double     bool   // Tails deliver every third entry twice
	Swap       bool   // Tails deliver entries in pairs, the newer first
	ForgetKeys bool   // keys of Append are not looked at
	LastLow    uint64 // State's Last is this much too low, as after a fail-over that lost writes
}

// join returns the faults of both.
func (f Faults) join(g Faults) Faults {
	return Faults{
		Delay: max(f.Delay, g.Delay), Holes: max(f.Holes, g.Holes),
		Unreachable: f.Unreachable || g.Unreachable, Stalled: f.Stalled || g.Stalled,
		Refuse: f.Refuse || g.Refuse, LoseAcks: f.LoseAcks || g.LoseAcks,
		Lose: f.Lose || g.Lose, Double: f.Double || g.Double, Swap: f.Swap || g.Swap,
		ForgetKeys: f.ForgetKeys || g.ForgetKeys, LastLow: max(f.LastLow, g.LastLow),
	}
}

// silence is how long a Tail of a stalled feed takes to notice.
const silence = 5 * time.Second

// Handle is a feed in memory as one hub has it: a backplane.Backplane. It may have faults
// of its own, so that one hub is cut off and the others are not.
type Handle struct {
	memory *Memory

	mu     sync.Mutex // guards faults
	faults Faults
}

// Set replaces the faults that this handle has, besides those of the feed.
func (h *Handle) Set(f Faults) {
	h.mu.Lock()
	h.faults = f
	h.mu.Unlock()
	h.memory.mu.Lock()
	defer h.memory.mu.Unlock()
	h.memory.changeLocked()
}

// current returns the faults that count, and a channel that is closed at the next change
// of the feed.
func (h *Handle) current() (Faults, <-chan struct{}) {
	h.memory.mu.Lock()
	all, changed := h.memory.faults, h.memory.changed
	h.memory.mu.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	return all.join(h.faults), changed
}

// reach does what every call begins with, and says why the call cannot go on.
func (h *Handle) reach(ctx context.Context) (Faults, error) {
	f, _ := h.current()
	switch {
	case ctx.Err() != nil:
		return f, context.Cause(ctx)
	case f.Unreachable:
		return f, ErrUnreachable
	case f.Stalled:
		<-ctx.Done()
		return f, context.Cause(ctx)
	}
	return f, pause(ctx, f.Delay)
}

// Append is Backplane's.
func (h *Handle) Append(ctx context.Context, name string, entry []byte) (uint64, error) {
	f, err := h.reach(ctx)
	switch {
	case err != nil:
		return 0, refused(err.Error())
	case f.Refuse:
		return 0, refused("it was told to")
	case len(name) > backplane.MostKeyBytes:
		return 0, refused(fmt.Sprintf("a key of %d bytes, %d are allowed", len(name), backplane.MostKeyBytes))
	}
	h.memory.mu.Lock()
	defer h.memory.mu.Unlock()
	if f.ForgetKeys {
		name = ""
	}
	seq := h.memory.appendLocked(name, entry, f)
	if f.LoseAcks {
		return 0, fmt.Errorf("backplanetest: the answer to an append was lost: %w", ErrUnreachable)
	}
	return seq, nil
}

// Read is Backplane's.
func (h *Handle) Read(ctx context.Context, after backplane.Position, limit int) ([]backplane.Entry, error) {
	if _, err := h.reach(ctx); err != nil {
		return nil, err
	}
	page, err := h.memory.page(after, limit)
	return copies(page), err
}

// copies returns entries that belong to the caller.
func copies(page []backplane.Entry) (own []backplane.Entry) {
	for _, e := range page {
		own = append(own, backplane.Entry{Seq: e.Seq, Data: bytes.Clone(e.Data)})
	}
	return own
}

// State is Backplane's.
func (h *Handle) State(ctx context.Context) (backplane.State, error) {
	f, err := h.reach(ctx)
	if err != nil {
		return backplane.State{}, err
	}
	h.memory.mu.Lock()
	defer h.memory.mu.Unlock()
	m := h.memory
	return backplane.State{Epoch: m.epoch, First: m.first, Last: m.last - min(m.last, f.LastLow)}, nil
}
