package nats

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/fastsse/fastsse/server/backplane"
)

const (
	mostOfPage = 8 << 20 // bytes of entries after which Read returns what it has
	readWithin = 15 * time.Second
)

// Read is Backplane's. A page is cut after 8 MiB.
func (b *Backplane) Read(ctx context.Context, after uint64, limit int) ([]backplane.Entry, error) {
	info, err := b.info(ctx)
	if err != nil {
		return nil, err
	}
	if info.State.Msgs == 0 || after >= info.State.LastSeq {
		return nil, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, readWithin, errors.New("entries have not come for 15 seconds"))
	defer cancel()
	ctx, cancelLost := b.untilLost(ctx)
	defer cancelLost()
	page, err := b.page(ctx, after, info.State.LastSeq, limit)
	if err != nil {
		return nil, fmt.Errorf("nats: read feed %s at %s: %w", b.options.Feed, b.where(), reason(ctx, err))
	}
	return page, nil
}

// page reads up to the sequence last, which is stored.
func (b *Backplane) page(ctx context.Context, after, last uint64, limit int) (page []backplane.Entry, err error) {
	c, err := b.consume(ctx, after)
	if err != nil {
		return nil, err
	}
	defer c.dismiss()
	it, err := c.messages(min(limit, mostAhead))
	if err != nil {
		return nil, err
	}
	defer it.Stop()
	for size := 0; len(page) < limit && c.last < last && size < mostOfPage; {
		m, err := it.Next(jetstream.NextContext(ctx))
		if err != nil {
			return nil, err
		}
		seq, wanted, err := c.take(m)
		if err != nil {
			return nil, err
		}
		if wanted {
			page = append(page, backplane.Entry{Seq: seq, Data: m.Data()})
			size += len(m.Data())
		}
	}
	return page, nil
}
