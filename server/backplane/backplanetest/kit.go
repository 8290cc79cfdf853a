package backplanetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/server/backplane"
)

// soon is for what is due at once, and may be slow on a busy machine.
const soon = 2 * time.Second

// The suite's own tests, in which things do not happen, shorten these.
var (
	within = 15 * time.Second // for what takes round trips
	notice = 10 * time.Second // the contract's time to notice that the broker is gone
)

// call is a context for one call, which ends if the call hangs.
func call(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeoutCause(context.Background(), within, fmt.Errorf("the call has taken %v", within))
	t.Cleanup(cancel)
	return ctx
}

func mustAppend(t testing.TB, b backplane.Backplane, key, data string) uint64 {
	t.Helper()
	seq, err := b.Append(call(t), key, []byte(data))
	if err != nil {
		t.Fatalf("Append of %s with key %q: %v", brief(data), key, err)
	}
	return seq
}

// mustAppendMany appends n entries, named after their number.
func mustAppendMany(t testing.TB, b backplane.Backplane, n int) (all []entry) {
	t.Helper()
	for i := range n {
		data := fmt.Sprintf("entry %d", i)
		all = append(all, entry{mustAppend(t, b, "", data), data})
	}
	return all
}

func mustState(t testing.TB, b backplane.Backplane) backplane.State {
	t.Helper()
	s, err := b.State(call(t))
	if err != nil {
		t.Fatalf("State: %v", err)
	}
	return s
}

// behind is the position behind a sequence of the present stream.
func behind(t testing.TB, b backplane.Backplane, seq uint64) backplane.Position {
	t.Helper()
	return backplane.Position{Epoch: mustState(t, b).Epoch, Seq: seq}
}

func mustRead(t testing.TB, b backplane.Backplane, after uint64, limit int) (page []entry) {
	t.Helper()
	return mustReadAt(t, b, behind(t, b, after), limit)
}

func mustReadAt(t testing.TB, b backplane.Backplane, after backplane.Position, limit int) []entry {
	t.Helper()
	read, err := b.Read(call(t), after, limit)
	if err != nil {
		t.Fatalf("Read after %v of %d entries: %v", after, limit, err)
	}
	page := entriesOf(read)
	if len(page) > limit {
		t.Fatalf("Read after %v returned %d entries; the limit was %d", after, len(page), limit)
	}
	return page
}

func entriesOf(batch []backplane.Entry) (all []entry) {
	for _, e := range batch {
		all = append(all, entry{e.Seq, string(e.Data)})
	}
	return all
}

// mustReadAll reads to the end, in pages of limit entries.
func mustReadAll(t testing.TB, b backplane.Backplane, limit int) (all []entry) {
	t.Helper()
	after := behind(t, b, 0)
	for {
		page := mustReadAt(t, b, after, limit)
		if len(page) == 0 {
			return all
		}
		for _, e := range page {
			if e.seq <= after.Seq {
				t.Fatalf("Read returned sequence %d after %d", e.seq, after.Seq)
			}
			after.Seq = e.seq
		}
		all = append(all, page...)
	}
}

// entry is an entry that can be compared.
type entry struct {
	seq  uint64
	data string
}

func (e entry) String() string { return fmt.Sprintf("%d:%s", e.seq, brief(e.data)) }

// brief is data, cut so that a message stays readable.
func brief(data string) string {
	if len(data) <= 40 {
		return fmt.Sprintf("%q", data)
	}
	return fmt.Sprintf("%q… (%d bytes)", data[:16], len(data))
}

// difference says where got and want part; it is empty if they are the same.
func difference(got, want []entry) string {
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			return fmt.Sprintf("entry %v is missing at the end, of %d entries", want[i], len(want))
		case i >= len(want):
			return fmt.Sprintf("entry %v is too many, after %d entries", got[i], len(want))
		case got[i] != want[i]:
			return fmt.Sprintf("entry %d is %v, want %v", i, got[i], want[i])
		}
	}
	return ""
}

// tail is a call of Tail and what it has delivered.
type tail struct {
	cancel context.CancelCauseFunc
	done   chan struct{} // closed when Tail has returned
	err    error         // what it returned

	mu  sync.Mutex // guards got
	got []entry
}

var errTestEnds = errors.New("the test ends")

// startTail tails the present stream until the test ends.
func startTail(t testing.TB, b backplane.Backplane, after uint64) *tail {
	t.Helper()
	return startTailAt(t, b, behind(t, b, after))
}

func startTailAt(t testing.TB, b backplane.Backplane, after backplane.Position) *tail {
	ctx, cancel := context.WithCancelCause(context.Background())
	tl := &tail{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(tl.done)
		tl.err = b.Tail(ctx, after, tl.deliver)
	}()
	t.Cleanup(func() { cancel(errTestEnds) })
	return tl
}

func (tl *tail) deliver(batch []backplane.Entry) error {
	tl.mu.Lock()
	defer tl.mu.Unlock()
	tl.got = append(tl.got, entriesOf(batch)...)
	return nil
}

func (tl *tail) entries() []entry {
	tl.mu.Lock()
	defer tl.mu.Unlock()
	return slices.Clone(tl.got)
}

// wants waits until as many entries as in want have come, and compares.
func (tl *tail) wants(t testing.TB, want []entry) {
	t.Helper()
	until(within, func() bool { return len(tl.entries()) >= len(want) || tl.ended() })
	if d := difference(tl.entries(), want); d != "" {
		t.Fatalf("Tail delivered something else: %s%s", d, tl.says())
	}
}

// ends waits until Tail has returned, and returns what it has.
func (tl *tail) ends(t testing.TB, d time.Duration) error {
	t.Helper()
	if !until(d, tl.ended) {
		t.Fatalf("Tail has not returned within %v", d)
	}
	return tl.err
}

func (tl *tail) ended() bool {
	select {
	case <-tl.done:
		return true
	default:
		return false
	}
}

func (tl *tail) says() string {
	if !tl.ended() {
		return ""
	}
	return fmt.Sprintf("; Tail has returned %v", tl.err)
}

// until waits for a condition, for a time at most, and says whether it came true.
func until(d time.Duration, condition func() bool) bool {
	for end := time.Now().Add(d); ; time.Sleep(time.Millisecond) {
		if condition() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

// follow tails as a hub does: it calls Tail again after an error, behind what it has.
func follow(ctx context.Context, b backplane.Backplane, tl *tail) {
	defer close(tl.done)
	for ctx.Err() == nil {
		tl.err = tailAgain(ctx, b, tl)
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func tailAgain(ctx context.Context, b backplane.Backplane, tl *tail) error {
	asking, cancel := context.WithTimeout(ctx, within)
	s, err := b.State(asking)
	cancel()
	if err != nil {
		return err
	}
	after := backplane.Position{Epoch: s.Epoch}
	if got := tl.entries(); len(got) > 0 {
		after.Seq = got[len(got)-1].seq
	}
	return b.Tail(ctx, after, tl.deliver)
}

// startFollowing follows until the test ends.
func startFollowing(t testing.TB, b backplane.Backplane) *tail {
	ctx, cancel := context.WithCancelCause(context.Background())
	tl := &tail{cancel: cancel, done: make(chan struct{})}
	go follow(ctx, b, tl)
	t.Cleanup(func() { cancel(errTestEnds) })
	return tl
}

// need skips the check if the feed lacks a function for it.
func need(t testing.TB, what string, have bool) {
	t.Helper()
	if !have {
		t.Skipf("the feed has no function to %s", what)
	}
}

func large(n int) string { return strings.Repeat("0123456789abcdef", n/16) }
