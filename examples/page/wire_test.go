package page_test

import (
	"net"
	"sync"
	"testing"
)

// wire passes connections on to a server, and fails as networks do.
type wire struct {
	Addr string // where it listens

	mu     sync.Mutex // guards what follows
	server string
	ln     net.Listener
	open   []*strand
}

// strand is one connection through a wire.
type strand struct {
	client, server net.Conn
	mu             sync.Mutex // guards dead, and is held while bytes are passed on
	dead           bool
}

// newWire passes connections on to the server at that address, until the test ends.
func newWire(t *testing.T, server string) *wire {
	t.Helper()
	w := &wire{Addr: "127.0.0.1:0", server: server}
	w.mend(t, server)
	t.Cleanup(w.down)
	return w
}

// mend listens, again at the same address, for the server at that one.
func (w *wire) mend(t *testing.T, server string) {
	t.Helper()
	ln, err := net.Listen("tcp", w.Addr)
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.server, w.ln, w.Addr = server, ln, ln.Addr().String()
	go w.accept(ln)
}

func (w *wire) accept(ln net.Listener) {
	for {
		client, err := ln.Accept()
		if err != nil {
			return
		}
		w.mu.Lock()
		server, err := net.Dial("tcp", w.server)
		if err != nil {
			_ = client.Close()
		} else {
			s := &strand{client: client, server: server}
			w.open = append(w.open, s)
			go s.pass(client, server)
			go s.pass(server, client)
		}
		w.mu.Unlock()
	}
}

func (s *strand) pass(from, to net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		s.mu.Lock()
		dead := s.dead
		if !dead && n > 0 {
			_, _ = to.Write(buf[:n])
		}
		s.mu.Unlock()
		if err != nil && !dead {
			_ = s.client.Close()
			_ = s.server.Close()
		}
		if err != nil {
			return
		}
	}
}

// silence takes everything on the connections that are open and passes nothing on: neither
// end hears that the other is gone.
func (w *wire) silence() {
	w.each(func(s *strand) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.dead = true
	})
}

// cut resets the connections that are open.
func (w *wire) cut() {
	w.each(func(s *strand) {
		for _, c := range []net.Conn{s.client, s.server} {
			_ = c.(*net.TCPConn).SetLinger(0)
			_ = c.Close()
		}
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open = nil
}

// down is what a killed server looks like: nobody listens, and connections are cut.
func (w *wire) down() {
	w.mu.Lock()
	_ = w.ln.Close()
	w.mu.Unlock()
	w.cut()
}

func (w *wire) each(f func(*strand)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.open {
		f(s)
	}
}
