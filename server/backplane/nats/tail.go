package nats

import (
	"context"
	"errors"
	"fmt"
	"time"

	natsio "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/fastsse/fastsse/server/backplane"
)

// mostOfBatch is how many entries deliver gets at once.
const mostOfBatch = 256

const (
	retryAfter  = 50 * time.Millisecond
	mostRetries = 40
)

// Tail is Backplane's. It returns an error if the server does not answer for some seconds
// (pings and heartbeats are missed), whenever the connection is lost, if a message is lost
// between server and client, and if the stream is not the one that State has described.
func (b *Backplane) Tail(ctx context.Context, after uint64, deliver func([]backplane.Entry) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	inner, cancel := b.untilLost(ctx)
	defer cancel()
	err := b.tail(inner, after, deliver)
	var own deliverError
	switch {
	case errors.As(err, &own):
		return own.error
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return fmt.Errorf("nats: tail feed %s at %s: %w", b.options.Feed, b.where(), reason(inner, err))
}

// deliverError is an error that deliver returned.
type deliverError struct{ error }

func (b *Backplane) tail(ctx context.Context, after uint64, deliver func([]backplane.Entry) error) error {
	c, err := b.consume(ctx, after)
	if err != nil {
		return err
	}
	defer c.dismiss()
	if err := b.sameStream(ctx); err != nil {
		return err
	}
	return c.hand(ctx, deliver)
}

// sameStream returns an error if the stream was made anew since State was asked.
func (b *Backplane) sameStream(ctx context.Context) error {
	stream, err := b.js.Stream(ctx, b.options.Feed)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := epochOf(stream.CachedInfo()); now != b.epoch {
		return fmt.Errorf("the stream was deleted and made again: epoch %s is now %s", b.epoch, now)
	}
	return nil
}

// arrival is a message, or the error that ends them.
type arrival struct {
	m   jetstream.Msg
	err error
}

// hand gives deliver what comes, until an error.
func (c *consumer) hand(ctx context.Context, deliver func([]backplane.Entry) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	in := &intake{}
	arrivals := make(chan arrival, mostOfBatch)
	go in.receive(ctx, c, arrivals)
	go c.audit(ctx, cancel, in)
	for {
		batch, failed := c.gather(ctx, arrivals)
		if len(batch) > 0 {
			if err := deliver(batch); err != nil {
				return deliverError{err}
			}
		}
		if failed != nil {
			return reason(ctx, failed)
		}
	}
}

// receive asks for one batch after the other. The library's buffer is as large as a batch, so
// a slow deliver does not make it overflow.
func (in *intake) receive(ctx context.Context, c *consumer, arrivals chan<- arrival) {
	for {
		err := in.batch(ctx, c, arrivals)
		if errors.Is(err, natsio.ErrNoResponders) && in.received.Load() == 0 && in.retries < mostRetries {
			in.retries++ // in a cluster, the news of a consumer may be on its way
			time.Sleep(retryAfter)
			continue
		}
		if err != nil {
			select {
			case arrivals <- arrival{err: err}:
			case <-ctx.Done():
			}
			return
		}
	}
}

// batch passes on a batch, until it is full or old.
func (in *intake) batch(ctx context.Context, c *consumer, arrivals chan<- arrival) error {
	batch, err := c.fetch(ctx)
	if err != nil {
		return err
	}
	in.waiting.Store(true)
	defer in.waiting.Store(false)
	for m := range batch.Messages() {
		in.waiting.Store(false)
		in.received.Add(1)
		select {
		case arrivals <- arrival{m: m}:
		case <-ctx.Done():
			return ctx.Err()
		}
		in.waiting.Store(true)
	}
	err = batch.Error()
	if errors.Is(err, natsio.ErrTimeout) || errors.Is(err, jetstream.ErrMaxBytesExceeded) {
		err = nil
	}
	return err
}

// gather waits for a message, and returns it with those that are there. What came before an
// error is returned with it.
func (c *consumer) gather(ctx context.Context, arrivals <-chan arrival) (batch []backplane.Entry, err error) {
	var a arrival
	select {
	case a = <-arrivals:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for {
		if a.err != nil {
			return batch, a.err
		}
		seq, wanted, err := c.take(a.m)
		if err != nil {
			return batch, err
		}
		if wanted {
			batch = append(batch, backplane.Entry{Seq: seq, Data: a.m.Data()})
		}
		if len(batch) == mostOfBatch {
			return batch, nil
		}
		select {
		case a = <-arrivals:
		default:
			return batch, nil
		}
	}
}
