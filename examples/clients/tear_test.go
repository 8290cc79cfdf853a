package clients

import (
	"bytes"
	"net"
	"sync"
	"testing"

	"github.com/fastsse/fastsse/internal/testkit"
)

// tear is a TCP proxy in front of the server for one client. It resets the connection, once
// for each of its cuts, when the server has sent what the cut says.
type tear struct {
	URL string

	addr, server string

	mu    sync.Mutex // guards what follows
	l     net.Listener
	conns map[net.Conn]bool // of clients
	cuts  []*cut
}

// cut is where a connection is reset: at the end of the block in which mark is, or, if more
// is not zero, that many bytes after the mark.
type cut struct {
	mark string // ends with a semicolon
	more int
	done bool
}

// newTear starts a tear in front of the server at addr, until the end of the test.
func newTear(t *testing.T, addr string, cuts ...*cut) *tear {
	t.Helper()
	p := &tear{addr: testkit.FreeAddress(t), server: addr, conns: map[net.Conn]bool{}, cuts: cuts}
	p.URL = "http://" + p.addr
	p.listen(t)
	t.Cleanup(p.close)
	return p
}

// listen lets clients in.
func (p *tear) listen(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	p.l = l
	p.mu.Unlock()
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.pass(client)
		}
	}()
}

// close resets all connections, and refuses further ones until listen.
func (p *tear) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.l.Close()
	for c := range p.conns {
		reset(c)
	}
}

func reset(c net.Conn) {
	_ = c.(*net.TCPConn).SetLinger(0) // not a polite end
	_ = c.Close()
}

// pass passes on what a client and the server say, until one of the two ends, or a cut.
func (p *tear) pass(client net.Conn) {
	p.mu.Lock()
	p.conns[client] = true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.conns, client)
		p.mu.Unlock()
		_ = client.Close()
	}()
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_ = copyUntil(server, client, func([]byte) int { return -1 })
		_ = server.Close()
	}()
	watch := &watch{tear: p}
	if copyUntil(client, server, watch.look) {
		reset(client)
	}
}

// copyUntil copies what comes. cut says how many bytes of it are the last, or less than
// zero; copyUntil reports whether there were last ones.
func copyUntil(to, from net.Conn, cut func([]byte) int) bool {
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if n > 0 {
			last := cut(b[:n])
			if last >= 0 {
				n = last
			}
			if _, err := to.Write(b[:n]); err != nil {
				return false
			}
			if last >= 0 {
				return true
			}
		}
		if err != nil {
			return false
		}
	}
}

// watch looks for cuts in what a server sends on one connection.
type watch struct {
	tear *tear
	tail []byte // what came last
	at   *cut   // whose mark has passed
	more int    // bytes since then
}

// longest is the length of the longest mark.
const longest = 16

// look returns how many bytes of b are sent before a cut, or less than zero.
func (w *watch) look(b []byte) int {
	all := append(w.tail, b...)
	old := len(w.tail)
	w.tail = bytes.Clone(all[max(0, len(all)-longest):])
	for i, c := range b {
		switch {
		case w.at == nil:
			if c == ';' {
				w.at = w.tear.find(all[:old+i+1])
			}
			continue
		case w.at.more == 0 && c == '\n' && bytes.HasSuffix(all[:old+i+1], []byte("\n\n")):
			return i + 1
		}
		if w.more++; w.more == w.at.more {
			return i + 1
		}
	}
	return -1
}

// find returns the cut with whose mark b ends. It is done then.
func (p *tear) find(b []byte) *cut {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.cuts {
		if !c.done && bytes.HasSuffix(b, []byte(c.mark)) {
			c.done = true
			return c
		}
	}
	return nil
}

// torn reports whether all cuts are done.
func (p *tear) torn() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.cuts {
		if !c.done {
			return false
		}
	}
	return true
}
