package socket

import (
	"net"
	"testing"
)

// pair returns both ends of a TCP connection on the loopback.
func pair(t testing.TB) (server, client *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(); c.Close() })
	return s.(*net.TCPConn), c.(*net.TCPConn)
}

// embeds is what fasthttp's MaxConnsPerIP, and most wrappers, look like.
type embeds struct{ net.Conn }

// loops is a wrapper whose accessor leads nowhere.
type loops struct{ net.Conn }

func (l *loops) NetConn() net.Conn { return l }

// hijacked is what fasthttp wraps a hijacked connection in.
type hijacked struct{ net.Conn }

func (h hijacked) UnsafeConn() net.Conn { return h.Conn }
