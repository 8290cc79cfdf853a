package exampletest

import (
	"net"
	"sync"
	"testing"
)

// Wire passes connections on to a server, and fails as networks do.
type Wire struct {
	URL  string // where it listens
	Addr string // the same, as host:port

	mu     sync.Mutex // guards what follows
	server string
	ln     net.Listener
	open   []*strand
}

// strand is one connection through a Wire.
type strand struct {
	client, server net.Conn
	mu             sync.Mutex // guards dead, and is held while bytes are passed on
	dead           bool
}

// NewWire passes connections on to the server at that address, until the test ends.
func NewWire(t testing.TB, server string) *Wire {
	t.Helper()
	w := &Wire{Addr: "127.0.0.1:0"}
	w.Mend(t, server)
	t.Cleanup(w.Down)
	return w
}

// Mend listens, again at the same address, for the server at that one.
func (w *Wire) Mend(t testing.TB, server string) {
	t.Helper()
	ln, err := net.Listen("tcp", w.Addr)
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.server, w.ln, w.Addr = server, ln, ln.Addr().String()
	w.URL = "http://" + w.Addr
	go w.accept(ln)
}

func (w *Wire) accept(ln net.Listener) {
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

// Silence takes everything on the connections that are open and passes nothing on: neither
// end hears that the other is gone.
func (w *Wire) Silence() {
	w.each(func(s *strand) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.dead = true
	})
}

// Cut resets the connections that are open.
func (w *Wire) Cut() {
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

// Down is what a killed server looks like: nobody listens, and connections are cut.
func (w *Wire) Down() {
	w.mu.Lock()
	_ = w.ln.Close()
	w.mu.Unlock()
	w.Cut()
}

func (w *Wire) each(f func(*strand)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.open {
		f(s)
	}
}
