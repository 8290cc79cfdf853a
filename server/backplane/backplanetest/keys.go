package backplanetest

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/fastsse/fastsse/server/backplane"
)

func keyIsIdempotent(t testing.TB, f *Feed) {
	b := f.Open(t)
	first := mustAppend(t, b, "key", "first")
	other := mustAppend(t, b, "other", "of another key")
	if again := mustAppend(t, b, "key", "second"); again != first {
		t.Errorf("the second Append with a key returned sequence %d, want %d of the first", again, first)
	}
	stored(t, b, entry{first, "first"}, entry{other, "of another key"})
}

// stored checks what the stream holds.
func stored(t testing.TB, b backplane.Backplane, want ...entry) {
	t.Helper()
	if d := difference(mustReadAll(t, b, 1000), want); d != "" {
		t.Errorf("the stream holds something else: %s", d)
	}
}

func keyCountsEverywhere(t testing.TB, f *Feed) {
	b := f.Open(t)
	first := mustAppend(t, b, "key", "first")
	for range 2 {
		if again := mustAppend(t, f.Open(t), "key", "second"); again != first {
			t.Errorf("Append with the key at another handle returned sequence %d, want %d", again, first)
		}
	}
	stored(t, b, entry{first, "first"})
}

// keyCountsAtOnce appends each of some keys from eight goroutines at two handles.
func keyCountsAtOnce(t testing.TB, f *Feed) {
	const keys, times = 20, 8
	handles := []backplane.Backplane{f.Open(t), f.Open(t)}
	for k := range keys {
		var (
			wg   sync.WaitGroup
			seqs [times]uint64
			errs [times]error
		)
		for i := range times {
			wg.Go(func() {
				seqs[i], errs[i] = handles[i%2].Append(call(t), fmt.Sprint("key ", k), fmt.Append(nil, "data ", k))
			})
		}
		wg.Wait()
		for i := range times {
			if errs[i] != nil || seqs[i] != seqs[0] {
				t.Fatalf("Appends with one key at the same time returned sequences %v, errors %v; want one sequence", seqs, errs)
			}
		}
	}
	if held := mustReadAll(t, handles[0], 1000); len(held) != keys {
		t.Errorf("the stream holds %d entries of %d keys", len(held), keys)
	}
}

func keysOfAnyKind(t testing.TB, f *Feed) {
	b := f.Open(t)
	keys := []string{
		"a", "A", "a ", " a", "a\x00", "a\r\nNats-Rollup: all", "a:b", "{a}", "a*", "a>b", "ä", "a\xff", "a\xfe",
		strings.Repeat("k", backplane.MostKeyBytes), strings.Repeat("k", backplane.MostKeyBytes-1) + "\n",
		strings.Repeat("\xff", backplane.MostKeyBytes),
	}
	var want []entry
	for _, key := range keys {
		want = append(want, entry{mustAppend(t, b, key, key), key})
	}
	for i, key := range keys {
		if again := mustAppend(t, b, key, "again"); again != want[i].seq {
			t.Errorf("Append with key %q returned sequence %d, want %d again", key, again, want[i].seq)
		}
	}
	stored(t, b, want...)
}

func noKeyStoresAll(t testing.TB, f *Feed) {
	b := f.Open(t)
	first, second := mustAppend(t, b, "", "same"), mustAppend(t, b, "", "same")
	stored(t, b, entry{first, "same"}, entry{second, "same"})
}
