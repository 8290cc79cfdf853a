package socket

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Park duplicates the descriptor of c, which may be closed afterwards, and sets the
// size of the socket's send buffer, in bytes, unless that is zero.
func Park(c net.Conn, sendBuffer int) (Parked, error) {
	raw, ok := Plain(c)
	if !ok {
		return Parked{}, fmt.Errorf("socket: park %T: it is not a plain socket", c)
	}
	dup := NoDescriptor
	var dupErr error
	err := raw.Control(func(fd uintptr) {
		dup, dupErr = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
		if sendBuffer > 0 { // without it, it is the kernel's affair
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer)
		}
	})
	if err == nil {
		err = dupErr
	}
	if err != nil {
		return Parked{}, fmt.Errorf("socket: park connection of %v: duplicate its descriptor: %w", c.RemoteAddr(), err)
	}
	return Parked{FD: int32(dup)}, nil
}

// Write writes what the socket takes now: none is no error.
func (p Parked) Write(b []byte) (int, error) { return Write(int(p.FD), b) }

// WriteYielding is Write for a loop that does not keep up: it lets others run.
func (p Parked) WriteYielding(b []byte) (int, error) { return WriteYielding(int(p.FD), b) }

// ShutdownWrite ends this side of the connection.
func (p Parked) ShutdownWrite() { _ = unix.Shutdown(int(p.FD), unix.SHUT_WR) }

// Close discards what the peer has sent, so that the kernel does not answer it
// with a reset, and closes.
func (p Parked) Close() {
	var discard [4096]byte
	for range 16 {
		n, _, err := unix.Recvfrom(int(p.FD), discard[:], unix.MSG_DONTWAIT)
		if n <= 0 || err != nil {
			break
		}
	}
	unix.Close(int(p.FD))
}

// PeerSilent reports whether the peer should have acknowledged something, and has
// not for ms milliseconds.
func (p Parked) PeerSilent(ms int64) bool { return Silent(int(p.FD), ms) }

// RemoteAddr is the peer's address, if it has one.
func (p Parked) RemoteAddr() string {
	sa, err := unix.Getpeername(int(p.FD))
	if err != nil {
		return ""
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)).String()
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), uint16(sa.Port)).String()
	}
	return ""
}

// WatchRemedy is what can be done about an error of Poller.Watch, as the end of a
// sentence.
func WatchRemedy(err error) string {
	if errors.Is(err, unix.ENOSPC) {
		return "; raise the sysctl fs.epoll.max_user_watches"
	}
	return ""
}
