package client_test

import (
	"net"
	"sync"
	"testing"
)

// network is what is between clients and a server: it can break connections, and lead to
// another server.
type network struct {
	URL string

	mu     sync.Mutex // guards what follows
	server string     // its address; empty: connections are closed at once
	pairs  map[net.Conn]net.Conn
	left   int // bytes to pass on before all connections are reset; negative: no limit
}

// newNetwork starts a network whose address stays the same until the test's end.
func newNetwork(t *testing.T) *network {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &network{URL: "http://" + l.Addr().String(), pairs: map[net.Conn]net.Conn{}, left: -1}
	t.Cleanup(func() {
		l.Close()
		n.reset()
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go n.connect(c)
		}
	}()
	return n
}

// leadTo makes further connections lead to the server at an address.
func (n *network) leadTo(server string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.server = server
}

// cutAfter resets all connections when so many more bytes have come from the server.
func (n *network) cutAfter(bytes int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.left = bytes
}

// isCut reports whether cutAfter has come true.
func (n *network) isCut() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.left < 0
}

// reset resets all connections, on both sides.
func (n *network) reset() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.resetLocked()
}

func (n *network) resetLocked() {
	for near, far := range n.pairs {
		for _, c := range []net.Conn{near, far} {
			_ = c.(*net.TCPConn).SetLinger(0)
			_ = c.Close()
		}
		delete(n.pairs, near)
	}
}

func (n *network) connect(near net.Conn) {
	defer near.Close()
	n.mu.Lock()
	server := n.server
	n.mu.Unlock()
	far, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer far.Close()
	n.mu.Lock()
	n.pairs[near] = far
	n.mu.Unlock()
	go func() { // what the client says
		b := make([]byte, 4<<10)
		for {
			k, err := near.Read(b)
			if _, werr := far.Write(b[:k]); err != nil || werr != nil {
				_ = far.(*net.TCPConn).CloseWrite()
				return
			}
		}
	}()
	b := make([]byte, 4<<10)
	for {
		k, err := far.Read(b)
		if _, werr := near.Write(b[:k]); err != nil || werr != nil || n.count(k) {
			return
		}
	}
}

// count counts bytes from the server, and reports whether connections were reset for it.
func (n *network) count(k int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.left < 0 {
		return false
	}
	if n.left -= k; n.left < 0 {
		n.resetLocked()
		return true
	}
	return false
}
