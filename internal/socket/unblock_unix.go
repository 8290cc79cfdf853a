//go:build unix

package socket

import (
	"net"

	"golang.org/x/sys/unix"
)

// Unblock takes the socket under c out of blocking mode, if it is one of package net's.
// Accepted sockets are not in blocking mode. But the mode belongs to the open file, so
// calling Fd on the os.File that a TCPConn's File returns sets it for the connection as
// well, and then deadlines no longer end a write to a peer that takes nothing.
func Unblock(c net.Conn) {
	sc := bottom(c)
	switch sc.(type) {
	case interface{ SetNoDelay(bool) error }, *net.UnixConn: // TCP, embedded or not
	default:
		return // its maker may rely on its mode
	}
	if raw, err := sc.SyscallConn(); err == nil {
		// These fail only if the connection is closed already.
		_ = raw.Control(func(fd uintptr) { _ = unix.SetNonblock(int(fd), true) })
	}
}
