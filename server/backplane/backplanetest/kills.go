package backplanetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/server/backplane"
)

func crashLosesNothing(t testing.TB, f *Feed) { Kills(t, f, 3) }

// Kills kills the broker some times while entries are appended: what Append has acknowledged,
// Tail has delivered or State has counted is then there, with the same sequence and bytes, and
// what was appended again with its key is there once. Run does it with three kills; a broker
// that writes late, or loses the end of a file, may need hundreds.
func Kills(t testing.TB, f *Feed, kills int) {
	need(t, "kill the broker", f.Kill != nil && f.Start != nil)
	handles := []backplane.Backplane{f.Open(t), f.Open(t)}
	before := mustState(t, handles[0])
	tails := []*tail{startFollowing(t, handles[0]), startFollowing(t, handles[1])}
	l := &ledger{refused: map[string]error{}}
	stop := l.write(handles, 6)
	for _, tl := range tails { // else there would be nothing that a crash could make untrue
		if !until(within, func() bool { return len(tl.entries()) > 0 }) {
			t.Fatalf("Tail has delivered nothing, %v after entries were appended", within)
		}
	}
	if !until(within, func() bool { return l.mostCounted() > 0 }) {
		t.Fatalf("State has counted nothing, %v after entries were appended", within)
	}
	for range kills {
		l.grows(t, 50)
		time.Sleep(rand.N(20 * time.Millisecond))
		f.Kill()
		if f.Survives {
			l.grows(t, 50)
		}
		f.Start()
		if counted, now := l.mostCounted(), eventuallyState(t, f.Open(t)); now.Last < counted {
			t.Fatalf("the last entry was %d before the crash, and is %d after it", counted, now.Last)
		}
	}
	l.grows(t, 50)
	stop()

	eventuallyState(t, handles[0]) // the other handle may have been the first to come back
	held := mustReadAll(t, handles[0], 256)
	l.compare(t, held)
	if after := mustState(t, f.Open(t)); after.Epoch != before.Epoch {
		t.Errorf("the epoch was %q before the crash, and is %q after it", before.Epoch, after.Epoch)
	}
	for _, tl := range tails {
		tl.wants(t, held)
	}
}

// ledger is what was appended while the broker crashed.
type ledger struct {
	mu      sync.Mutex // guards the others
	acked   []entry
	refused map[string]error // Append has said for certain that it is not stored
	counted uint64           // the highest State.Last
}

// write appends from several goroutines until stop, which waits for them. Every other one
// appends again, with a key, what has failed. Two more ask for the state.
func (l *ledger) write(handles []backplane.Backplane, writers int) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				data := fmt.Sprintf("writer %d, entry %d", w, i)
				key := ""
				if w%2 == 0 {
					key = data
				}
				if rand.N(8) == 0 {
					data += large(rand.N(16 << 10))
				}
				for at := w / 2; !l.append(handles[at%len(handles)], key, data) && key != "" && ctx.Err() == nil; at++ {
				}
			}
		})
	}
	for _, h := range handles {
		wg.Go(func() { l.count(ctx, h) })
	}
	return func() { cancel(); wg.Wait() }
}

// append appends an entry, and reports whether it was acknowledged.
func (l *ledger) append(b backplane.Backplane, key, data string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	seq, err := b.Append(ctx, key, []byte(data))
	l.mu.Lock()
	if err == nil {
		l.acked = append(l.acked, entry{seq, data})
	} else if errors.Is(err, backplane.ErrRefused) && key == "" {
		l.refused[data] = err
	}
	l.mu.Unlock()
	if err != nil {
		time.Sleep(5 * time.Millisecond) // so that a broker that is gone does not make millions of entries
	}
	return err == nil
}

// count asks for the state again and again.
func (l *ledger) count(ctx context.Context, b backplane.Backplane) {
	for ctx.Err() == nil {
		asking, cancel := context.WithTimeout(ctx, soon)
		s, err := b.State(asking)
		cancel()
		l.mu.Lock()
		if err == nil {
			l.counted = max(l.counted, s.Last)
		}
		l.mu.Unlock()
		time.Sleep(5 * time.Millisecond)
	}
}

func (l *ledger) mostCounted() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counted
}

// grows waits until n more entries are acknowledged.
func (l *ledger) grows(t testing.TB, n int) {
	t.Helper()
	count := func() int { l.mu.Lock(); defer l.mu.Unlock(); return len(l.acked) }
	want := count() + n
	if !until(2*within, func() bool { return count() >= want }) {
		t.Fatalf("%d entries were acknowledged within %v, want %d", count(), 2*within, want)
	}
}

// compare holds the ledger against what the stream holds.
func (l *ledger) compare(t testing.TB, held []entry) {
	t.Helper()
	bySeq := make(map[uint64]string, len(held))
	byData := make(map[string]uint64, len(held))
	for _, e := range held {
		bySeq[e.seq] = e.data
		if was, twice := byData[e.data]; twice {
			t.Errorf("%s is stored twice, as %d and %d", brief(e.data), was, e.seq)
		}
		byData[e.data] = e.seq
		if err := l.refused[e.data]; err != nil {
			t.Errorf("%s is stored, though Append returned %v", brief(e.data), err)
		}
	}
	for _, e := range l.acked {
		if data, ok := bySeq[e.seq]; !ok || data != e.data {
			t.Fatalf("entry %v was acknowledged; the stream holds %s there", e, brief(data))
		}
	}
	t.Logf("%d entries acknowledged, %d refused, %d stored", len(l.acked), len(l.refused), len(held))
}
