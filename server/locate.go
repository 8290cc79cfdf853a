package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fastsse/fastsse/internal/delivery"
)

const (
	// mostWait is how long a publish waits for the hub to read its entry while the broker
	// cannot be read, before it asks for the stream's epoch.
	mostWait = time.Second

	// renewWithin is how long a publish waits for the hub to go on with a stream that was
	// made anew.
	renewWithin = 5 * time.Second
)

// errNotInNewStream is why the ids of a publish are not known.
var errNotInNewStream = errors.New("the backplane's stream was made anew, and the hub has not found them there")

// locate waits until an entry that Append has stored, and given the sequence acked, is in
// the history, and returns where.
//
// Usually the relay finds the entry by its mark. It does not if the key was used before (the
// sequence is of another publish's entry), if the entry was dropped, or if the broker cannot
// be read. Then the sequence counts, if State returns the epoch that the hub had before
// Append: an epoch that is gone never comes back, so it was the stream's all the time.
func (r *relay) locate(ctx context.Context, own *ownEntry, acked uint64) (in *epoch, seq uint64, err error) {
	same, err := r.awaitRead(ctx, own, acked)
	switch in = own.in.Load(); {
	case in != nil:
		return in, own.seq, nil
	case same:
		return own.before, acked, nil
	case r.hub.is(delivery.Closed):
		err = errors.New("the hub was closed")
	}
	return nil, 0, err
}

// awaitRead waits until the relay has found the entry and it is in the history, or until it
// is known to be in the stream from before Append, or not to be found.
func (r *relay) awaitRead(ctx context.Context, own *ownEntry, acked uint64) (same bool, err error) {
	select {
	case <-own.read: // Fast path: before Append has returned.
		return false, nil
	default:
	}
	most := mostWait
	if t := r.hub.cfg.PublishTimeout; t > 0 {
		most = min(most, t/8)
	}
	began, pause := time.Now(), min(time.Millisecond, most)
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		select {
		case <-own.read:
			return false, nil
		case <-ctx.Done():
			if err == nil {
				err = fmt.Errorf("the hub has not read them: %w", context.Cause(ctx))
			}
			return false, err
		case <-timer.C:
		}
		if r.missed(own, acked) || r.late(ctx, time.Since(began)) {
			same, err = r.ask(ctx, own, time.Since(began))
			if same || errors.Is(err, errNotInNewStream) {
				return same, err
			}
		}
		pause = min(2*pause, most)
		timer.Reset(pause)
	}
}

// missed reports whether the relay has come to where the entry should be, and has not found
// it there.
func (r *relay) missed(own *ownEntry, acked uint64) bool {
	passed := r.hub.current() != own.before || r.at.Load() >= acked
	return passed && own.in.Load() == nil // in this order: the relay sets in first
}

// late reports whether a publish asks without waiting for the relay any longer: the broker
// cannot be read, or the publish has little time left.
func (r *relay) late(ctx context.Context, waited time.Duration) bool {
	end, bounded := ctx.Deadline()
	return !r.connected.Load() && waited >= mostWait ||
		bounded && time.Until(end) < r.hub.cfg.PublishTimeout/4
}

// ask reports whether the broker's stream is still that from before Append. It returns
// errNotInNewStream if the hub goes on with another one, without having found the entry.
func (r *relay) ask(ctx context.Context, own *ownEntry, waited time.Duration) (same bool, err error) {
	st, err := r.feed.State(ctx)
	if err != nil {
		return false, fmt.Errorf("the hub could not ask which stream they are in: %w", err)
	}
	switch now := r.hub.current(); {
	case st.Epoch != now.history.Epoch():
		r.lookAgain()
		if waited > renewWithin {
			err = errNotInNewStream
		}
	case now == own.before:
		same = true
	case r.at.Load() >= st.Last: // it would have been found
		err = errNotInNewStream
	}
	return same, err
}
