package server

import (
	"bytes"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// clients counts the streams of each client address, for Config.MaxSubscribersPerIP. The
// zero value is ready. Its methods may be called by any goroutine.
type clients struct {
	mu      sync.Mutex         // guards streams
	streams map[netip.Addr]int // by what clientAddr returns; no entry is zero
}

// enter counts a stream of a client, unless the client has most of them already.
func (c *clients) enter(addr netip.Addr, most int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.streams[addr] >= most {
		return false
	}
	if c.streams == nil {
		c.streams = make(map[netip.Addr]int)
	}
	c.streams[addr]++
	return true
}

// leave counts a stream down that enter has counted.
func (c *clients) leave(addr netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.streams[addr]--; c.streams[addr] == 0 {
		delete(c.streams, addr)
	}
}

// of returns how many streams a client has.
func (c *clients) of(addr netip.Addr) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.streams[addr]
}

// hasRoom reports whether a client may have one stream more. If it has most already, hasRoom
// waits for a moment: a client that ends a stream and opens the next at once, as a browser
// does that loads a page again, can be faster than the news that its stream has ended.
func (c *clients) hasRoom(addr netip.Addr, most int) bool {
	const first, last = time.Millisecond, 16 * time.Millisecond // 31 ms in all
	for pause := first; c.of(addr) >= most; pause *= 2 {
		if pause > last {
			return false
		}
		time.Sleep(pause)
	}
	return true
}

// client returns the address that the streams of a request's client are counted by. It is
// the zero Addr if they are not counted.
func (h *Hub) client(ctx *fasthttp.RequestCtx) netip.Addr {
	if h.cfg.MaxSubscribersPerIP == 0 {
		return netip.Addr{}
	}
	if h.cfg.ForwardedHops > 0 {
		if addr, ok := forwardedFor(&ctx.Request.Header, h.cfg.ForwardedHops); ok {
			return network(addr)
		}
	}
	return network(peerOf(ctx.RemoteAddr()))
}

// network returns what clients are told apart by: an IPv4 address, or the first 64 bits of
// an IPv6 address, since a client usually has all addresses that begin with these.
func network(addr netip.Addr) netip.Addr {
	addr = addr.Unmap()
	if !addr.Is6() {
		return addr
	}
	p, err := addr.Prefix(64)
	if err != nil {
		return addr // unreachable: an IPv6 address has 128 bits
	}
	return p.Addr()
}

// peerOf returns the IP address of a connection's peer, or the zero Addr if it has none:
// a unix socket's.
func peerOf(addr net.Addr) netip.Addr {
	switch a := addr.(type) {
	case nil:
		return netip.Addr{}
	case *net.TCPAddr: // Fast path.
		return a.AddrPort().Addr()
	}
	ip, _ := parseAddr(addr.String())
	return ip
}

// forwardedFor returns the address that the outermost of so many proxies was connected to
// from: each appends the address of its peer to X-Forwarded-For, so it is that entry from
// the right. Several header lines are one list. ok is false if there is no such entry, or
// if it is not an address.
func forwardedFor(h *fasthttp.RequestHeader, hops int) (addr netip.Addr, ok bool) {
	var lines [][]byte
	for name, value := range h.All() {
		if bytes.EqualFold(name, []byte(fasthttp.HeaderXForwardedFor)) {
			lines = append(lines, value)
		}
	}
	for i := len(lines) - 1; i >= 0; i-- {
		rest := lines[i]
		for more := true; more; hops-- {
			comma := bytes.LastIndexByte(rest, ',')
			if hops == 1 {
				return parseAddr(strings.TrimSpace(string(rest[comma+1:])))
			}
			if more = comma >= 0; more {
				rest = rest[:comma]
			}
		}
	}
	return netip.Addr{}, false
}

// parseAddr reads an IP address, which may have a port, as some proxies write it.
func parseAddr(s string) (addr netip.Addr, ok bool) {
	if addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")); err == nil {
		return addr, true
	}
	p, err := netip.ParseAddrPort(s)
	return p.Addr(), err == nil
}
