//go:build !linux

package server

import (
	"errors"
	"net"
	"time"
)

// Only Linux parks. Elsewhere every stream is streamed, and a shard's loop waits
// for its inbox alone.

const noDescriptor = -1

type parkedSocket struct {
	fd int32
}

func park(net.Conn, int) (parkedSocket, error) {
	return parkedSocket{}, errors.New("server: park connection: only Linux can")
}

func (parkedSocket) write([]byte) (int, error)     { return 0, errors.ErrUnsupported }
func (parkedSocket) writeBusy([]byte) (int, error) { return 0, errors.ErrUnsupported }
func (parkedSocket) shutdownWrite()                {}
func (parkedSocket) close()                        {}
func (parkedSocket) peerSilent(int64) bool         { return false }
func (parkedSocket) remoteAddr() string            { return "" }

// waiter wakes a loop that waits.
type waiter chan struct{}

func (w waiter) Wake() {
	select {
	case w <- struct{}{}:
	default:
	}
}

type shardIO struct {
	wake waiter
}

func (io *shardIO) open() (waiter, error) {
	io.wake = make(waiter, 1)
	return io.wake, nil
}

func (*shardIO) close()                     {}
func (*shardIO) watch(int32, slotRef) error { return errors.ErrUnsupported }
func (*shardIO) remove(int32)               {}
func watchRemedy(error) string              { return "" }

func (s *shard) wait(d time.Duration) {
	if d == 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-s.io.wake:
	case <-t.C:
	}
}

// descriptorLimit is a guess where there is no way to ask.
func descriptorLimit() int { return 10_000 }

func listenConfig() net.ListenConfig { return net.ListenConfig{} }
