//go:build unix

package socket

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Writable reports whether a small write to the socket would not block: the
// kernel says so while at least a third of the send buffer is free.
func Writable(raw syscall.RawConn) bool {
	ready := false
	err := raw.Control(func(fd uintptr) {
		p := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		n, err := unix.Poll(p[:], 0)
		ready = err == nil && n == 1 && p[0].Revents&(unix.POLLOUT|unix.POLLERR|unix.POLLHUP) != 0
	})
	return err == nil && ready
}

// CanAskWritable tells whether [Writable] can answer on this platform.
const CanAskWritable = true
