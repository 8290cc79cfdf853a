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
// (pings and heartbeats are missed), whenever the connection is lost, and if a message is lost
// between server and client.
func (b *Backplane) Tail(ctx context.Context, after backplane.Position, deliver func([]backplane.Entry) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	inner, cancel := b.untilLost(ctx)
	defer cancel()
	err := b.tail(inner, after, deliver)
	if other := b.otherEpoch(inner, after.Epoch, err); other != nil {
		err = other
	}
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

// tail makes a consumer, and asks for the stream's epoch afterwards. A consumer is deleted with
// its stream, so all that it sends is of that epoch.
func (b *Backplane) tail(ctx context.Context, after backplane.Position, deliver func([]backplane.Entry) error) error {
	c, err := b.consume(ctx, after.Seq)
	if err != nil {
		return err
	}
	defer c.dismiss()
	if _, err := b.infoOf(ctx, after.Epoch); err != nil {
		return err
	}
	return c.hand(ctx, deliver)
}

// otherWithin is how long a Tail that has failed asks for the stream's epoch: a cluster drops
// questions while the new stream has no leader. Missed heartbeats take 4 s before that.
const otherWithin = 5 * time.Second

// otherEpoch returns an error that wraps ErrOtherEpoch if that is why a Tail has failed with
// err: without its stream, a consumer cannot be made, or is gone.
func (b *Backplane) otherEpoch(ctx context.Context, epoch string, err error) error {
	silent := errors.Is(err, context.DeadlineExceeded)
	if silent || errors.As(err, new(deliverError)) || errors.Is(err, backplane.ErrOtherEpoch) || ctx.Err() != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, otherWithin)
	defer cancel()
	_, other := b.infoOf(ctx, epoch)
	// A member that has not heard yet that the stream is gone still tells of the old one.
	for tries := 0; other == nil && errors.Is(err, jetstream.ErrConsumerDeleted) && tries < mostRetries; tries++ {
		time.Sleep(retryAfter)
		_, other = b.infoOf(ctx, epoch)
	}
	if errors.Is(other, backplane.ErrOtherEpoch) {
		return other
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
	ctx, cancel := undated(ctx)
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

// undated returns a context that ends with ctx, but has no deadline: the client would not ask
// for messages shortly before it.
func undated(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	c, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	return c, cancel
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
