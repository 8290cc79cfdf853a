package server_test

import (
	"context"
	"sync"
	"testing"

	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/backplane"
	"github.com/fastsse/fastsse/server/backplane/backplanetest"
)

// inParts is a broker that reads a page in two parts, as those do that ask several times.
type inParts struct {
	*backplanetest.Handle
	between func() // called between the first 16 entries and the others, when it is set
}

func (b *inParts) Read(ctx context.Context, after backplane.Position, limit int) ([]backplane.Entry, error) {
	const first = 16
	page, err := b.Handle.Read(ctx, after, min(first, limit))
	if err != nil || len(page) < first || limit <= first {
		return page, err
	}
	if b.between != nil {
		b.between()
	}
	after.Seq = page[first-1].Seq
	rest, err := b.Handle.Read(ctx, after, limit-first)
	return append(page, rest...), err
}

// What the broker drops while it reads a page is missing in the middle of the page.
func TestWhatIsDroppedOutOfAPageIsAGap(t *testing.T) {
	t.Parallel()
	forEachKind(t, backplaneKinds, func(t *testing.T, kind connKind) {
		memory := backplanetest.NewMemory()
		b := &inParts{Handle: memory.Open()}
		h := newHarness(t, kind, setup{config: server.Config{Backplane: b, Retention: []server.Retention{{Topics: "*", Events: 5}}}})
		ids := h.publish("a", numbers(1, 600)...)
		pages := 0
		b.between = func() {
			if pages++; pages == 2 {
				memory.Drop(100)
			}
		}
		c := h.resume(ids[0], "a")
		c.expect(numbers(2, 272)...)
		gap := c.expectGap("evicted")
		c.expect(numbers(501, 600)...)
		h.resume(gap.ID, "a").expectGap("evicted") // it has not got what follows the gap
	})
}

// A hub that starts then counts what was dropped as a loss, too: its topics do not hold it.
func TestWhatIsDroppedOutOfAPageWhileAHubStarts(t *testing.T) {
	t.Parallel()
	memory := backplanetest.NewMemory()
	b := &inParts{Handle: memory.Open()}
	one := newHarness(t, parkedTCP, setup{config: server.Config{Backplane: memory.Open()}})
	ids := one.publish("a", numbers(1, 200)...)
	b.between = sync.OnceFunc(func() { memory.Drop(100) })
	h := newHarness(t, parkedTCP, setup{config: server.Config{Backplane: b}})
	c := h.resume(ids[0], "a")
	c.expectGap("evicted")
	c.expect(numbers(101, 200)...)
}
