package server

import (
	"sync"
	"time"
)

// cutWithin is how long a write may take after the stream was cut.
const cutWithin = 250 * time.Millisecond

// bound gives writes deadlines, until it is released.
type bound struct {
	set func(by time.Time) error // sets the write deadline

	mu       sync.Mutex // guards all below
	by       time.Time  // all writes must be done by then; zero: they need not
	released bool       // the connection may be another's
}

// arm sets the deadline of the next write; most 0: it needs none.
func (b *bound) arm(most time.Duration) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	by := b.by
	if by.IsZero() && most > 0 {
		by = time.Now().Add(most)
	}
	return b.set(by)
}

// cut gives the write under way, and all later ones, a deadline.
func (b *bound) cut(by time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.released {
		b.by = by
		_ = b.set(by)
	}
}

// release removes the deadline.
func (b *bound) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.released = true
	_ = b.set(time.Time{}) // fails only where it is no longer needed
}
