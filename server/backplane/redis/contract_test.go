package redis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server/backplane"
)

// add stores an entry, which must succeed.
func add(t *testing.T, b *Backplane, key, entry string) uint64 {
	t.Helper()
	seq, err := b.Append(t.Context(), key, []byte(entry))
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

func state(t *testing.T, b *Backplane) backplane.State {
	t.Helper()
	s, err := b.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func read(t *testing.T, b *Backplane, after uint64, limit int) []backplane.Entry {
	t.Helper()
	entries, err := b.Read(t.Context(), after, limit)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// tail is what a Tail has delivered, and how it ended.
type tail struct {
	mu      sync.Mutex // guards entries
	entries []backplane.Entry
	cancel  context.CancelFunc
	ended   chan error // one value
}

// follow tails until the end of the test.
func follow(t *testing.T, b *Backplane, after uint64) *tail {
	ctx, cancel := context.WithCancel(t.Context())
	f := &tail{cancel: cancel, ended: make(chan error, 1)}
	t.Cleanup(cancel)
	go func() { f.ended <- b.Tail(ctx, after, f.take) }()
	return f
}

func (f *tail) take(entries []backplane.Entry) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range entries {
		f.entries = append(f.entries, backplane.Entry{Seq: e.Seq, Data: bytes.Clone(e.Data)})
	}
	return nil
}

func (f *tail) got() []backplane.Entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.entries)
}

func (f *tail) await(t *testing.T, n int) []backplane.Entry {
	t.Helper()
	testkit.Eventually(t, fmt.Sprintf("%d entries are delivered", n), func() bool { return len(f.got()) >= n })
	return f.got()
}

func texts(entries []backplane.Entry) string {
	var all []string
	for _, e := range entries {
		all = append(all, fmt.Sprintf("%d:%s", e.Seq, e.Data))
	}
	return strings.Join(all, " ")
}

func TestEntriesAreReadAsTheyWereStored(t *testing.T) {
	b := start(t).open(t)
	fresh := state(t, b)
	if fresh.Last != 0 || fresh.First <= fresh.Last || len(fresh.Epoch) < 1 || len(fresh.Epoch) > 32 {
		t.Errorf("a fresh feed is %+v; want an epoch, Last 0 and First above it", fresh)
	}
	if entries := read(t, b, 0, 10); len(entries) != 0 {
		t.Errorf("a fresh feed holds %s", texts(entries))
	}
	followed := follow(t, b, 0)
	stored := []string{"one", "", "\x00\r\n\xff", strings.Repeat("x", 1<<20), "last"}
	for i, entry := range stored {
		if seq := add(t, b, "", entry); seq != uint64(i+1) {
			t.Errorf("entry %d has sequence %d", i+1, seq)
		}
	}
	for how, entries := range map[string][]backplane.Entry{"Tail": followed.await(t, 5), "Read": read(t, b, 0, 10)} {
		for i, e := range entries {
			if e.Seq != uint64(i+1) || string(e.Data) != stored[i] {
				t.Errorf("%s: entry %d is %d with %d bytes, want %d bytes", how, i+1, e.Seq, len(e.Data), len(stored[i]))
			}
		}
		if len(entries) != len(stored) {
			t.Errorf("%s has %d entries, want %d", how, len(entries), len(stored))
		}
	}
	if s := state(t, b); s != (backplane.State{Epoch: fresh.Epoch, First: 1, Last: 5}) {
		t.Errorf("the state is %+v, was %+v when fresh", s, fresh)
	}
}

func TestReadReturnsTheOldestUpToItsLimit(t *testing.T) {
	b := start(t).open(t)
	for i := range 100 {
		add(t, b, "", fmt.Sprint(i))
	}
	if got := texts(read(t, b, 7, 3)); got != "8:7 9:8 10:9" {
		t.Errorf("Read(7, 3) is %s", got)
	}
	if got := read(t, b, 10, 80); len(got) != 80 || got[79].Seq != 90 {
		t.Errorf("Read(10, 80) has %d entries", len(got))
	}
	if got := read(t, b, 10, 1000); len(got) != 90 || got[0].Seq != 11 || got[89].Seq != 100 {
		t.Errorf("Read(10, 1000) has %d entries, want 90", len(got))
	}
	if _, err := b.Read(t.Context(), 0, 0); err == nil {
		t.Error("Read with a limit of 0 succeeds")
	}
}

func TestReadReturnsFewerIfTheyAreLarge(t *testing.T) {
	b := start(t).open(t)
	for range 40 {
		add(t, b, "", strings.Repeat("x", 1<<20))
	}
	got := read(t, b, 0, 40)
	if len(got) == 0 || len(got) == 40 || got[0].Seq != 1 {
		t.Errorf("40 entries of 1 MiB: Read has %d", len(got))
	}
	if followed := follow(t, b, 0).await(t, 40); len(followed) != 40 {
		t.Errorf("Tail has %d of 40", len(followed))
	}
}

func TestAppendIsIdempotentByKey(t *testing.T) {
	s := start(t)
	a, b := s.open(t), s.open(t)
	for _, key := range []string{"k", "\x00\n} {", strings.Repeat("ä", 64)} {
		first, second := add(t, a, key, "first"), add(t, b, key, "second")
		if first != second {
			t.Errorf("key %q: stored as %d, then as %d", key, first, second)
		}
		left, err := s.raw(t).PTTL(t.Context(), a.stream+":key:"+key).Result()
		if err != nil || left > backplane.Window || left < backplane.Window-testkit.Patience {
			t.Errorf("the key counts for %v more (%v), want %v", left, err, backplane.Window)
		}
	}
	if got := texts(read(t, a, 0, 10)); got != "1:first 2:first 3:first" {
		t.Errorf("stored: %s", got)
	}
	s.do(t, "PEXPIRE", a.stream+":key:k", 1)
	testkit.Eventually(t, "the key is forgotten, and the entry is stored again", func() bool { return add(t, a, "k", "later") == 4 })
}

func TestConcurrentAppendsOfAKeyStoreOneEntry(t *testing.T) {
	s := start(t)
	handles := []*Backplane{s.open(t), s.open(t)}
	const keys, tries = 50, 8
	seqs := make([][tries]uint64, keys)
	var all sync.WaitGroup
	for k := range keys {
		for i := range tries {
			all.Go(func() {
				seq, err := handles[i%2].Append(t.Context(), fmt.Sprint("key", k), []byte{byte(k)})
				if err != nil {
					t.Error(err)
				}
				seqs[k][i] = seq
			})
		}
	}
	testkit.Within(t, "all are stored", all.Wait)
	entries := read(t, handles[0], 0, keys+1)
	if len(entries) != keys {
		t.Fatalf("%d entries are stored for %d keys", len(entries), keys)
	}
	for k, got := range seqs {
		for _, seq := range got {
			if seq != got[0] || seq < 1 || seq > keys || entries[seq-1].Data[0] != byte(k) {
				t.Errorf("the sequences of key %d are %v", k, got)
				break
			}
		}
	}
}

func TestAllTailsSeeTheSameOrderEachEntryOnce(t *testing.T) {
	s := start(t)
	handles := []*Backplane{s.open(t), s.open(t)}
	const publishers, each = 4, 250
	const total = publishers * each
	tails := []*tail{follow(t, handles[0], 0), follow(t, handles[1], 0)}
	var all sync.WaitGroup
	for p := range publishers {
		all.Go(func() {
			for i := range each {
				if _, err := handles[p%2].Append(t.Context(), "", fmt.Appendf(nil, "%d/%d", p, i)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	testkit.Within(t, "all are stored", all.Wait)
	tails = append(tails, follow(t, handles[0], total/2))
	want := read(t, handles[0], 0, total)
	for i, f := range tails {
		expect := want
		if i == 2 {
			expect = want[total/2:]
		}
		if got := f.await(t, len(expect)); texts(got) != texts(expect) {
			t.Errorf("tail %d has %d entries, other than the %d that Read has", i, len(got), len(expect))
		}
	}
	next := [publishers]int{}
	for i, e := range want {
		var p, n int
		if _, err := fmt.Sscanf(string(e.Data), "%d/%d", &p, &n); err != nil || n != next[p] || e.Seq != uint64(i+1) {
			t.Fatalf("entry %d is %d: %q (%v), want the publisher's %d", i, e.Seq, e.Data, err, next[p])
		}
		next[p]++
	}
}

func TestTailReturnsTheCauseOfItsContext(t *testing.T) {
	b := start(t).open(t)
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Tail(ctx, 0, func([]backplane.Entry) error { cancel(enough); return nil }) }()
	add(t, b, "", "one")
	if err := testkit.Receive(t, "Tail returns", ended); !errors.Is(err, enough) {
		t.Errorf("Tail returns %v, want the cause", err)
	}
	if err := b.Tail(ctx, 0, func([]backplane.Entry) error { t.Error("delivered after the end"); return nil }); !errors.Is(err, enough) {
		t.Errorf("Tail of a context that is done returns %v", err)
	}
}

func TestTailReturnsTheErrorOfDeliver(t *testing.T) {
	b := start(t).open(t)
	add(t, b, "", "one")
	full := errors.New("full")
	if err := b.Tail(t.Context(), 0, func([]backplane.Entry) error { return full }); err != full {
		t.Errorf("Tail returns %v, want what deliver returned", err)
	}
}
