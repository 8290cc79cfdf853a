package socket

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Silent reports whether the peer of a TCP socket owes an acknowledgement, or
// answers to probes of its shut window, and has sent none for ms milliseconds. A
// peer that lives but takes nothing does not stay silent: TCP_USER_TIMEOUT would
// kill it, this tells it from a dead one.
func Silent(fd int, ms int64) bool {
	var info unix.TCPInfo
	if tcpInfo(fd, &info) != 0 { // a unix socket: its peer cannot vanish
		return false
	}
	return (info.Unacked > 0 || info.Probes > 1) && int64(info.Last_ack_recv) >= ms
}

// SilentConn is Silent for a descriptor that is Go's.
func SilentConn(raw syscall.RawConn, ms int64) bool {
	silent := false
	err := raw.Control(func(fd uintptr) { silent = Silent(int(fd), ms) })
	return err == nil && silent
}
