//go:build !linux

package socket

import (
	"errors"
	"time"
)

// Poller waits to be woken. It can watch nothing on this platform.
type Poller struct{ woken chan struct{} }

// NewPoller makes a poller.
func NewPoller() (*Poller, error) { return &Poller{woken: make(chan struct{}, 1)}, nil }

// Watch cannot watch on this platform.
func (*Poller) Watch(int, uint64) error { return errors.ErrUnsupported }

// Remove does nothing: nothing is watched.
func (*Poller) Remove(int) {}

// Wake makes a present or the next Wait return.
func (p *Poller) Wake() {
	select {
	case p.woken <- struct{}{}:
	default:
	}
}

// Wait blocks until Wake is called or d has passed. A negative d waits for ever, zero
// not at all.
func (p *Poller) Wait(dst []Ready, d time.Duration) []Ready {
	switch {
	case d == 0:
		return dst
	case d < 0:
		<-p.woken
		return dst
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-p.woken:
	case <-t.C:
	}
	return dst
}

// Close does nothing: there is nothing to free.
func (*Poller) Close() {}
