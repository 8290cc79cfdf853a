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

func readsWhatWasAppended(t testing.TB, f *Feed) {
	b := f.Open(t)
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	var want []entry
	for _, data := range []string{"plain", "", string(every), "\r\n\r\n", "\xff\xfe", large(64 << 10)} {
		want = append(want, entry{mustAppend(t, b, "", data), data})
	}
	if d := difference(mustReadAll(t, f.Open(t), 100), want); d != "" {
		t.Errorf("read something else than was appended: %s", d)
	}
	startTail(t, b, 0).wants(t, want)
}

func sequencesRise(t testing.TB, f *Feed) {
	handles := []backplane.Backplane{f.Open(t), f.Open(t)}
	var before uint64
	for i := range 100 {
		seq := mustAppend(t, handles[i%2], "", "x")
		if seq <= before || seq >= 1<<53 {
			t.Fatalf("sequence %d was given after %d; want it above that, and below 2^53", seq, before)
		}
		before = seq
	}
}

// orderIsTheSame appends at two handles while four tails read, two of each.
func orderIsTheSame(t testing.TB, f *Feed) {
	const writers, each = 8, 50
	handles := []backplane.Backplane{f.Open(t), f.Open(t)}
	var tails []*tail
	for i := range 4 {
		tails = append(tails, startTail(t, handles[i%2], 0))
	}
	acked := appendAtOnce(t, handles, writers, each)
	want := mustReadAll(t, handles[0], 64)
	if d := difference(want, acked); d != "" {
		t.Fatalf("Read returns something else than was acknowledged: %s", d)
	}
	tails = append(tails, startTail(t, handles[1], 0))
	for _, tl := range tails {
		tl.wants(t, want)
	}
}

// appendAtOnce appends from several goroutines, and returns what was acknowledged, by
// sequence. A sequence that falls behind the same goroutine's last is an error.
func appendAtOnce(t testing.TB, handles []backplane.Backplane, writers, each int) (acked []entry) {
	var (
		mu sync.Mutex
		wg sync.WaitGroup
	)
	for w := range writers {
		wg.Go(func() {
			var before uint64
			for i := range each {
				data := fmt.Sprintf("writer %d, entry %d", w, i)
				seq, err := handles[w%len(handles)].Append(call(t), "", []byte(data))
				if err != nil || seq <= before {
					t.Errorf("Append of %q behind %d: sequence %d, error %v", data, before, seq, err)
					return
				}
				before = seq
				mu.Lock()
				acked = append(acked, entry{seq, data})
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.SortFunc(acked, func(a, b entry) int { return int(int64(a.seq) - int64(b.seq)) })
	return acked
}

func appendKeepsNothing(t testing.TB, f *Feed) {
	b := f.Open(t)
	tl := startTail(t, b, 0)
	var want []entry
	data := make([]byte, len("entry 00"))
	for i := range 20 {
		copy(data, fmt.Sprintf("entry %02d", i))
		is := string(data)
		seq, err := b.Append(call(t), "", data)
		if err != nil {
			t.Fatalf("Append: %v", err)
		}
		want = append(want, entry{seq, is})
	}
	copy(data, "no entry")
	tl.wants(t, want)
	if d := difference(mustReadAll(t, b, 100), want); d != "" {
		t.Errorf("Append has kept the slice: %s", d)
	}
}

func appendEndsWithContext(t testing.TB, f *Feed) {
	b := f.Open(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	start := time.Now()
	_, err := b.Append(ctx, "", []byte("late"))
	if took := time.Since(start); err == nil || took > soon {
		t.Errorf("Append with a context that is done returned %v after %v; want an error, soon", err, took)
	}
	held := len(mustReadAll(t, b, 10))
	if errors.Is(err, backplane.ErrRefused) && held > 0 {
		t.Errorf("Append returned %v, but the entry is stored", err)
	}
}

func largeIsStoredOrRefused(t testing.TB, f *Feed) {
	b := f.Open(t)
	for _, size := range []int{512 << 10, 1 << 20, 8 << 20} {
		data := large(size)
		before := mustState(t, b).Last
		seq, err := b.Append(call(t), "", []byte(data))
		stored := mustRead(t, b, before, 1)
		switch {
		case err == nil && difference(stored, []entry{{seq, data}}) != "":
			t.Errorf("an entry of %d bytes was acknowledged, but Read returns %v", size, stored)
		case err != nil && !errors.Is(err, backplane.ErrRefused):
			t.Errorf("an entry of %d bytes: %v; want nil or ErrRefused", size, err)
		case err != nil && len(stored) > 0:
			t.Errorf("an entry of %d bytes was refused, but is stored", size)
		}
	}
	mustAppend(t, b, "", "the handle is still of use")
}
