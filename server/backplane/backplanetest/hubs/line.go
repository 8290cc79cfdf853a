package hubs

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/fastsse/fastsse/server/backplane"
)

// line is a hub's handle on the feed, which can be cut off and held up while other hubs'
// handles are not.
type line struct {
	backplane.Backplane

	mu   sync.Mutex
	cut  chan struct{} // closed: calls fail
	hold chan struct{} // not closed: entries wait for it
}

var errCut = errors.New("the line to the broker is cut")

func newLine(b backplane.Backplane) *line {
	l := &line{Backplane: b, cut: make(chan struct{}), hold: make(chan struct{})}
	close(l.hold)
	return l
}

func (l *line) state() (cut, hold <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cut, l.hold
}

// cutOff makes calls fail, and those under way, until mend.
func (l *line) cutOff() { close(l.cut) }

func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = make(chan struct{})
}

// holdUp makes entries wait until release.
func (l *line) holdUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hold = make(chan struct{})
}

func (l *line) release() { close(l.hold) }

// whole returns a context that ends with errCut when the line is cut.
func (l *line) whole(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	cut, _ := l.state()
	select {
	case <-cut:
		cancel(errCut)
	default:
	}
	go func() {
		select {
		case <-cut:
			cancel(errCut)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

func (l *line) Append(ctx context.Context, key string, entry []byte) (uint64, error) {
	ctx, cancel := l.whole(ctx)
	defer cancel()
	if ctx.Err() != nil {
		return 0, fmt.Errorf("%w: %w", backplane.ErrRefused, context.Cause(ctx))
	}
	return l.Backplane.Append(ctx, key, entry)
}

func (l *line) Tail(ctx context.Context, after backplane.Position, deliver func([]backplane.Entry) error) error {
	ctx, cancel := l.whole(ctx)
	defer cancel()
	return l.Backplane.Tail(ctx, after, func(entries []backplane.Entry) error {
		_, hold := l.state()
		select {
		case <-hold:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		return deliver(entries)
	})
}

func (l *line) Read(ctx context.Context, after backplane.Position, limit int) ([]backplane.Entry, error) {
	ctx, cancel := l.whole(ctx)
	defer cancel()
	return l.Backplane.Read(ctx, after, limit)
}

func (l *line) State(ctx context.Context) (backplane.State, error) {
	ctx, cancel := l.whole(ctx)
	defer cancel()
	return l.Backplane.State(ctx)
}
