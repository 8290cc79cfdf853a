package streamwriter

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// deadline is the write deadline that was set with SetWriteDeadline.
type deadline struct {
	given atomic.Pointer[time.Time] // nil: none. Stored under mu

	mu   sync.Mutex // guards over, and out's deadline; never held during a write
	over bool       // out belongs to somebody else again
}

// SetWriteDeadline makes every write from now on, including one that is waiting,
// fail once t has passed, instead of after Options.WriteTimeout. A write that
// fails ends the stream: the cause of its Context then wraps os.ErrDeadlineExceeded.
// A zero t restores Options.WriteTimeout.
//
// It does not wait for writes, and may be called from any goroutine. It fails with
// errors.ErrUnsupported if the io.Writer has no SetWriteDeadline method, and with
// context.Cause of the Context once the stream has been closed.
func (w *Writer) SetWriteDeadline(t time.Time) error {
	if w.out.setDeadline == nil {
		return fmt.Errorf("streamwriter: set write deadline: %T has no SetWriteDeadline method: %w", w.out.Writer, errors.ErrUnsupported)
	}
	w.deadline.mu.Lock()
	defer w.deadline.mu.Unlock()
	if w.deadline.over {
		return context.Cause(w.ctx)
	}
	w.deadline.given.Store(nil)
	if !t.IsZero() {
		w.deadline.given.Store(&t)
	}
	err := w.setDeadlineLocked(time.Now())
	if cause := context.Cause(w.ctx); cause == ErrClientGone { // leave came first: its deadline must stay
		return w.out.setDeadline(time.Unix(1, 0))
	}
	return err
}

// setDeadline sets the deadline of a write that begins now.
func (w *Writer) setDeadline(now time.Time) error {
	w.deadline.mu.Lock()
	defer w.deadline.mu.Unlock()
	return w.setDeadlineLocked(now)
}

// setDeadlineLocked is setDeadline for callers that hold deadline.mu.
func (w *Writer) setDeadlineLocked(now time.Time) error {
	if given := w.deadline.given.Load(); given != nil {
		return w.out.setDeadline(*given)
	}
	if w.opts.WriteTimeout == 0 {
		return w.out.setDeadline(time.Time{})
	}
	return w.out.setDeadline(now.Add(w.opts.WriteTimeout))
}

// endDeadline makes SetWriteDeadline leave the transport alone from now on. It reports
// whether a deadline of SetWriteDeadline is set.
func (w *Writer) endDeadline() (given bool) {
	w.deadline.mu.Lock()
	defer w.deadline.mu.Unlock()
	w.deadline.over = true
	return w.deadline.given.Load() != nil
}
