package server_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/backplane"
	"github.com/fastsse/fastsse/server/backplane/backplanetest"
)

var errDeaf = errors.New("the Tail hears nothing")

// deafTails is a broker whose Tails hear nothing for a while, not even that they are over.
type deafTails struct {
	*backplanetest.Handle
	deaf atomic.Bool
}

func (b *deafTails) Tail(ctx context.Context, after backplane.Position, deliver func([]backplane.Entry) error) error {
	err := b.Handle.Tail(ctx, after, func(entries []backplane.Entry) error {
		if b.deaf.Load() {
			return errDeaf
		}
		return deliver(entries)
	})
	if b.deaf.Load() && (errors.Is(err, errDeaf) || errors.Is(err, backplane.ErrOtherEpoch)) {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	return err
}

// A client comes from a hub that was further in a stream that is gone by now, to a hub that
// does not know that yet. It is not sent the old events once more.
func TestAheadInAStreamThatIsGone(t *testing.T) {
	eachBackplaneKind(t, func(t *testing.T, kind connKind) {
		memory := backplanetest.NewMemory()
		b := &deafTails{Handle: memory.Open()}
		h := newHarness(t, kind, setup{config: server.Config{Backplane: b}})
		further := newHarness(t, kind, setup{config: server.Config{Backplane: memory.Open()}})
		h.publish("a", "1", "2")
		b.deaf.Store(true)
		last := further.publish("a", "3")[0]
		memory.Remake()
		c := h.resume(last, "a")
		if all, _ := c.rest(); len(all) != 0 {
			t.Errorf("got %+v", all)
		}
		old, _, _ := strings.Cut(last, "-")
		b.deaf.Store(false)
		testkit.Eventually(t, "the hub has the new epoch", func() bool { return !strings.HasPrefix(h.hub.LastID(), old) })
		c = h.resume(last, "a")
		c.expectGap("epoch")
		h.publish("a", "4")
		c.expect("4")
	})
}
