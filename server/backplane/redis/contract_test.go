package redis

import (
	"bytes"
	"context"
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

// behind is the position behind a sequence of the present stream.
func behind(t *testing.T, b *Backplane, seq uint64) backplane.Position {
	t.Helper()
	return backplane.Position{Epoch: state(t, b).Epoch, Seq: seq}
}

func read(t *testing.T, b *Backplane, after uint64, limit int) []backplane.Entry {
	t.Helper()
	entries, err := b.Read(t.Context(), behind(t, b, after), limit)
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

// follow tails the present stream until the end of the test.
func follow(t *testing.T, b *Backplane, after uint64) *tail {
	t.Helper()
	return followAt(t, b, behind(t, b, after))
}

func followAt(t *testing.T, b *Backplane, after backplane.Position) *tail {
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

// A key is forgotten when it no longer counts, by Redis itself.
func TestKeysExpire(t *testing.T) {
	s := start(t)
	b := s.open(t)
	add(t, b, "k", "first")
	left, err := s.raw(t).PTTL(t.Context(), b.stream+":key:k").Result()
	if err != nil || left > backplane.Window || left < backplane.Window-testkit.Patience {
		t.Errorf("the key counts for %v more (%v), want %v", left, err, backplane.Window)
	}
	s.do(t, "PEXPIRE", b.stream+":key:k", 1)
	testkit.Eventually(t, "the key is forgotten, and the entry is stored again", func() bool { return add(t, b, "k", "later") == 2 })
}

func TestReadWithoutALimitIsRefused(t *testing.T) {
	b := start(t).open(t)
	if _, err := b.Read(t.Context(), behind(t, b, 0), 0); err == nil {
		t.Error("Read with a limit of 0 succeeds")
	}
}
