package backplanetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fastsse/fastsse/server/backplane"
)

// Memory is a broker with one feed, in memory. Hubs of one process share it through
// handles: see Open. It keeps the contract of backplane.Backplane, until faults are switched
// on. Its methods may be called by any goroutine.
type Memory struct {
	mu      sync.Mutex // guards the others
	epoch   string
	entries []backplane.Entry
	first   uint64         // the sequence of the oldest entry, or what it will be at least
	last    uint64         // of the newest that was ever stored
	keys    map[string]key // of the last two minutes
	faults  Faults
	changed chan struct{} // closed, and replaced, when any of these changes
}

// key is what is known of an idempotency key.
type key struct {
	seq uint64
	at  time.Time
}

// NewMemory returns an empty feed.
func NewMemory() *Memory {
	m := &Memory{changed: make(chan struct{})}
	m.remakeLocked()
	return m
}

// Open returns one more handle on the feed: a hub's.
func (m *Memory) Open() *Handle { return &Handle{memory: m} }

// Set replaces the faults that all handles have. The zero Faults mends the broker.
func (m *Memory) Set(f Faults) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults = f
	m.changeLocked()
}

// Remake deletes the stream and makes it again: it has another epoch, and no entries.
func (m *Memory) Remake() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remakeLocked()
	m.changeLocked()
}

// Drop drops all entries but the newest, of which it keeps a number.
func (m *Memory) Drop(keep int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries = append([]backplane.Entry(nil), m.entries[max(0, len(m.entries)-keep):]...)
	m.first = m.last + 1
	if len(m.entries) > 0 {
		m.first = m.entries[0].Seq
	}
}

// Lose drops the newest entries, a number of them, and their keys, as a broker that is killed
// before it has written them, or a fail-over: the epoch stays, and what is stored next has
// their sequences.
func (m *Memory) Lose(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries = m.entries[: len(m.entries)-n : len(m.entries)-n]
	m.last = 0
	if len(m.entries) > 0 {
		m.last = m.entries[len(m.entries)-1].Seq
	}
	for name, k := range m.keys {
		if k.seq > m.last {
			delete(m.keys, name)
		}
	}
}

// streams counts the streams of the process, so that no two have the same epoch.
var streams atomic.Uint64

// firstStream makes all epochs equally long, by which a hub knows that an id has another epoch.
const firstStream = 36 * 36 * 36

func (m *Memory) remakeLocked() {
	m.epoch = "memory" + strconv.FormatUint(firstStream+streams.Add(1), 36)
	m.entries, m.first, m.last = nil, 1, 0
	m.keys = map[string]key{}
}

// changeLocked wakes all who wait for a change.
func (m *Memory) changeLocked() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// appendLocked stores a copy of entry, unless its key is known.
func (m *Memory) appendLocked(name string, entry []byte, f Faults) uint64 {
	now := time.Now()
	if k, known := m.keys[name]; known && now.Sub(k.at) <= backplane.Window {
		return k.seq
	}
	m.last += 1 + f.Holes
	m.entries = append(m.entries, backplane.Entry{Seq: m.last, Data: bytes.Clone(entry)})
	if len(m.entries) == 1 {
		m.first = m.last
	}
	if name != "" && !f.ForgetKeys {
		m.forgetOldLocked(now)
		m.keys[name] = key{m.last, now}
	}
	m.changeLocked()
	return m.last
}

// forgetOldLocked looks at all keys once their number is a power of two, which is often
// enough for tests.
func (m *Memory) forgetOldLocked(now time.Time) {
	if n := len(m.keys); n < 1024 || n&(n-1) != 0 {
		return
	}
	for name, k := range m.keys {
		if now.Sub(k.at) > backplane.Window {
			delete(m.keys, name)
		}
	}
}

// page returns the entries after a position, limit of them at most. They are the feed's own.
func (m *Memory) page(after backplane.Position, limit int) ([]backplane.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if after.Epoch != m.epoch {
		return nil, fmt.Errorf("backplanetest: read the feed in memory: epoch %q is wanted, and %q is there: %w", after.Epoch, m.epoch, backplane.ErrOtherEpoch)
	}
	return m.afterLocked(after.Seq, limit), nil
}

// afterLocked returns the entries after a sequence, limit of them at most. They are the
// feed's own, and nobody writes into them.
func (m *Memory) afterLocked(after uint64, limit int) []backplane.Entry {
	from := sort.Search(len(m.entries), func(i int) bool { return m.entries[i].Seq > after })
	rest := m.entries[from:]
	return rest[:min(limit, len(rest)):min(limit, len(rest))]
}

// ErrUnreachable is wrapped by errors of handles that cannot reach their feed.
var ErrUnreachable = errors.New("backplanetest: the feed in memory cannot be reached")

func refused(what string) error {
	return fmt.Errorf("backplanetest: append to the feed in memory: %s: %w", what, backplane.ErrRefused)
}

// pause waits, unless the context ends first.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
