package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/fastsse/fastsse"
	"github.com/fastsse/fastsse/internal/delivery"
	"github.com/fastsse/fastsse/server/backplane"
)

// Publishing to a backplane.

// ErrUnknown is wrapped by errors of publishing to a hub with a backplane after which it is
// not known whether the events were stored: the broker has not answered in time. If the
// publish had a key (Message.Key), it is safe to publish again with the same key, within
// two minutes. Without one, the events may then be there twice.
var ErrUnknown = errors.New("server: not known whether the events were stored")

// append stores messages, which were checked, as one entry, and waits until they are in the
// history. It sets ids.
func (r *relay) append(messages []Message, ids []string, key string) error {
	before, at := r.hub.current(), r.at.Load()
	ctx, cancel := r.publishing()
	defer cancel()
	seq, err := r.feed.Append(ctx, key, appendEntry(nil, time.Now(), messages))
	switch {
	case err == nil:
	case errors.Is(err, backplane.ErrTooLarge):
		return &tooLargeError{fastsse.NewFieldError("messages", strconv.Itoa(len(messages)),
			fmt.Sprintf("are more at once than the broker takes (%v)", err), "publish fewer at once, or send references")}
	case errors.Is(err, backplane.ErrRefused):
		return fmt.Errorf("server: publish to the backplane: %w; nothing was stored: publish again later", err)
	case r.hub.is(delivery.Closed):
		return fmt.Errorf("%w: the hub was closed meanwhile: %w", ErrUnknown, err)
	default:
		return fmt.Errorf("%w: publish to the backplane: %w; %s", ErrUnknown, err, again(key))
	}
	r.sawLast(seq)
	w := &waiter{seq: seq, before: before, done: make(chan struct{})}
	if seq <= at { // it was stored before, with this key, or it cannot be the stream that was read
		if w.renewed, err = r.renewed(ctx, before, key); err != nil {
			return fmt.Errorf("%w: whether the backplane's stream was made anew: %w; %s", ErrUnknown, err, again(key))
		}
	}
	r.wait(ctx, w)
	e := r.hub.current()
	if (e != before) != w.renewed {
		return fmt.Errorf("%w: the backplane's stream was made anew meanwhile; %s", ErrUnknown, again(key))
	}
	for i := range ids {
		if ids[i] = messages[i].Event.ID; ids[i] == "" {
			ids[i] = e.history.ID(firstOf(seq) + uint64(i))
		}
	}
	r.hub.counters.published.Add(int64(len(messages)))
	return nil
}

// again says what to do about ErrUnknown.
func again(key string) string {
	if key == "" {
		return "if it is published again, it may be there twice: give it a key (Idempotency-Key) next time"
	}
	return "publish again with the same key"
}

// renewed reports whether an entry, which was given a sequence that the hub has passed, is of
// another stream than an epoch's. If so, the relay looks at it. With a key, it is of this epoch
// if the stream still is: an epoch that is gone never comes back. Otherwise either of the two
// streams may have answered, and renewed returns an error.
func (r *relay) renewed(ctx context.Context, before *epoch, key string) (bool, error) {
	if key == "" {
		r.lookAgain()
		return true, nil
	}
	st, err := r.feed.State(ctx)
	if was := before.history.Epoch(); err == nil && st.Epoch != was {
		r.lookAgain()
		err = fmt.Errorf("epoch %s is now %s, and either may have answered", was, st.Epoch)
	}
	return false, err
}

// publishing returns the context of a publish.
func (r *relay) publishing() (context.Context, context.CancelFunc) {
	if t := r.hub.cfg.PublishTimeout; t > 0 {
		return context.WithTimeoutCause(r.ctx, t, fmt.Errorf("no answer within %v", t))
	}
	return context.WithCancel(r.ctx)
}

// waiter waits until an entry is in the history.
type waiter struct {
	seq     uint64
	before  *epoch // the epoch when it began
	renewed bool   // the entry is of a later epoch
	done    chan struct{}
}

// over reports whether there is nothing to wait for.
func (w *waiter) over(now *epoch, at uint64) bool {
	if now == w.before {
		return !w.renewed && at >= w.seq
	}
	return !w.renewed || at >= w.seq
}

// mostWait is how long a publish waits for its events to be in the hub's history while the
// broker cannot be read.
const mostWait = time.Second

// wait waits until the entry is in the history, but not much longer than the broker can be
// read.
func (r *relay) wait(ctx context.Context, w *waiter) {
	r.mu.Lock()
	if w.over(r.hub.current(), r.at.Load()) {
		r.mu.Unlock()
		return
	}
	r.waiting = append(r.waiting, w)
	r.mu.Unlock()
	timer := time.NewTimer(mostWait)
	defer timer.Stop()
	for {
		select {
		case <-w.done:
			return
		case <-timer.C:
			if r.connected.Load() && !w.renewed {
				timer.Reset(mostWait)
				continue
			}
		case <-ctx.Done():
		}
		r.mu.Lock()
		r.waiting = slices.DeleteFunc(r.waiting, func(x *waiter) bool { return x == w })
		r.mu.Unlock()
		return
	}
}

// wake ends the waits that are over.
func (r *relay) wake() {
	now, at := r.hub.current(), r.at.Load()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = slices.DeleteFunc(r.waiting, func(w *waiter) bool {
		if !w.over(now, at) {
			return false
		}
		close(w.done)
		return true
	})
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
