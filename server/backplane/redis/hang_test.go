//go:build unix

package redis

import (
	"bytes"
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server/backplane"
	"github.com/fastsse/fastsse/server/backplane/backplanetest"
)

func TestRedisKeepsTheContract(t *testing.T) {
	backplanetest.Run(t, func(t testing.TB) *backplanetest.Feed {
		s := start(t)
		return &backplanetest.Feed{
			Open:   func(t testing.TB) backplane.Backplane { return s.open(t) },
			Kill:   s.kill,
			Start:  func() { s.run(t) },
			Stall:  func() { s.signal(t, syscall.SIGSTOP) },
			Wake:   func() { s.signal(t, syscall.SIGCONT) },
			Remake: func() { s.do(t, "DEL", stream) },
			Purge:  func() { s.do(t, "XTRIM", stream, "MAXLEN", 0) },
		}
	})
}

func TestAServerThatHangsIsNoticed(t *testing.T) {
	s := start(t)
	b := s.open(t)
	add(t, b, "", "one")
	f := follow(t, b, 0)
	f.await(t, 1)
	s.signal(t, syscall.SIGSTOP)
	ctx, cancel := context.WithCancel(t.Context())
	stored := make(chan error, 1)
	go func() {
		_, err := b.Append(ctx, "key", []byte("two"))
		stored <- err
	}()
	cancel()
	if err := testkit.Receive(t, "Append returns when its context is done", stored); !errors.Is(err, context.Canceled) {
		t.Errorf("Append returns %v", err)
	}
	if err := testkit.Receive(t, "Tail returns", f.ended); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("Tail returns %v", err)
	}
	if _, err := b.Append(t.Context(), "key", []byte("two")); err == nil || errors.Is(err, backplane.ErrRefused) {
		t.Errorf("Append at a server that hangs returns %v; want an error after which nothing is certain", err)
	}
	s.signal(t, syscall.SIGCONT)
	if seq := add(t, b, "key", "two"); seq != 2 {
		t.Errorf("tried again with its key, the entry has sequence %d, want 2", seq)
	}
	if got := texts(read(t, b, 0, 10)); got != "1:one 2:two" {
		t.Errorf("stored: %s", got)
	}
}

func TestAppendDoesNotKeepEntry(t *testing.T) {
	s := start(t)
	b := s.open(t)
	entry := bytes.Repeat([]byte("a"), 32<<20) // more than sockets hold
	s.signal(t, syscall.SIGSTOP)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := b.Append(ctx, "", entry)
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, backplane.ErrRefused) {
		t.Errorf("Append at a server that has stopped returns %v, want the deadline, and not that it is certain", err)
	}
	for i := range entry {
		entry[i] = 'b'
	}
	s.signal(t, syscall.SIGCONT)
	_ = b.Close()
	for _, e := range read(t, s.open(t), 0, 10) {
		if bytes.ContainsRune(e.Data, 'b') {
			t.Error("what was stored was changed after Append had returned")
		}
	}
}
