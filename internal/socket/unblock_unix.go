//go:build unix

package socket

import (
	"net"

	"golang.org/x/sys/unix"
)

// Unblock takes the socket under c out of blocking mode, if it is one of package
// net's. Accepted sockets are not in it, but it belongs to the open file: Fd on
// the os.File that a TCPConn's File returns sets it for the connection as well,
// and then a write to a peer that takes nothing has no deadline any more.
func Unblock(c net.Conn) {
	sc := bottom(c)
	switch sc.(type) {
	case interface{ SetNoDelay(bool) error }, *net.UnixConn: // TCP, embedded or not
	default:
		return // whoever made it may rely on its mode
	}
	if raw, err := sc.SyscallConn(); err == nil {
		// Neither fails but for a connection that is closed already.
		_ = raw.Control(func(fd uintptr) { _ = unix.SetNonblock(int(fd), true) })
	}
}
