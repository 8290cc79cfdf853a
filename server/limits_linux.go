package server

import (
	"net"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// descriptorLimit is how many files the process may open.
func descriptorLimit() int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 1024
	}
	return int(min(l.Cur, 1<<30))
}

// tuneListener sets options on a listening socket that its connections inherit, and which
// Go would otherwise set on each. Options that the kernel does not know are left out:
// everything works without them.
//
// TCP_DEFER_ACCEPT leaves a connection with the kernel until the client has sent
// something. The keep-alive times are Go's.
func tuneListener(network, _ string, raw syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	return raw.Control(func(fd uintptr) {
		for _, o := range []struct{ level, name, value int }{
			{unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 1},
			{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
			{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 15},
			{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 15},
			{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 9},
		} {
			_ = unix.SetsockoptInt(int(fd), o.level, o.name, o.value)
		}
	})
}

// listenConfig makes listening sockets with these options.
func listenConfig() net.ListenConfig {
	return net.ListenConfig{KeepAlive: -1, Control: tuneListener}
}
