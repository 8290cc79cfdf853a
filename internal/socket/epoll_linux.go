package socket

import (
	"encoding/binary"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Poller is an epoll set and an eventfd that wakes its owner. One goroutine calls
// Wait; any may call Wake. The kernel registers the open file, not the descriptor's
// number: remove a descriptor before closing it, and give it a token that differs from
// those of earlier connections with the same number.
type Poller struct {
	ep, wake int
	events   []unix.EpollEvent
}

// wakeToken is the eventfd's; callers must give smaller tokens.
const wakeToken = ^uint64(0)

// NewPoller makes a poller. Close it when its last descriptor is gone.
func NewPoller() (*Poller, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("socket: create epoll set: %w", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(ep)
		return nil, fmt.Errorf("socket: create eventfd: %w", err)
	}
	p := &Poller{ep: ep, wake: wake, events: make([]unix.EpollEvent, 256)}
	if err := p.add(wake, wakeToken, unix.EPOLLIN); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Watch adds fd, edge-triggered. It reports that the peer has left and, after a write
// that found no room, that there is room again.
func (p *Poller) Watch(fd int, token uint64) error {
	return p.add(fd, token, unix.EPOLLRDHUP|unix.EPOLLOUT|unix.EPOLLET)
}

// WatchPeer adds fd, edge-triggered. It reports only that the peer has left.
func (p *Poller) WatchPeer(fd int, token uint64) error {
	return p.add(fd, token, unix.EPOLLRDHUP|unix.EPOLLET)
}

func (p *Poller) add(fd int, token uint64, events uint32) error {
	ev := unix.EpollEvent{Events: events, Fd: int32(token), Pad: int32(token >> 32)}
	if err := unix.EpollCtl(p.ep, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fmt.Errorf("socket: watch descriptor %d: %w", fd, err)
	}
	return nil
}

// Remove ends the watch on fd. It must precede the close of fd.
func (p *Poller) Remove(fd int) {
	// An error means that it was not watched, which does no harm.
	_ = unix.EpollCtl(p.ep, unix.EPOLL_CTL_DEL, fd, nil)
}

// Wake makes the present Wait, or the next one, return.
func (p *Poller) Wake() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	// EAGAIN means that 2^64-2 wake-ups are pending: awake enough.
	_, _ = unix.Write(p.wake, one[:])
}

// Wait blocks until something is ready, Wake is called or d has passed, and
// appends what is ready to dst. A negative d waits for ever, zero not at all.
func (p *Poller) Wait(dst []Ready, d time.Duration) []Ready {
	ms := -1
	if d >= 0 {
		ms = int((d + time.Millisecond - 1) / time.Millisecond)
	}
	n, err := unix.EpollWait(p.ep, p.events, ms)
	if err != nil { // EINTR: the caller's loop calls again
		return dst
	}
	for _, ev := range p.events[:n] {
		token := uint64(uint32(ev.Fd)) | uint64(uint32(ev.Pad))<<32
		if token == wakeToken {
			var buf [8]byte
			_, _ = unix.Read(p.wake, buf[:])
			continue
		}
		dst = append(dst, Ready{
			Token:    token,
			PeerGone: ev.Events&(unix.EPOLLRDHUP|unix.EPOLLERR|unix.EPOLLHUP) != 0,
			Writable: ev.Events&unix.EPOLLOUT != 0,
		})
	}
	return dst
}

// Close frees the poller's own descriptors, not those it watches.
func (p *Poller) Close() {
	unix.Close(p.wake)
	unix.Close(p.ep)
}
