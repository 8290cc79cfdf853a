package nats

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fastsse/fastsse/server/backplane"
)

const (
	mostOfPage = 8 << 20 // bytes of entries after which Read returns what it has
	readWithin = 15 * time.Second
	behindWait = 20 * time.Millisecond // for a replica that lags behind the stream's leader
)

// Read is Backplane's. A page is cut after 8 MiB.
func (b *Backplane) Read(ctx context.Context, after uint64, limit int) ([]backplane.Entry, error) {
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

// page asks replicas until it has all that the stream's leader has, as far as the limits go.
func (b *Backplane) page(ctx context.Context, after uint64, limit int) ([]backplane.Entry, error) {
	r := &request{after: after, limit: limit}
	for {
		info, err := b.info(ctx)
		if err != nil {
			return nil, err
		}
		if info.State.Msgs == 0 || r.after >= info.State.LastSeq || r.full() {
			return r.page, nil
		}
		before := r.after
		if err := b.get(ctx, r); err != nil {
			return nil, err
		}
		if r.full() || r.after >= info.State.LastSeq {
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
