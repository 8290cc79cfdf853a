package backplanetest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/fastsse/fastsse/server/backplane"
)

// mostOfBatch is how many entries a Tail hands over at once.
const mostOfBatch = 256

// Tail is Backplane's. What it hands to deliver is overwritten when deliver has returned,
// so that a hub which keeps it is found out.
func (h *Handle) Tail(ctx context.Context, after backplane.Position, deliver func([]backplane.Entry) error) error {
	for {
		f, changed := h.current()
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case f.Unreachable:
			return ErrUnreachable
		case f.Stalled:
			if err := stall(ctx, h); err != nil {
				return err
			}
			continue
		}
		batch, err := h.memory.page(after, mostOfBatch)
		if err != nil {
			return err
		}
		if len(batch) == 0 || f.Swap && len(batch) == 1 {
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		after.Seq = batch[len(batch)-1].Seq
		if err := lend(f.spoil(batch), deliver); err != nil {
			return err
		}
	}
}

// stall waits until the handle is not stalled any more, or for as long as that may go
// unnoticed.
func stall(ctx context.Context, h *Handle) error {
	timer := time.NewTimer(silence)
	defer timer.Stop()
	for {
		f, changed := h.current()
		if !f.Stalled {
			return nil
		}
		select {
		case <-changed:
		case <-timer.C:
			return fmt.Errorf("%w: nothing was heard of it for %v", ErrUnreachable, silence)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// lend calls deliver with copies, which it spoils afterwards.
func lend(batch []backplane.Entry, deliver func([]backplane.Entry) error) error {
	lent := copies(batch)
	defer func() {
		for i := range lent {
			for j := range lent[i].Data {
				lent[i].Data[j] = '?'
			}
			lent[i] = backplane.Entry{}
		}
	}()
	return deliver(lent)
}

// spoil returns a batch as a faulty broker delivers it.
func (f Faults) spoil(batch []backplane.Entry) []backplane.Entry {
	if !f.Lose && !f.Double && !f.Swap {
		return batch
	}
	var spoiled []backplane.Entry
	for _, e := range batch {
		third := e.Seq%3 == 0
		if f.Lose && third {
			continue
		}
		spoiled = append(spoiled, e)
		if f.Double && third {
			spoiled = append(spoiled, e)
		}
	}
	if f.Swap {
		for pair := range slices.Chunk(spoiled, 2) {
			slices.Reverse(pair)
		}
	}
	return spoiled
}
