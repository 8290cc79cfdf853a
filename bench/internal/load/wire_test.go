package load

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
)

// head begins a stream without chunks.
const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"

// script answers the request of one connection, which is closed afterwards.
// visit counts the connections from 1.
type script func(c *net.TCPConn, r *http.Request, visit int)

// serve answers connections until the test ends, and returns the URL.
func serve(t *testing.T, answer script) (url string) {
	return serveAt(t, "127.0.0.1:0", answer)
}

func serveAt(t *testing.T, addr string, answer script) (url string) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Skipf("this machine does not listen at %s: %v", addr, err)
	}
	w := &wire{answer: answer}
	w.running.Go(func() { w.accept(l) })
	t.Cleanup(func() {
		l.Close()
		w.close()
	})
	return fmt.Sprintf("http://%s/events", l.Addr())
}

// wire is a server whose bytes the test writes itself.
type wire struct {
	answer  script
	running sync.WaitGroup

	mu    sync.Mutex // guards what follows
	conns []net.Conn
}

func (w *wire) accept(l net.Listener) {
	for visit := 1; ; visit++ {
		c, err := l.Accept()
		if err != nil {
			return
		}
		w.mu.Lock()
		w.conns = append(w.conns, c)
		w.mu.Unlock()
		w.running.Go(func() {
			defer c.Close()
			if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				w.answer(c.(*net.TCPConn), r, visit)
			}
		})
	}
}

func (w *wire) close() {
	w.mu.Lock()
	for _, c := range w.conns {
		c.Close()
	}
	w.mu.Unlock()
	w.running.Wait()
}

// hold waits until the client leaves, or the test ends.
func hold(c net.Conn) error {
	_, err := io.Copy(io.Discard, c)
	return err
}

// event is one of ours, with its sequence for its id.
func event(seq uint64) string {
	return fmt.Sprintf("id: %d\ndata: %s\n\n", seq, AppendPayload(nil, 0, seq, Now(), 60))
}

// eachCarrier tests both ways to read plain streams: gzip is net/http's.
func eachCarrier(t *testing.T, test func(t *testing.T, r Request)) {
	for name, r := range map[string]Request{"plain": {}, "nethttp": {Compress: "gzip"}} {
		t.Run(name, func(t *testing.T) { test(t, r) })
	}
}

// swarm makes a swarm that is closed when the test ends.
func swarm(t *testing.T, r Request) *Swarm {
	t.Helper()
	s, err := NewSwarm(t.Context(), SwarmConfig{Request: r, Readers: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// opened is a swarm with n open streams.
func opened(t *testing.T, r Request, n int, c Client) *Swarm {
	t.Helper()
	s := swarm(t, r)
	s.Open(t.Context(), n, 0, c)
	if err := s.AwaitOpen(t.Context(), 10*time.Second); err != nil {
		t.Fatal(err)
	}
	return s
}

// total is everything that has happened to a swarm's streams.
func total(s *Swarm) Interval {
	s.Take()
	return s.Total()
}

// leavesNothing fails if work leaves a goroutine or, where that can be seen, a
// descriptor behind.
func leavesNothing(t *testing.T, work func()) {
	t.Helper()
	descriptors := func() int {
		all, _ := os.ReadDir("/proc/self/fd")
		return len(all)
	}
	goroutines, open := runtime.NumGoroutine(), descriptors()
	work()
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > goroutines || descriptors() > open; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 64<<10)
			t.Fatalf("%d goroutines and %d descriptors, there were %d and %d before\n%s", runtime.NumGoroutine(), descriptors(),
				goroutines, open, stacks[:runtime.Stack(stacks, true)])
		}
	}
}
