package nats

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// consumer reads a stream from a sequence on, once: the server keeps its position for it.
type consumer struct {
	jetstream.Consumer
	b    *Backplane
	last uint64 // the sequence of the newest entry that it returned, or after
	nth  uint64 // how many messages it has returned
}

const (
	unusedFor  = 2 * time.Minute // how long the server keeps a consumer that nobody asks for messages
	bytesAhead = 8 << 20         // of a batch, unless two messages may be larger
	heartbeat  = 2 * time.Second // of the server, if it has nothing to send; two may be missed
)

func (b *Backplane) consume(ctx context.Context, after uint64) (*consumer, error) {
	c, err := b.js.CreateConsumer(ctx, b.options.Feed, jetstream.ConsumerConfig{
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       after + 1,
		AckPolicy:         jetstream.AckNonePolicy,
		ReplayPolicy:      jetstream.ReplayInstantPolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: unusedFor,
	})
	if err != nil {
		return nil, err
	}
	return &consumer{Consumer: c, b: b, last: after}, nil
}

// fetch asks for messages, and returns a batch in which they come until it is full or old.
func (c *consumer) fetch(ctx context.Context) (jetstream.MessageBatch, error) {
	return c.Fetch(mostOfBatch,
		jetstream.FetchMaxBytes(max(bytesAhead, 2*int(c.b.conn.MaxPayload()))),
		jetstream.FetchHeartbeat(heartbeat),
		jetstream.FetchContext(ctx))
}

// take checks that a message is the consumer's next, and returns its sequence. wanted is
// false for one that is not after the sequence at which the consumer begins: the server
// begins at the end of the stream if that lies above it.
func (c *consumer) take(m jetstream.Msg) (seq uint64, wanted bool, err error) {
	meta, err := m.Metadata()
	if err != nil {
		return 0, false, err
	}
	c.nth++
	if meta.Sequence.Consumer != c.nth {
		return 0, false, fmt.Errorf("messages were lost on their way: number %d came as number %d", meta.Sequence.Consumer, c.nth)
	}
	if meta.Sequence.Stream <= c.last {
		return 0, false, nil
	}
	c.last = meta.Sequence.Stream
	return c.last, true, nil
}

// dismiss deletes the consumer at the server, in the background: it would go by itself.
func (c *consumer) dismiss() {
	if !c.b.connected.Load() {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = c.b.js.DeleteConsumer(ctx, c.b.options.Feed, c.CachedInfo().Name)
	}()
}
