package backplanetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/server/backplane"
)

func remadeHasAnotherEpoch(t testing.TB, f *Feed) {
	need(t, "make the stream again", f.Remake != nil)
	b, other := f.Open(t), f.Open(t)
	mustAppendMany(t, b, 5)
	before := mustState(t, b)
	f.Remake()
	for _, h := range []backplane.Backplane{b, other, f.Open(t)} {
		if s := mustState(t, h); s.Epoch == before.Epoch || s.Last != 0 || !epoch.MatchString(s.Epoch) {
			t.Errorf("State of the new stream is %+v, of the old one it was %+v; want another epoch, and Last 0", s, before)
		}
	}
	if a, b := mustState(t, b).Epoch, mustState(t, other).Epoch; a != b {
		t.Errorf("two handles say that the epoch is %q and %q", a, b)
	}
	tl := startTail(t, b, 0)
	tl.wants(t, mustAppendMany(t, other, 5))
}

// outdated makes a stream with entries, makes it again with more, and returns positions that
// are not of the new one. State is asked at every handle, which changes nothing.
func outdated(t testing.TB, f *Feed) (handles []backplane.Backplane, positions []backplane.Position) {
	need(t, "make the stream again", f.Remake != nil)
	handles = []backplane.Backplane{f.Open(t), f.Open(t)}
	old := mustAppendMany(t, handles[0], 5)
	was := mustState(t, handles[0]).Epoch
	f.Remake()
	mustState(t, handles[0]) // as a read-back does
	mustAppendMany(t, handles[0], 10)
	mustState(t, handles[1])
	for _, seq := range []uint64{0, old[1].seq, old[4].seq, old[4].seq + 1000} {
		positions = append(positions, backplane.Position{Epoch: was, Seq: seq})
	}
	return append(handles, f.Open(t)), append(positions, backplane.Position{Epoch: "never"}, backplane.Position{})
}

func tailRefusesOtherEpochs(t testing.TB, f *Feed) {
	handles, positions := outdated(t, f)
	for _, b := range handles {
		for _, after := range positions {
			tl := startTailAt(t, b, after)
			until(notice+soon, func() bool { return tl.ended() || len(tl.entries()) > 0 })
			if got := tl.entries(); len(got) > 0 {
				t.Fatalf("Tail after %+v delivered %d entries of another stream", after, len(got))
			}
			if err := tl.ends(t, 0); !errors.Is(err, backplane.ErrOtherEpoch) {
				t.Fatalf("Tail after %+v returned %v; want ErrOtherEpoch", after, err)
			}
		}
	}
}

func readRefusesOtherEpochs(t testing.TB, f *Feed) {
	handles, positions := outdated(t, f)
	for _, b := range handles {
		for _, after := range positions {
			page, err := b.Read(call(t), after, 100)
			if len(page) > 0 {
				t.Fatalf("Read after %+v returned %d entries of another stream", after, len(page))
			}
			if !errors.Is(err, backplane.ErrOtherEpoch) {
				t.Fatalf("Read after %+v returned %v; want ErrOtherEpoch", after, err)
			}
		}
	}
}

// tailNoticesRemake appends nothing to the new stream.
func tailNoticesRemake(t testing.TB, f *Feed) {
	need(t, "make the stream again", f.Remake != nil)
	b := f.Open(t)
	old := mustAppendMany(t, b, 5)
	tails := []*tail{startTail(t, b, 0), startTail(t, f.Open(t), 0)}
	for _, tl := range tails {
		tl.wants(t, old)
	}
	start := time.Now()
	f.Remake()
	for _, tl := range tails {
		if err := tl.ends(t, notice+soon-time.Since(start)); !errors.Is(err, backplane.ErrOtherEpoch) {
			t.Errorf("Tail returned %v when the stream was made again; want ErrOtherEpoch", err)
		}
	}
}

// tailKeepsToItsStream lets the new stream pass the tails' positions at once.
func tailKeepsToItsStream(t testing.TB, f *Feed) {
	need(t, "make the stream again", f.Remake != nil)
	b := f.Open(t)
	for range 3 {
		old := mustAppendMany(t, b, 3)
		tails := []*tail{startTail(t, b, 0), startTail(t, f.Open(t), 0)}
		for _, tl := range tails {
			tl.wants(t, old)
		}
		f.Remake()
		mustState(t, b)
		mustAppendMany(t, b, 10)
		for _, tl := range tails {
			until(notice+soon, func() bool { return tl.ended() || len(tl.entries()) > len(old) })
			if d := difference(tl.entries(), old); d != "" {
				t.Fatalf("Tail delivered what is not of its stream: %s", d)
			}
			err := tl.ends(t, 0)
			if !errors.Is(err, backplane.ErrOtherEpoch) {
				t.Errorf("Tail returned %v when the stream was made again; want ErrOtherEpoch", err)
			}
		}
		f.Remake()
		mustState(t, b)
	}
}

// streamsAreKeptApart makes the stream again and again, and fills it with entries that name
// their epoch, while others read what they take for the present one.
func streamsAreKeptApart(t testing.TB, f *Feed) {
	need(t, "make the stream again", f.Remake != nil)
	b, other := f.Open(t), f.Open(t)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	var seen atomic.Int64
	for _, h := range []backplane.Backplane{b, other} {
		wg.Go(func() {
			for ctx.Err() == nil {
				s, err := h.State(ctx)
				if err != nil {
					continue
				}
				page, _ := h.Read(ctx, backplane.Position{Epoch: s.Epoch}, 100)
				for _, e := range page {
					if string(e.Data) != s.Epoch {
						t.Errorf("an entry of the stream of epoch %s came from that of epoch %s", e.Data, s.Epoch)
					}
				}
				seen.Add(int64(len(page)))
			}
		})
	}
	for range 10 {
		f.Remake()
		now := mustState(t, b).Epoch
		before := seen.Load()
		for range 5 {
			mustAppend(t, b, "", now)
		}
		if !until(within, func() bool { return seen.Load() >= before+5 }) {
			t.Fatal("nothing is read of a stream that was made again")
		}
	}
}
