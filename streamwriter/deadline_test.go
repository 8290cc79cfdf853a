package streamwriter

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

// stalled is a Writer over a connection whose peer reads nothing, in the middle of
// a write. The error of the write arrives in ended.
func stalled(t *testing.T, o Options) (w *Writer, ended chan error) {
	t.Helper()
	conn, peer := net.Pipe() // takes nothing that is not read
	t.Cleanup(func() { conn.Close(); peer.Close() })
	w = must(NewWriter(conn, o))
	ended = make(chan error, 1)
	go func() { ended <- w.SendString("", "a") }()
	testkit.Eventually(t, "the write waits", func() bool {
		if w.mu.TryLock() {
			w.mu.Unlock()
			return false
		}
		return true
	})
	return w, ended
}

func TestSetWriteDeadlineEndsAWriteThatWaits(t *testing.T) {
	for name, timeout := range map[string]time.Duration{"by default": 0, "without a timeout": -1} {
		t.Run(name, func(t *testing.T) {
			w, ended := stalled(t, Options{WriteTimeout: timeout})
			defer w.Close()
			if err := w.SetWriteDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			err := testkit.Receive(t, "the write ends", ended)
			if !errors.Is(err, os.ErrDeadlineExceeded) || context.Cause(w.Context()) != err {
				t.Errorf("the write ended with %v, the stream with %v", err, context.Cause(w.Context()))
			}
		})
	}
}

func TestSetWriteDeadlineHoldsForWritesToCome(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		out := &fragile{}
		w := must(NewWriter(out, Options{WriteTimeout: time.Minute, Heartbeat: -1}))
		last := func() time.Time { return out.deadlines[len(out.deadlines)-1] }
		send := func() {
			if err := w.SendString("", "a"); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * settling)
		by := time.Now().Add(time.Hour)
		if err := w.SetWriteDeadline(by); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			send()
			if !last().Equal(by) {
				t.Fatalf("a write by %v, want %v", last(), by)
			}
			time.Sleep(time.Minute)
		}
		if err := w.SetWriteDeadline(time.Time{}); err != nil || time.Until(last()) != time.Minute {
			t.Errorf("the timeout is not back: %v, %v", time.Until(last()), err)
		}
		time.Sleep(time.Second)
		if send(); time.Until(last()) != time.Minute {
			t.Errorf("a write with %v left, want its timeout", time.Until(last()))
		}
		if w.SetWriteDeadline(by); w.Close() != nil || !last().IsZero() {
			t.Errorf("Close left a deadline: %v", last())
		}
		n := len(out.deadlines)
		if err := w.SetWriteDeadline(by); !errors.Is(err, ErrClosed) || len(out.deadlines) != n {
			t.Errorf("after Close: %v, and the transport was touched: %v", err, len(out.deadlines) != n)
		}
	})
}

// A send that has begun computed its deadline before SetWriteDeadline; it must not replace
// the new one.
func TestSetWriteDeadlineIsNotLostToASendThatBegins(t *testing.T) {
	for range 200 {
		conn, peer := net.Pipe()
		w := must(NewWriter(conn, Options{}))
		sent := make(chan error, 1)
		go func() { sent <- w.SendString("", "a") }()
		if err := w.SetWriteDeadline(time.Now().Add(-time.Second)); err != nil {
			t.Fatal(err)
		}
		if err := testkit.Receive(t, "the write ends", sent); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("the write ended with %v", err)
		}
		w.Close()
		conn.Close()
		peer.Close()
	}
}

// A write to a client that has left stays ended.
func TestSetWriteDeadlineGivesNobodyWhoHasLeftMoreTime(t *testing.T) {
	w, ended := stalled(t, Options{})
	defer w.Close()
	w.leave()
	if err := w.SetWriteDeadline(time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := testkit.Receive(t, "the write ends", ended); !errors.Is(err, ErrClientGone) {
		t.Errorf("the write ended with %v", err)
	}
}

func TestSetWriteDeadlineSaysWhereThereIsNone(t *testing.T) {
	w := must(NewWriter(struct{ io.Writer }{&bytes.Buffer{}}, Options{}))
	defer w.Close()
	if err := w.SetWriteDeadline(time.Now()); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}
