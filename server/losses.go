package server

import (
	"context"
	"errors"
	"hash/maphash"

	"github.com/fastsse/fastsse/internal/eventlog"
	"github.com/fastsse/fastsse/server/backplane"
)

// What the hub is not given: entries that the broker has dropped, or has lost.

// lose notes that the broker has dropped the entries up to one before the hub has read them.
func (r *relay) lose(e *epoch, upTo uint64) {
	r.hub.logger().Printf("server: the backplane has dropped entries %d to %d before this hub has read them; the streams are told of a gap. Keep more in the broker", r.at.Load()+1, upTo)
	r.at.Store(upTo)
	r.loseUpTo(e, endOf(upTo))
}

// loseUpTo tells every stream that it may have missed events up to a sequence.
func (r *relay) loseUpTo(e *epoch, seq uint64) {
	r.losses.Add(1)
	notify(e, e.history.Lose(seq))
}

func notify(e *epoch, topics []*eventlog.Topic) {
	for _, t := range topics {
		e.delivery.Notify(t)
	}
}

// A broker that has lost entries and been given others, under the same epoch: after a
// failover, from a snapshot, or because it was killed before it had written them. If it has
// fewer entries than the hub has read, State shows it. If it has as many again, the hub
// finds another entry in the place of its newest one.

// seen is what a hub remembers of an entry.
type seen struct{ seq, sum uint64 }

var seenSeed = maphash.MakeSeed()

func seeing(e *backplane.Entry) seen { return seen{e.Seq, maphash.Bytes(seenSeed, e.Data)} }

// place is what a broker has in the place of an entry.
type place int

const (
	same    place = iota // the entry, or it is not known
	missing              // nothing: it was lost or dropped
	differs              // another entry
)

// look reads what the broker has at the hub's newest entry.
func (r *relay) look(ctx context.Context, e *epoch, at uint64) (place, error) {
	if at == 0 || r.newest.seq != at {
		return same, nil
	}
	page, err := r.feed.Read(ctx, backplane.Position{Epoch: e.history.Epoch(), Seq: at - 1}, 1)
	switch {
	case errors.Is(err, backplane.ErrOtherEpoch):
		return same, nil // State says it as well
	case err != nil:
		return same, err
	case len(page) == 0 || page[0].Seq != at:
		return missing, nil
	case seeing(&page[0]) != r.newest:
		return differs, nil
	}
	return same, nil
}

// forget goes on behind the broker's last entry. What the hub has read before may not be what
// the broker has: nobody is sent it any more, every stream is told of a gap, and so is every
// client that comes back with an id from before.
func (r *relay) forget(e *epoch, last uint64) {
	r.hub.logger().Printf("server: the backplane's stream has not the entry %d that this hub has read: the broker has lost entries, and was given others; the streams are told of a gap, and go on behind entry %d", r.at.Load(), last)
	r.losses.Add(1)
	e.doubt.Store(&doubt{before: behind(last)})
	r.at.Store(last)
	r.newest = seen{}
	notify(e, e.history.Forget(behind(last), behind(last)))
}
