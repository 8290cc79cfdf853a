package server_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/backplane"
	"github.com/fastsse/fastsse/server/backplane/backplanetest"
	"github.com/fastsse/fastsse/streamwriter"
)

// inParts is a broker that reads a page in two parts, as those do that ask several times.
type inParts struct {
	*backplanetest.Handle
	between func(read uint64) // called between the first 16 entries and the others, when it is set
}

func (b *inParts) Read(ctx context.Context, after backplane.Position, limit int) ([]backplane.Entry, error) {
	const first = 16
	page, err := b.Handle.Read(ctx, after, min(first, limit))
	if err != nil || len(page) < first || limit <= first {
		return page, err
	}
	if b.between != nil {
		b.between(page[first-1].Seq)
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
		pages, read := 0, new(atomic.Uint64) // before the drop
		b.between = func(upTo uint64) {
			if pages++; pages == 2 {
				read.Store(upTo)
				memory.Drop(100)
			}
		}
		c := h.resume(ids[0], "a")
		n := 1
		e := c.next()
		for ; e.Data == fmt.Sprint(n+1); e = c.next() {
			n++
		}
		if e.Type != "gap" || n != int(read.Load()) {
			t.Fatalf("got %+v after %d events, want a gap after %d", e, n, read.Load())
		}
		c.expect(numbers(501, 600)...)
		h.resume(e.ID, "a").expectGap("evicted") // it has not got what follows the gap
	})
}

// A hub that starts then counts what was dropped as a loss, too: its topics do not hold it.
func TestWhatIsDroppedOutOfAPageWhileAHubStarts(t *testing.T) {
	t.Parallel()
	memory := backplanetest.NewMemory()
	b := &inParts{Handle: memory.Open()}
	one := newHarness(t, parkedTCP, setup{config: server.Config{Backplane: memory.Open()}})
	ids := one.publish("a", numbers(1, 200)...)
	b.between = func(uint64) { memory.Drop(100) }
	h := newHarness(t, parkedTCP, setup{config: server.Config{Backplane: b}})
	c := h.resume(ids[0], "a")
	c.expectGap("evicted")
	c.expect(numbers(101, 200)...)
}

// Large events are read back a few at a time, and an entry in parts if need be.
func TestLargeEntriesAreReadBackInParts(t *testing.T) {
	eachBackplaneKind(t, func(t *testing.T, kind connKind) {
		memory := backplanetest.NewMemory()
		h := newHarness(t, kind, setup{config: server.Config{Backplane: memory.Open(), Retention: []server.Retention{{Topics: "*", Events: 5}}}})
		first := h.publish("a", "0")[0]
		const entries, each = 40, 9
		large := strings.Repeat("x", 20<<10)
		for i := range entries {
			var messages []server.Message
			for k := range each {
				topic := [...]string{"a", "b", "other"}[k%3]
				messages = append(messages, server.Message{Topic: topic, Event: streamwriter.Event{Data: fmt.Append(nil, i, " ", k, large)}})
			}
			if _, err := h.hub.PublishAll(messages); err != nil {
				t.Fatal(err)
			}
		}
		c := h.resume(first, "a", "b")
		for i := range entries {
			for k := range each {
				if k%3 == 2 {
					continue
				}
				if e := c.next(); !strings.HasPrefix(e.Data, fmt.Sprint(i, " ", k, "x")) {
					t.Fatalf("got %.20q, want event %d of entry %d", e.Data, k, i)
				}
			}
		}
		h.publish("b", "last")
		c.expect("last")
		if n := h.hub.Stats().Gaps; n != 0 {
			t.Errorf("%d gaps", n)
		}
	})
}

// However much a client has missed, and however slowly it takes it, it costs no more than a
// block of it.
func TestReadBacksThatNobodyTakesAreSmall(t *testing.T) {
	memory := backplanetest.NewMemory()
	h := newHarness(t, parkedTCP, setup{config: server.Config{Backplane: memory.Open(), Retention: []server.Retention{{Topics: "*", Events: 5}}}})
	first := h.publish("a", "0")[0]
	for range 256 {
		h.publish("a", strings.Repeat("x", 60<<10))
	}
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	const clients, most = 64, 512 << 10
	before := heap()
	for range clients {
		h.resume(first, "a").next() // and takes no more
	}
	testkit.Eventually(t, "64 clients use at most 32 MiB", func() bool { return heap()-before <= clients*most })
}

// countedReads is a broker that counts what it is asked.
type countedReads struct {
	*backplanetest.Handle
	reads atomic.Int64
}

func (b *countedReads) Read(ctx context.Context, after backplane.Position, limit int) ([]backplane.Entry, error) {
	b.reads.Add(1)
	return b.Handle.Read(ctx, after, limit)
}

// A client that has left asks no more of the broker, even if there is nothing to write.
func TestAReadBackEndsWhenItsClientLeaves(t *testing.T) {
	eachBackplaneKind(t, func(t *testing.T, kind connKind) {
		memory := backplanetest.NewMemory()
		b := &countedReads{Handle: memory.Open()}
		h := newHarness(t, kind, setup{config: server.Config{Backplane: b, Retention: []server.Retention{{Topics: "*", Events: 5}}}})
		first := h.publish("quiet", "0", "1")[0]
		const pages = 100
		for range pages * 256 / 1000 {
			m := make([]server.Message, 1)
			m[0].Topic = "busy"
			for range 1000 {
				if _, err := h.hub.PublishAll(m); err != nil {
					t.Fatal(err)
				}
			}
		}
		h.publish("quiet", numbers(2, 10)...)
		before := b.reads.Load()
		b.Set(backplanetest.Faults{Delay: 10 * time.Millisecond})
		c := h.resume(first, "quiet")
		c.expect("1") // of the first page
		c.leave()
		h.ended(server.ReasonClient, 1)
		if n := b.reads.Load() - before; n > pages/2 {
			t.Errorf("%d pages were read for a client that has left after the first", n)
		}
	})
}

// A client that takes nothing is no reason to go on for longer than MaxAge.
func TestMaxAgeEndsAReadBackThatNobodyTakes(t *testing.T) {
	t.Parallel()
	forEachKind(t, []connKind{parkedTCP, connKinds[4]}, func(t *testing.T, kind connKind) {
		t.Parallel()
		h := newHarness(t, kind, setup{config: server.Config{
			Backplane: backplanetest.NewMemory().Open(), Retention: []server.Retention{{Topics: "*", Events: 5}},
			MaxAge: time.Second, WriteTimeout: -1,
		}})
		first := h.publish("a", "0")[0]
		for range 256 {
			h.publish("a", strings.Repeat("x", 60<<10))
		}
		h.resume(first, "a").next() // and takes no more
		h.ended(server.ReasonMaxAge, 1)
	})
}

// slowReads is a broker that takes a while for each page, and notes how long it might have had.
type slowReads struct {
	*backplanetest.Handle
	had []time.Duration // the goroutine of New owns it
}

func (b *slowReads) Read(ctx context.Context, after backplane.Position, limit int) ([]backplane.Entry, error) {
	by, _ := ctx.Deadline()
	b.had = append(b.had, time.Until(by))
	time.Sleep(200 * time.Millisecond)
	return b.Handle.Read(ctx, after, limit)
}

// What a hub begins with may be large, and its broker far away.
func TestEachPageThatAHubBeginsWithHasItsTime(t *testing.T) {
	t.Parallel()
	memory := backplanetest.NewMemory()
	one := newHarness(t, parkedTCP, setup{config: server.Config{Backplane: memory.Open()}})
	one.publish("a", numbers(1, 1000)...)
	b := &slowReads{Handle: memory.Open()}
	newHarness(t, parkedTCP, setup{config: server.Config{Backplane: b}})
	if n := len(b.had); n < 4 || b.had[n-1] < b.had[0]-100*time.Millisecond {
		t.Errorf("the pages had %v", b.had)
	}
}
