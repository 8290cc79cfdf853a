package load

import (
	"container/heap"
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

func (r *epollReader) ask(st *rawStream) {
	a, err := r.swarm.asks(&st.stream)
	if err != nil {
		r.breaks(st, err, Now())
		return
	}
	st.ans, st.full, st.tried = answer{}, false, 0
	st.out = a.appendTo(nil)
	st.life++
	at := hostPort(a.url)
	if addrs, ok := r.swarm.dialer.known(at); ok {
		st.to = addrs
		r.dial(st)
		return
	}
	go r.find(st, st.life, at)
}

// find finds the addresses of a host that the stream was redirected to.
func (r *epollReader) find(st *rawStream, life int32, at string) {
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	addrs, err := r.swarm.dialer.find(ctx, at)
	r.meter.mu.Lock()
	defer r.meter.mu.Unlock()
	switch {
	case r.stopped || st.life != life || st.phase != connecting:
	case err != nil:
		r.breaks(st, err, Now())
	default:
		st.to = addrs
		r.dial(st)
	}
}

// target is the address that a stream connects to, and its family.
func (r *epollReader) target(st *rawStream) (to netip.AddrPort, address unix.Sockaddr, family int) {
	if path := r.swarm.dialer.unix; path != "" {
		return to, &unix.SockaddrUnix{Name: path}, unix.AF_UNIX
	}
	to = pick(st.to, st.index, st.tried)
	if to.Addr().Is4() {
		return to, sockaddr(to), unix.AF_INET
	}
	return to, sockaddr(to), unix.AF_INET6
}

// dial begins to connect to the stream's next address, and sends its request.
func (r *epollReader) dial(st *rawStream) {
	if err := r.begin(st); err != nil {
		r.unreached(st, err)
		return
	}
	r.send(st)
}

func (r *epollReader) begin(st *rawStream) error {
	to, address, family := r.target(st)
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	st.fd = fd
	if from := r.swarm.dialer.from(to.Addr()); from.IsValid() {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
		if err := unix.Bind(fd, sockaddr(netip.AddrPortFrom(from, 0))); err != nil {
			return fmt.Errorf("bind to %v: %w", from, err)
		}
	}
	if st.client.ill() {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, st.client.window())
	}
	if err := unix.Connect(fd, address); err != nil && err != unix.EINPROGRESS {
		return err
	}
	return unix.EpollCtl(r.ep, unix.EPOLL_CTL_ADD, fd, st.interest(unix.EPOLLIN|unix.EPOLLRDHUP))
}

// unreached tries the next address, if there is one.
func (r *epollReader) unreached(st *rawStream, err error) {
	to, _, _ := r.target(st)
	st.close(false)
	st.life++
	if err == unix.EAGAIN { // a Unix socket whose backlog is full, which nobody tells the end of
		heap.Push(&r.coming, comeback{Now() + 5*time.Millisecond, st, st.life})
		r.nudge()
		return
	}
	st.tried++
	if pick(st.to, st.index, st.tried).IsValid() {
		r.dial(st)
		return
	}
	at := to.String()
	if !to.IsValid() {
		at = r.swarm.dialer.unix
	}
	r.breaks(st, fmt.Errorf("connect to %s: %w", at, err), Now())
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
	}
	s := &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
	if zone, err := net.InterfaceByName(a.Addr().Zone()); err == nil {
		s.ZoneId = uint32(zone.Index)
	}
	return s
}
