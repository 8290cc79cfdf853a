package clients

import (
	"bytes"
	"net"
	"regexp"
	"sync"
	"testing"
	"time"
)

// torn is the data of events within which a tear breaks connections.
const torn = "torn"

// tear is a TCP proxy that breaks the connection of each topic once within the data of an
// event.
type tear struct {
	addr string // of the server

	mu   sync.Mutex // guards what follows
	done map[string]bool
}

// newTear starts a tear in front of the server at addr, until the end of the test. It
// returns its URL.
func newTear(t *testing.T, addr string) (*tear, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &tear{addr: addr, done: map[string]bool{}}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.pass(client)
		}
	}()
	return p, "http://" + l.Addr().String()
}

// has reports whether the connection of a topic was broken.
func (p *tear) has(topic string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done[topic]
}

// unread is the time that a client has to read the torn event. Chromium does not hand out
// what it reads together with the end of the connection.
const unread = 200 * time.Millisecond

var subscribes = regexp.MustCompile(`^GET /events\?topic=(\S+) `)

// pass passes on what a client and the server say, until one of the two ends, or it tears.
func (p *tear) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.addr)
	if err != nil {
		return
	}
	defer server.Close()
	topic := make(chan string, 1)
	go func() {
		copyUntil(server, client, func(b []byte) (int, bool) {
			if m := subscribes.FindSubmatch(b); m != nil {
				topic <- string(m[1])
			}
			return len(b), false
		})
		_ = server.Close()
	}()
	copyUntil(client, server, func(b []byte) (int, bool) {
		at := bytes.Index(b, []byte("data: "+torn))
		if at < 0 || !p.first(<-topic) {
			return len(b), false
		}
		return at + len("data: ") + len(torn)/2, true
	})
}

// first reports whether a topic has not been torn, and notes that it is now.
func (p *tear) first(topic string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := !p.done[topic]
	p.done[topic] = true
	return first
}

// copyUntil copies what comes, as cut decides: how much of it, and whether that is all.
func copyUntil(to, from net.Conn, cut func([]byte) (n int, last bool)) {
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if n > 0 {
			pass, last := cut(b[:n])
			if _, err := to.Write(b[:pass]); err != nil {
				return
			}
			if last {
				time.Sleep(unread)
				return
			}
		}
		if err != nil {
			return
		}
	}
}
