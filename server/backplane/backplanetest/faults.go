package backplanetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/server/backplane"
)

// crashLosesNothing kills the broker while entries are appended, several times.
func crashLosesNothing(t testing.TB, f *Feed) {
	need(t, "kill the broker", f.Kill != nil && f.Start != nil)
	handles := []backplane.Backplane{f.Open(t), f.Open(t)}
	before := mustState(t, handles[0])
	tails := []*tail{startFollowing(t, handles[0]), startFollowing(t, handles[1])}
	l := &ledger{}
	stop := l.write(handles, 4)
	for range 3 {
		l.grows(t, 50)
		f.Kill()
		if f.Survives {
			l.grows(t, 50)
		}
		f.Start()
	}
	l.grows(t, 50)
	stop()

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
	refused map[string]error
}

// write appends from several goroutines until stop, which waits for them.
func (l *ledger) write(handles []backplane.Backplane, writers int) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	l.refused = map[string]error{}
	for w := range writers {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				l.append(handles[w%len(handles)], fmt.Sprintf("writer %d, entry %d", w, i))
			}
		})
	}
	return func() { cancel(); wg.Wait() }
}

func (l *ledger) append(b backplane.Backplane, data string) {
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	seq, err := b.Append(ctx, "", []byte(data))
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		l.acked = append(l.acked, entry{seq, data})
		return
	case errors.Is(err, backplane.ErrRefused):
		l.refused[data] = err
	}
	time.Sleep(5 * time.Millisecond) // so that a broker that is gone does not make millions of entries
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
			t.Errorf("%q is stored twice, as %d and %d", e.data, was, e.seq)
		}
		byData[e.data] = e.seq
		if err := l.refused[e.data]; err != nil {
			t.Errorf("%q is stored, though Append returned %v", e.data, err)
		}
	}
	for _, e := range l.acked {
		if data, ok := bySeq[e.seq]; !ok || data != e.data {
			t.Fatalf("entry %v was acknowledged; the stream holds %q there", e, data)
		}
	}
	t.Logf("%d entries acknowledged, %d refused, %d stored", len(l.acked), len(l.refused), len(held))
}

func keyOutlivesCrash(t testing.TB, f *Feed) {
	need(t, "kill the broker", f.Kill != nil && f.Start != nil)
	b := f.Open(t)
	first := mustAppend(t, b, "key", "first")
	f.Kill()
	f.Start()
	for _, h := range []backplane.Backplane{b, f.Open(t)} {
		if again := eventuallyAppend(t, h, "key", "second"); again != first {
			t.Errorf("Append with the key after the crash returned sequence %d, want %d", again, first)
		}
	}
	stored(t, b, entry{first, "first"})
}

// eventuallyAppend appends as soon as the broker can be reached again.
func eventuallyAppend(t testing.TB, b backplane.Backplane, key, data string) (seq uint64) {
	t.Helper()
	var err error
	if !until(within, func() bool { seq, err = b.Append(call(t), key, []byte(data)); return err == nil }) {
		t.Fatalf("Append with key %q: %v, for %v", key, err, within)
	}
	return seq
}

func tailNoticesCrash(t testing.TB, f *Feed) {
	need(t, "kill all of the broker", f.Kill != nil && f.Start != nil && !f.Survives)
	b := f.Open(t)
	want := mustAppendMany(t, b, 5)
	tl := startTail(t, b, 0)
	tl.wants(t, want)
	f.Kill()
	if err := tl.ends(t, notice+soon); err == nil {
		t.Error("Tail returned nil when the broker was gone")
	}
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := b.State(ctx); err == nil || time.Since(start) > time.Second+soon {
		t.Errorf("State returned %v after %v while the broker was gone; want an error soon after its context is done", err, time.Since(start))
	}
	f.Start()
	seq := eventuallyAppend(t, b, "", "after the crash")
	again := startFollowing(t, b)
	again.wants(t, append(want, entry{seq, "after the crash"}))
}

func appendNoticesCrash(t testing.TB, f *Feed) {
	need(t, "kill all of the broker", f.Kill != nil && f.Start != nil && !f.Survives)
	b := f.Open(t)
	mustAppendMany(t, b, 3)
	f.Kill()
	var failed []string
	refused := 0
	for i := range 10 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		data := fmt.Sprint("while it is gone ", i)
		start := time.Now()
		_, err := b.Append(ctx, "", []byte(data))
		cancel()
		if took := time.Since(start); err == nil || took > time.Second+soon {
			t.Fatalf("Append returned %v after %v while the broker was gone; want an error soon after its context is done", err, took)
		}
		if errors.Is(err, backplane.ErrRefused) {
			failed = append(failed, data)
			refused++
		}
	}
	f.Start()
	eventuallyAppend(t, b, "", "after the crash")
	for _, e := range mustReadAll(t, b, 100) {
		if slices.Contains(failed, e.data) {
			t.Errorf("%v is stored, though Append has refused it", e)
		}
	}
	t.Logf("%d of 10 were refused for certain", refused)
}

func tailNoticesSilence(t testing.TB, f *Feed) {
	need(t, "stall the broker", f.Stall != nil && f.Wake != nil)
	b := f.Open(t)
	want := mustAppendMany(t, b, 5)
	tl := startTail(t, b, 0)
	tl.wants(t, want)
	f.Stall()
	start := time.Now()
	if until(notice+soon, tl.ended); !tl.ended() {
		f.Wake()
		t.Fatalf("Tail has not returned within %v of a broker's silence", notice+soon)
	}
	t.Logf("Tail returned %v after %v", tl.err, time.Since(start).Round(100*time.Millisecond))
	f.Wake()
	seq := eventuallyAppend(t, b, "", "after the silence")
	again := startFollowing(t, b)
	again.wants(t, append(want, entry{seq, "after the silence"}))
}

func appendOutlivesSilence(t testing.TB, f *Feed) {
	need(t, "stall the broker", f.Stall != nil && f.Wake != nil)
	b := f.Open(t)
	mustAppend(t, b, "", "before")
	f.Stall()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	start := time.Now()
	_, err := b.Append(ctx, "key", []byte("during"))
	took := time.Since(start)
	f.Wake()
	if err == nil || took > time.Second+soon {
		t.Errorf("Append at a silent broker returned %v after %v; want an error soon after its context is done", err, took)
	}
	if refused := errors.Is(err, backplane.ErrRefused); refused {
		eventuallyAppend(t, b, "", "after")
		for _, e := range mustReadAll(t, b, 10) {
			if e.data == "during" {
				t.Errorf("%v is stored, though Append returned %v", e, err)
			}
		}
		return
	}
	seq := eventuallyAppend(t, b, "key", "during")
	count := 0
	for _, e := range mustReadAll(t, b, 10) {
		if e.data == "during" && e.seq == seq {
			count++
		}
	}
	if count != 1 {
		t.Errorf("an entry that was appended again with its key is stored %d times, want once", count)
	}
}
