package server

import (
	"context"
	"sync"
	"sync/atomic"
)

// gauge counts things under way, and can be waited for until it is zero. The zero value
// is ready. Its methods may be called by any goroutine.
type gauge struct {
	atomic.Int64 // count up with Add, down with done

	mu   sync.Mutex    // guards zero
	zero chan struct{} // closed when the count becomes zero; nil: nobody waits
}

// done counts one down.
func (g *gauge) done() {
	if g.Add(-1) > 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.zero != nil {
		close(g.zero)
		g.zero = nil
	}
}

// wait blocks until the count is zero; ok is false if ctx is done first.
func (g *gauge) wait(ctx context.Context) (ok bool) {
	for {
		g.mu.Lock()
		if g.zero == nil {
			g.zero = make(chan struct{})
		}
		zero := g.zero
		g.mu.Unlock()
		if g.Load() == 0 {
			return true
		}
		select {
		case <-zero:
		case <-ctx.Done():
			return g.Load() == 0
		}
	}
}
