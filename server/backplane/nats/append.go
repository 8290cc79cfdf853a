package nats

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	natsio "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/fastsse/fastsse/server/backplane"
)

// conflictWait is for how long Append waits for another one with the same key.
const conflictWait = 10 * time.Millisecond

// Append is Backplane's. The entry is refused if it is larger than the server's max_payload,
// if there is no connection, or if no stream takes it.
func (b *Backplane) Append(ctx context.Context, key string, entry []byte) (uint64, error) {
	if len(key) > backplane.MostKeyBytes {
		return 0, fmt.Errorf("nats: append to feed %s: a key of %d bytes, at most %d are allowed: %w",
			b.options.Feed, len(key), backplane.MostKeyBytes, backplane.ErrRefused)
	}
	if ctx.Err() != nil {
		return 0, b.appendError(context.Cause(ctx), true)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 30*time.Second, errors.New("no answer for 30 seconds"))
	defer cancel()
	ctx, cancelLost := b.untilLost(ctx)
	defer cancelLost()
	if ctx.Err() != nil {
		return 0, b.appendError(context.Cause(ctx), true)
	}
	entry = bytes.Clone(entry) // it may be sent after Append has returned
	answers := make(chan answer, 1)
	go func() {
		ack, err := b.publish(ctx, key, entry)
		answers <- answer{ack, err}
	}()
	select {
	case a := <-answers:
		if a.err != nil {
			return 0, b.appendError(reason(ctx, a.err), refusedFor(a.err))
		}
		return a.ack.Sequence, nil
	case <-ctx.Done(): // the client may be held up in a write
		return 0, b.appendError(context.Cause(ctx), false)
	}
}

// answer is what became of a message.
type answer struct {
	ack *jetstream.PubAck
	err error
}

// publish sends the entry, again as long as another with its key is in the works.
func (b *Backplane) publish(ctx context.Context, key string, entry []byte) (*jetstream.PubAck, error) {
	options := []jetstream.PublishOpt{jetstream.WithExpectStream(b.options.Feed)}
	if key != "" {
		options = append(options, jetstream.WithMsgID(base64.RawURLEncoding.EncodeToString([]byte(key))))
	}
	for {
		ack, err := b.js.PublishMsg(ctx, &natsio.Msg{Subject: b.options.Subject, Data: entry}, options...)
		if code(err) != codeKeyInProcess {
			return ack, err
		}
		select {
		case <-time.After(conflictWait):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// refusedFor says whether it is certain after an error that nothing was stored: the client
// has not sent the message, nobody has received it, or the server has found it bad.
func refusedFor(err error) bool {
	for _, certain := range []error{
		natsio.ErrMaxPayload, natsio.ErrReconnectBufExceeded, natsio.ErrConnectionClosed, natsio.ErrConnectionDraining,
		natsio.ErrNoResponders, jetstream.ErrNoStreamResponse,
	} {
		if errors.Is(err, certain) {
			return true
		}
	}
	api := new(jetstream.APIError)
	return errors.As(err, &api) && (api.Code == 400 || api.ErrorCode == codeTooFewResources || streamIsFull(err))
}

func (b *Backplane) appendError(err error, refused bool) error {
	if errors.Is(err, natsio.ErrMaxPayload) || code(err) == codeTooLarge {
		return fmt.Errorf("nats: append to feed %s at %s, which takes up to %d bytes (max_payload; the stream's max_msg_size may be less): %w: %w: %w",
			b.options.Feed, b.where(), b.conn.MaxPayload(), backplane.ErrRefused, backplane.ErrTooLarge, err)
	}
	err = explainAppend(err)
	if refused {
		return fmt.Errorf("nats: append to feed %s at %s: %w: %w", b.options.Feed, b.where(), backplane.ErrRefused, err)
	}
	return fmt.Errorf("nats: append to feed %s at %s: it is not known whether the entry was stored: %w", b.options.Feed, b.where(), err)
}
