package main

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// serving is a command of this program that serves, in this process.
type serving struct {
	url      string
	cancel   func()
	ended    chan int // its status
	out, err *safeBuffer
}

// startServe runs bench serve on a free port until stop or the test's end.
func startServe(t *testing.T, args ...string) *serving {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &serving{cancel: cancel, ended: make(chan int, 1), out: newSafeBuffer(), err: newSafeBuffer()}
	go func() {
		s.ended <- run(ctx, append([]string{"serve", "-addr", "127.0.0.1:0"}, args...), s.out, s.err)
	}()
	t.Cleanup(func() { s.stop(t) })
	select {
	case <-s.out.written:
	case status := <-s.ended:
		t.Fatalf("bench serve %v: status %d, said %q", args, status, s.err)
	case <-time.After(10 * time.Second):
		t.Fatalf("bench serve %v does not say where it serves", args)
	}
	line, _, _ := strings.Cut(s.out.String(), "\n")
	url, found := strings.CutPrefix(line, "serving ")
	s.url = strings.TrimSuffix(url, "/events?topic=T")
	if !found || s.url == url {
		t.Fatalf("bench serve %v said %q first", args, line)
	}
	return s
}

// stop ends it, and returns its status and what it said on standard error.
func (s *serving) stop(t *testing.T) (status int, said string) {
	t.Helper()
	s.cancel()
	select {
	case status = <-s.ended:
		s.ended <- status
	case <-time.After(20 * time.Second):
		t.Error("the server does not end")
	}
	return status, s.err.String()
}

// safeBuffer is a bytes.Buffer for two goroutines, which says when something is
// in it.
type safeBuffer struct {
	mu      sync.Mutex // guards buf
	buf     bytes.Buffer
	written chan struct{} // closed by the first write
	once    sync.Once
}

func newSafeBuffer() *safeBuffer { return &safeBuffer{written: make(chan struct{})} }

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.once.Do(func() { close(b.written) })
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// measureHere runs a command in this process, and returns what it writes as JSON
// to its standard output, where nothing else may be.
func measureHere(t *testing.T, line string) *result.Result {
	t.Helper()
	var out, errs bytes.Buffer
	if status := run(t.Context(), append(strings.Fields(line), "-json", "-"), &out, &errs); status != 0 {
		t.Fatalf("bench %s: status %d\n%s", line, status, errs.String())
	}
	r, err := result.Decode(&out)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
