package socket

import (
	"crypto/tls"
	"net"
	"reflect"
	"syscall"
)

// Plain returns the descriptor of c if bytes written to it are bytes on the
// wire: a TCP or unix socket, reached at most through fasthttp's own wrapper of
// a hijacked connection. TLS, in-memory listeners and wrappers of unknown
// purpose have none.
func Plain(c net.Conn) (syscall.RawConn, bool) {
	if h, ok := c.(interface{ UnsafeConn() net.Conn }); ok {
		c = h.UnsafeConn()
	}
	switch c := c.(type) {
	case *net.TCPConn:
		raw, err := c.SyscallConn()
		return raw, err == nil
	case *net.UnixConn:
		raw, err := c.SyscallConn()
		return raw, err == nil
	}
	return nil, false
}

// Transparent returns the descriptor of the socket under c if a write to c waits
// for that socket and for nothing else: a plain socket, or TLS over one. What the
// Write of any other wrapper waits for is not known.
func Transparent(c net.Conn) (syscall.RawConn, bool) {
	if h, ok := c.(interface{ UnsafeConn() net.Conn }); ok {
		c = h.UnsafeConn()
	}
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	return Plain(c)
}

// Beneath returns the descriptor of the socket under c, through TLS and any wrapper that
// embeds a net.Conn. Use it to watch and query the socket, never to write: a wrapper may
// transform what passes through it.
func Beneath(c net.Conn) (syscall.RawConn, bool) {
	sc := bottom(c)
	if sc == nil {
		return nil, false
	}
	raw, err := sc.SyscallConn()
	return raw, err == nil
}

// bottom removes all wrappers from c, or returns nil if there is no socket.
func bottom(c net.Conn) syscall.Conn {
	for range 8 { // wrappers of wrappers, not loops
		if sc, ok := c.(syscall.Conn); ok {
			return sc
		}
		if c = unwrap(c); c == nil {
			return nil
		}
	}
	return nil
}

// unwrap removes one wrapper from c, or returns nil.
func unwrap(c net.Conn) net.Conn {
	switch w := c.(type) {
	case interface{ UnsafeConn() net.Conn }: // fasthttp's hijacked connection
		return w.UnsafeConn()
	case interface{ NetConn() net.Conn }: // *tls.Conn
		return w.NetConn()
	}
	// fasthttp's MaxConnsPerIP wrapper has no accessor, but like most it embeds
	// the connection.
	v := reflect.ValueOf(c)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return nil
	}
	f := v.Elem().FieldByName("Conn")
	if !f.IsValid() || !f.CanInterface() {
		return nil
	}
	inner, _ := f.Interface().(net.Conn)
	return inner
}
