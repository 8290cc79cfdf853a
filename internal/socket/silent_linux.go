package socket

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Silent reports whether an acknowledgement, or an answer to probes of a shut window,
// has been outstanding for ms milliseconds without a packet from the peer of a TCP
// socket. A live peer that takes no data still answers probes, so it is not silent;
// TCP_USER_TIMEOUT would kill it.
func Silent(fd int, ms int64) bool {
	var info unix.TCPInfo
	if tcpInfo(fd, &info) != 0 { // a unix socket: its peer cannot vanish
		return false
	}
	return (info.Unacked > 0 || info.Probes > 1) && int64(info.Last_ack_recv) >= ms
}

// SilentConn is Silent for a descriptor that Go's runtime manages.
func SilentConn(raw syscall.RawConn, ms int64) bool {
	silent := false
	err := raw.Control(func(fd uintptr) { silent = Silent(int(fd), ms) })
	return err == nil && silent
}
