package server

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/fastsse/fastsse/internal/socket"
	"golang.org/x/sys/unix"
)

// A parked stream is a descriptor of its own on the connection's socket, and a
// seat. What fasthttp had for the connection is given back.

// noDescriptor is the fd of a streamed subscriber's seat.
const noDescriptor = -1

// parkedSocket is the descriptor of a parked stream.
type parkedSocket struct {
	fd int32
}

// park duplicates the descriptor of c, which may be closed afterwards, and sets
// the size of the socket's send buffer unless that is zero.
func park(c net.Conn, sendBuffer int) (parkedSocket, error) {
	raw, ok := socket.Plain(c)
	if !ok {
		return parkedSocket{}, fmt.Errorf("server: park %T: it is not a plain socket", c)
	}
	dup := noDescriptor
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
		return parkedSocket{}, fmt.Errorf("server: park connection of %v: duplicate its descriptor: %w", c.RemoteAddr(), err)
	}
	return parkedSocket{fd: int32(dup)}, nil
}

// write writes what the socket takes now: none is no error.
func (p parkedSocket) write(b []byte) (int, error) { return socket.Write(int(p.fd), b) }

// writeBusy is write for a loop that does not keep up: it lets others run.
func (p parkedSocket) writeBusy(b []byte) (int, error) { return socket.WriteYielding(int(p.fd), b) }

func (p parkedSocket) shutdownWrite() { _ = unix.Shutdown(int(p.fd), unix.SHUT_WR) }

// close discards what the peer has sent, so that the kernel does not answer it
// with a reset, and closes.
func (p parkedSocket) close() {
	var discard [4096]byte
	for range 16 {
		n, _, err := unix.Recvfrom(int(p.fd), discard[:], unix.MSG_DONTWAIT)
		if n <= 0 || err != nil {
			break
		}
	}
	unix.Close(int(p.fd))
}

// silent reports whether the peer should have acknowledged something, and has
// not for ms milliseconds.
func (p parkedSocket) peerSilent(ms int64) bool { return socket.Silent(int(p.fd), ms) }

// remoteAddr is the peer's address, if it has one.
func (p parkedSocket) remoteAddr() string {
	sa, err := unix.Getpeername(int(p.fd))
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

// waiter wakes a loop that waits.
type waiter = *socket.Poller

// shardIO is a shard's epoll set.
type shardIO struct {
	poller *socket.Poller
	ready  []socket.Ready
}

func (io *shardIO) open() (waiter, error) {
	p, err := socket.NewPoller()
	io.poller = p
	return p, err
}

func (io *shardIO) close() { io.poller.Close() }

func (io *shardIO) watch(fd int32, ref slotRef) error {
	return io.poller.Watch(int(fd), ref.token())
}

// watchRemedy is what can be done about an error of watch.
func watchRemedy(err error) string {
	if errors.Is(err, unix.ENOSPC) {
		return "; raise the sysctl fs.epoll.max_user_watches"
	}
	return ""
}

func (io *shardIO) remove(fd int32) { io.poller.Remove(int(fd)) }

// wait blocks until the kernel or the inbox has something, or d has passed, and
// deals with what the kernel has.
func (s *shard) wait(d time.Duration) {
	s.io.ready = s.io.poller.Wait(s.io.ready[:0], d)
	if len(s.io.ready) > 0 {
		s.now = s.hub.now()
	}
	for _, r := range s.io.ready {
		ref := refOf(r.Token)
		st, ok := s.slots.get(ref)
		switch {
		case !ok: // of a stream that has ended since
		case r.Gone:
			s.hangUp(ref.slot, ReasonClient)
		case r.Writable && st.lagging:
			st.lagging = false
			s.deliver(ref.slot)
		}
	}
}

// descriptorLimit is how many files the process may open.
func descriptorLimit() int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 1024
	}
	return int(min(l.Cur, 1<<30))
}

// tuneListener sets what the connections of a listening socket inherit, which
// Go would otherwise set on each. A setting that the kernel does not know is
// left out: everything works without.
//
// TCP_DEFER_ACCEPT keeps connections that have not said anything with the
// kernel. The keep-alive times are Go's.
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

// listenConfig makes sockets that are tuned once, not for each connection.
func listenConfig() net.ListenConfig {
	return net.ListenConfig{KeepAlive: -1, Control: tuneListener}
}
