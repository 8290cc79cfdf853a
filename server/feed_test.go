package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/fastsse/fastsse/server/backplane"
)

// feed is a backplane in memory.
type feed struct {
	mu      sync.Mutex // guards all below
	epoch   string
	entries []backplane.Entry // those that are held
	last    uint64
	step    uint64 // between two sequences
	keys    map[string]uint64
	changed chan struct{} // closed with each change

	down    bool   // nothing can be reached
	mute    bool   // Append stores, and does not answer
	reads   int    // calls of Read
	onRead  func() // called in each Read, without the lock
	unheard bool   // Tail does not notice that the broker is down
}

func newFeed() *feed {
	return &feed{epoch: "feed1", step: 1, keys: map[string]uint64{}, changed: make(chan struct{})}
}

var errDown = errors.New("the broker is down")

// change calls f with the lock held, and wakes the tails.
func (f *feed) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *feed) setDown(down bool) { f.change(func() { f.down = down }) }

// anew deletes the stream and makes it again.
func (f *feed) anew(epoch string) {
	f.change(func() {
		f.epoch, f.entries, f.last, f.keys = epoch, nil, 0, map[string]uint64{}
	})
}

// drop drops the oldest entries up to one.
func (f *feed) drop(upTo uint64) {
	f.change(func() {
		for len(f.entries) > 0 && f.entries[0].Seq <= upTo {
			f.entries = f.entries[1:]
		}
	})
}

// put stores bytes that may be no entry.
func (f *feed) put(data []byte) {
	f.change(func() {
		f.last += f.step
		f.entries = append(f.entries, backplane.Entry{Seq: f.last, Data: bytes.Clone(data)})
	})
}

func (f *feed) Append(ctx context.Context, key string, entry []byte) (seq uint64, err error) {
	f.mu.Lock()
	if f.down {
		f.mu.Unlock()
		return 0, fmt.Errorf("%w: %w", errDown, backplane.ErrRefused)
	}
	seq, known := f.keys[key]
	mute := f.mute
	f.mu.Unlock()
	if !known {
		f.change(func() {
			if seq, known = f.keys[key]; known {
				return
			}
			f.last += f.step
			seq = f.last
			f.entries = append(f.entries, backplane.Entry{Seq: seq, Data: bytes.Clone(entry)})
			if key != "" {
				f.keys[key] = seq
			}
		})
	}
	if mute {
		<-ctx.Done()
		return 0, context.Cause(ctx)
	}
	return seq, nil
}

// after returns up to limit entries after seq. The caller holds mu.
func (f *feed) after(seq uint64, limit int) (page []backplane.Entry) {
	for _, e := range f.entries {
		if e.Seq > seq && len(page) < limit {
			page = append(page, backplane.Entry{Seq: e.Seq, Data: bytes.Clone(e.Data)})
		}
	}
	return page
}

func (f *feed) Tail(ctx context.Context, after backplane.Position, deliver func([]backplane.Entry) error) error {
	for {
		f.mu.Lock()
		down, changed, page := f.down && !f.unheard, f.changed, f.after(after.Seq, 1000)
		other := after.Epoch != f.epoch
		f.mu.Unlock()
		switch {
		case down:
			return errDown
		case other:
			return backplane.ErrOtherEpoch
		}
		if len(page) > 0 {
			after.Seq = page[len(page)-1].Seq
			if err := deliver(page); err != nil {
				return err
			}
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (f *feed) Read(ctx context.Context, after backplane.Position, limit int) ([]backplane.Entry, error) {
	f.mu.Lock()
	on := f.onRead
	f.mu.Unlock()
	if on != nil {
		on()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		return nil, errDown
	}
	if after.Epoch != f.epoch {
		return nil, backplane.ErrOtherEpoch
	}
	f.reads++
	return f.after(after.Seq, limit), ctx.Err()
}

func (f *feed) State(ctx context.Context) (backplane.State, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		return backplane.State{}, errDown
	}
	s := backplane.State{Epoch: f.epoch, First: f.last + 1, Last: f.last}
	if len(f.entries) > 0 {
		s.First = f.entries[0].Seq
	}
	return s, ctx.Err()
}
