package nats

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fastsse/fastsse/server/backplane"
)

const (
	mostOfPage = 1 << 20 // bytes of entries after which Read returns what it has
	readWithin = 15 * time.Second
	behindWait = 20 * time.Millisecond // for a replica that lags behind the stream's leader
)

// Read is Backplane's. A page is cut after 1 MiB.
func (b *Backplane) Read(ctx context.Context, after backplane.Position, limit int) ([]backplane.Entry, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, readWithin, errors.New("entries have not come for 15 seconds"))
	defer cancel()
	ctx, cancelLost := b.untilLost(ctx)
	defer cancelLost()
	page, err := b.page(ctx, after, limit)
	if err != nil {
		return nil, fmt.Errorf("nats: read feed %s at %s: %w", b.options.Feed, b.where(), reason(ctx, err))
	}
	return page, nil
}

// page asks replicas until it has all that the stream's leader had when it was asked first,
// as far as the limits go. The leader is asked after each answer: it says whether the stream
// was the position's until then. That is two round trips, and two more each time that entries
// were appended in between, or the replica lags behind.
func (b *Backplane) page(ctx context.Context, after backplane.Position, limit int) ([]backplane.Entry, error) {
	r := &request{after: after.Seq, limit: limit}
	last, known := uint64(0), false // of the stream
	for {
		before := r.after
		getErr := b.get(ctx, r)
		info, err := b.infoOf(ctx, after.Epoch)
		switch {
		case errors.Is(err, backplane.ErrOtherEpoch), err != nil && getErr == nil:
			return nil, err
		case getErr != nil:
			return nil, getErr
		}
		if !known {
			last, known = info.State.LastSeq, true
		}
		if info.State.Msgs == 0 || r.after >= last || r.full() {
			return r.page, nil
		}
		if r.after > before {
			continue
		}
		select {
		case <-time.After(behindWait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
