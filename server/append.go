package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fastsse/fastsse"
	"github.com/fastsse/fastsse/internal/delivery"
	"github.com/fastsse/fastsse/server/backplane"
)

// Publishing to a backplane.

// ErrUnknown is wrapped by errors of publishing to a hub with a backplane after which it is
// not known whether the events were stored: the broker has not answered in time, or its
// stream was made anew meanwhile, or it could not be asked which ids they have. If the
// publish had a key (Message.Key), it is safe to publish again with the same key, within two
// minutes. Without one, the events may then be there twice.
var ErrUnknown = errors.New("server: not known whether the events were stored")

// append stores messages, which were checked, as one entry, and waits until they are in the
// history. It sets ids.
func (r *relay) append(messages []Message, ids []string, key string) error {
	own := r.own.add(r.hub.current())
	defer r.own.remove(own)
	at := r.at.Load()
	ctx, cancel := r.publishing()
	defer cancel()
	seq, err := r.feed.Append(ctx, key, appendEntry(nil, own.mark, time.Now(), messages))
	if err != nil {
		return r.appendError(err, key, len(messages))
	}
	r.sawLast(seq)
	if key == "" && seq <= at { // it is not the stream that was read, or not any more
		r.lookAgain()
	}
	e, seq, err := r.locate(ctx, own, seq)
	if err != nil {
		return fmt.Errorf("%w: the broker has taken them, but their ids are not known: %w; %s", ErrUnknown, err, again(key))
	}
	for i := range ids {
		if ids[i] = messages[i].Event.ID; ids[i] == "" {
			ids[i] = e.history.ID(firstOf(seq) + uint64(i))
		}
	}
	r.hub.counters.published.Add(int64(len(messages)))
	return nil
}

// appendError says what an error of Append means.
func (r *relay) appendError(err error, key string, messages int) error {
	switch {
	case errors.Is(err, backplane.ErrTooLarge):
		return tooLargeForBroker(err, messages)
	case errors.Is(err, backplane.ErrRefused):
		return fmt.Errorf("server: publish to the backplane: %w; nothing was stored: publish again later", err)
	case r.hub.is(delivery.Closed):
		return fmt.Errorf("%w: the hub was closed meanwhile: %w", ErrUnknown, err)
	}
	return fmt.Errorf("%w: publish to the backplane: %w; %s", ErrUnknown, err, again(key))
}

// tooLargeForBroker says that so many messages are too large together.
func tooLargeForBroker(err error, messages int) error {
	value, remedy := fmt.Sprintf("%d messages", messages), "publish fewer at once, or send references"
	if messages == 1 {
		value, remedy = "1 message", "send a reference, or raise what the broker takes"
	}
	return &tooLargeError{fastsse.NewFieldError("a publish of", value, fmt.Sprintf("is more than the broker takes at once (%v)", err), remedy)}
}

// again says what to do about ErrUnknown.
func again(key string) string {
	if key == "" {
		return "if it is published again, it may be there twice: give it a key (Idempotency-Key) next time"
	}
	return "publish again with the same key"
}

// publishing returns the context of a publish.
func (r *relay) publishing() (context.Context, context.CancelFunc) {
	if t := r.hub.cfg.PublishTimeout; t > 0 {
		return context.WithTimeoutCause(r.ctx, t, fmt.Errorf("no answer within %v", t))
	}
	return context.WithCancel(r.ctx)
}

// lookAgain ends the Tail under way, so that the relay looks at the broker's stream.
func (r *relay) lookAgain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.recheck != nil {
		r.recheck(errRecheck)
	}
}

// endReadBacks ends the read-backs under way, and those that begin.
func (r *relay) endReadBacks() { r.endRead() }
