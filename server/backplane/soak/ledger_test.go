package soak_test

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fastsse/fastsse/internal/soak"
)

// perEntry is how many sequences of a hub an entry of the broker's stream has.
const perEntry = 1024

// batch is what was published at once: an entry, if it was stored.
type batch struct {
	n        int
	key      string // empty: none
	postings []*posting
	start    time.Duration
	last     bool // it ends the round

	// Guarded by the ledger's mu.
	end     time.Duration // when the first attempt that succeeded did
	node    int           // the hub that has answered then
	has     bool          // that hub had it then: it does not wait for more than a second
	stored  bool          // an attempt succeeded
	unknown bool          // of one it is not known whether it did
	over    bool          // there will be no other attempt
	entries map[string]uint64
}

// posting is an event of a batch.
type posting struct {
	*batch
	i         int
	topic     string
	own       string // the publisher's own id, or empty
	ephemeral bool
	sum       uint64
	size      int
}

func (p *posting) String() string {
	s := fmt.Sprintf("event %d.%d of %s (%d bytes, published %v to %v, entries %v)", p.n, p.i, p.topic, p.size, p.start, p.end, p.entries)
	if p.own != "" {
		s += " with the id " + p.own
	}
	if p.ephemeral {
		s += ", ephemeral"
	}
	return s
}

// mark begins an event's data, and tells which one it is.
func (p *posting) mark() string { return fmt.Sprintf("@%d.%d@", p.n, p.i) }

// marked reads a mark.
func marked(data []byte) (n, i int, ok bool) {
	if len(data) == 0 || data[0] != '@' {
		return 0, 0, false
	}
	name, _, ok := bytes.Cut(data[1:], []byte("@"))
	a, b, dotted := strings.Cut(string(name), ".")
	n, err := strconv.Atoi(a)
	i, err2 := strconv.Atoi(b)
	return n, i, ok && dotted && err == nil && err2 == nil
}

// place is a position in the feed.
type place struct {
	epoch string
	seq   uint64
}

// native reads an id of a hub's.
func native(id string) (p place, ok bool) {
	epoch, n, ok := strings.Cut(id, "-")
	seq, err := strconv.ParseUint(n, 10, 64)
	return place{epoch, seq}, ok && err == nil && !strings.HasPrefix(id, "own-")
}

func (p place) String() string { return fmt.Sprintf("%s-%d", p.epoch, p.seq) }

// entry is that of the broker's stream which the place is in.
func (p place) entry() uint64 { return p.seq / perEntry }

// ledger is what a round has published, and where the feed has it: from the answers of hubs
// to publishers, from what clients got, and from the broker.
type ledger struct {
	mu      sync.Mutex // guards all below, and what batches say
	batches []*batch
	entries map[string]map[uint64]*batch
	wrong   []string                 // what contradicts itself
	waits   time.Duration            // hubs answer sooner only what they have
	keyed   int                      // repeated publishes, that succeeded
	epochs  []string                 // in the order of when they were heard of
	ended   map[string]time.Duration // when the stream of an epoch was surely deleted

	// Set by settle.
	postings  map[string][]located // by epoch, in order
	byPattern map[string][]located // by epoch and pattern
	byOwn     map[string]*posting
}

// located is a posting where an epoch has it.
type located struct {
	*posting
	seq uint64
}

func newLedger() *ledger {
	return &ledger{entries: map[string]map[uint64]*batch{}, ended: map[string]time.Duration{}}
}

// end notes that the stream of an epoch was deleted.
func (l *ledger) end(epoch string, at time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if epoch != "" {
		l.ended[epoch] = at
	}
}

// enter makes a batch.
func (l *ledger) enter(at time.Duration) *batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := &batch{n: len(l.batches), start: at, entries: map[string]uint64{}}
	l.batches = append(l.batches, b)
	return b
}

func (l *ledger) blame(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.blameLocked(format, args...)
}

func (l *ledger) blameLocked(format string, args ...any) {
	l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
}

// answer notes what came of an attempt to publish b.
func (l *ledger) answer(b *batch, a answer, at time.Duration, n *node) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case a.err == nil:
		if b.stored {
			l.keyed++
		} else {
			b.stored, b.end, b.node, b.has = true, at, n.number, a.took < l.waits
		}
		l.placedLocked(b, a.ids, n)
	case a.unknown:
		b.unknown = true
	}
}

// placedLocked takes the ids that a hub has answered.
func (l *ledger) placedLocked(b *batch, ids []string, n *node) {
	first, ok := native(ids[0])
	if !ok || len(ids) != len(b.postings) || first.seq%perEntry != 0 {
		l.blameLocked("hub %d answered batch %d of %d events with the ids %v", n.number, b.n, len(b.postings), ids)
		return
	}
	for i, id := range ids {
		want := place{first.epoch, first.seq + uint64(i)}.String()
		if own := b.postings[i].own; own != "" {
			want = own
		}
		if id != want {
			l.blameLocked("hub %d answered batch %d with the id %s for its event %d, want %s", n.number, b.n, id, i, want)
		}
	}
	l.locateLocked(b, first, fmt.Sprintf("hub %d has answered", n.number))
}

// locate notes that somebody has seen an event at a place.
func (l *ledger) locate(p *posting, at place, by string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at.seq -= uint64(p.i)
	if at.seq%perEntry != 0 {
		l.blameLocked("%v is at %v: %s", p, at, by)
		return
	}
	l.locateLocked(p.batch, at, by)
}

func (l *ledger) locateLocked(b *batch, at place, by string) {
	if ended, over := l.ended[at.epoch]; over && b.start > ended {
		l.blameLocked("OVER: batch %d was published at %v, and is the entry %d of %s, which was deleted by %v: %s", b.n, b.start, at.entry(), at.epoch, ended, by)
		return
	}
	held := l.entries[at.epoch]
	if held == nil {
		held = map[uint64]*batch{}
		l.entries[at.epoch] = held
		l.epochs = append(l.epochs, at.epoch)
	}
	if was := held[at.entry()]; was != nil && was != b {
		l.blameLocked("the entry %d of %s is batch %d and batch %d: %s", at.entry(), at.epoch, was.n, b.n, by)
	}
	held[at.entry()] = b
	if was, known := b.entries[at.epoch]; known && was != at.entry() {
		l.blameLocked("TWICE: batch %d (key %q) is stored as entry %d and entry %d of %s: %s", b.n, b.key, was, at.entry(), at.epoch, by)
	}
	b.entries[at.epoch] = at.entry()
}

// find returns the event that some data is of; nil if nobody published that.
func (l *ledger) find(data []byte) *posting {
	n, i, ok := marked(data)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !ok || n >= len(l.batches) || i >= len(l.batches[n].postings) {
		return nil
	}
	return l.batches[n].postings[i]
}

// settle makes the ledger ready to be read: publishers have ended, and what clients got is
// noted.
func (l *ledger) settle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.postings, l.byPattern, l.byOwn = map[string][]located{}, map[string][]located{}, map[string]*posting{}
	for _, b := range l.batches {
		if len(b.entries) > 0 && b.over && !b.stored && !b.unknown {
			l.blameLocked("batch %d was refused, and is stored: %v", b.n, b.entries)
		}
		for _, p := range b.postings {
			if p.own != "" {
				l.byOwn[p.own] = p
			}
			for epoch, entry := range b.entries {
				l.postings[epoch] = append(l.postings[epoch], located{p, entry*perEntry + uint64(p.i)})
			}
		}
	}
	for _, list := range l.postings {
		slices.SortFunc(list, func(a, b located) int { return cmp.Compare(a.seq, b.seq) })
	}
}

// between returns the postings of an epoch that match pattern, beyond from and up to to.
func (l *ledger) between(epoch, pattern string, from, to uint64) []located {
	name := epoch + " " + pattern
	list, ok := l.byPattern[name]
	if !ok {
		for _, p := range l.postings[epoch] {
			if soak.Matches(pattern, p.topic) {
				list = append(list, p)
			}
		}
		l.byPattern[name] = list
	}
	bySeq := func(p located, seq uint64) int { return cmp.Compare(p.seq, seq) }
	i, _ := slices.BinarySearchFunc(list, from+1, bySeq)
	j, _ := slices.BinarySearchFunc(list, to+1, bySeq)
	return list[i:max(i, j)]
}
