package soak_test

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// network is what is between a hub and its broker: a listener that passes on what comes, until
// it is told to do otherwise.
type network struct {
	ln     *net.TCPListener
	broker string // the broker's address

	mu      sync.Mutex // guards all below
	how     weather
	changed chan struct{} // closed, and replaced, when how changes
	conns   map[*net.TCPConn]bool
	closed  bool
}

// weather is how the network is. The zero weather is fair.
type weather struct {
	held  bool          // nothing passes, and nobody is told
	cut   bool          // connections are reset, and refused
	delay time.Duration // of each read, each way
}

func newNetwork(t testing.TB, broker string) *network {
	ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	n := &network{ln: ln, broker: broker, changed: make(chan struct{}), conns: map[*net.TCPConn]bool{}}
	go n.accept()
	return n
}

func (n *network) address() string { return n.ln.Addr().String() }

// set changes the weather.
func (n *network) set(how weather) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.how = how
	close(n.changed)
	n.changed = make(chan struct{})
	if how.cut {
		n.resetLocked()
	}
}

func (n *network) resetLocked() {
	for c := range n.conns {
		_ = c.SetLinger(0)
		_ = c.Close()
	}
	clear(n.conns)
}

// close ends it, and all that go through it.
func (n *network) close() {
	_ = n.ln.Close()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	n.resetLocked()
	close(n.changed)
	n.changed = make(chan struct{})
}

func (n *network) accept() {
	for {
		client, err := n.ln.AcceptTCP()
		if err != nil {
			return
		}
		go n.connect(client)
	}
}

// connect passes on one connection.
func (n *network) connect(client *net.TCPConn) {
	if !n.keep(client) {
		return
	}
	defer n.drop(client)
	if !n.passes(client) {
		return
	}
	c, err := net.DialTimeout("tcp", n.broker, 3*time.Second)
	if err != nil {
		return
	}
	server := c.(*net.TCPConn)
	if !n.keep(server) {
		return
	}
	defer n.drop(server)
	var both sync.WaitGroup
	both.Go(func() { n.pass(server, client) })
	both.Go(func() { n.pass(client, server) })
	both.Wait()
}

// keep notes a connection, unless there may be none.
func (n *network) keep(c *net.TCPConn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed || n.how.cut {
		_ = c.SetLinger(0)
		_ = c.Close()
		return false
	}
	n.conns[c] = true
	return true
}

func (n *network) drop(c *net.TCPConn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.conns, c)
	_ = c.Close()
}

// passes waits while nothing passes, and says whether the connection is still there.
func (n *network) passes(c *net.TCPConn) bool {
	for {
		n.mu.Lock()
		how, changed, there := n.how, n.changed, n.conns[c]
		n.mu.Unlock()
		switch {
		case !there:
			return false
		case !how.held:
			time.Sleep(how.delay)
			return true
		}
		<-changed
	}
}

// pass copies one direction, until its end.
func (n *network) pass(to, from *net.TCPConn) {
	defer func() { _ = to.CloseWrite() }()
	b := make([]byte, 32<<10)
	for {
		count, err := from.Read(b)
		if count > 0 {
			if !n.passes(from) {
				return
			}
			if _, err := to.Write(b[:count]); err != nil {
				_ = from.Close()
				return
			}
		}
		if err != nil {
			if err != io.EOF {
				_ = to.Close()
			}
			return
		}
	}
}
