package streamwriter

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

// reader makes a Reader that logs to a testkit.Log.
func reader(t testing.TB, o Options, fn func(*Writer) error) (*Reader, *testkit.Log) {
	t.Helper()
	logged := &testkit.Log{}
	o.Logger = logged
	r, err := NewReader(o, fn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r, logged
}

func TestAReaderReadsWhatTheCallbackSends(t *testing.T) {
	r, logged := reader(t, Options{LastEventID: "6", Retry: 2 * time.Second}, func(w *Writer) error {
		_ = w.Send(Event{ID: "7", Data: []byte("after " + w.LastEventID())})
		return w.SendString("end", "")
	})
	all, err := io.ReadAll(r)
	const want = ": .\nretry: 2000\ndata: after 6\nid: 7\n\nevent: end\ndata: \n\n"
	if err != nil || string(all) != want {
		t.Errorf("read %q, %v; want %q", all, err, want)
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("once more: %d, %v", n, err)
	}
	if logged.String() != "" {
		t.Errorf("logged %s", logged)
	}
}

func TestAReaderCallsTheCallbackAtTheFirstRead(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		called := false
		r, _ := reader(t, Options{MaxAge: time.Second}, func(w *Writer) error {
			called = true
			return w.Context().Err() // MaxAge counts from here
		})
		time.Sleep(time.Minute)
		if called {
			t.Error("called before the first Read")
		}
		if _, err := io.ReadAll(r); err != nil || !called {
			t.Errorf("read to the end: %v, called: %v", err, called)
		}
	})
}

func TestAReaderThatIsClosedUnreadNeverCallsTheCallback(t *testing.T) {
	r, _ := reader(t, Options{}, func(*Writer) error {
		t.Error("called")
		return nil
	})
	for range 2 {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := r.Read(make([]byte, 1)); err != io.ErrClosedPipe {
		t.Errorf("read: %v", err)
	}
}

// An event has been taken when Send returns, and is read in one piece if there is room.
func TestAReaderHasNoBuffer(t *testing.T) {
	sent := make(chan int, 10)
	r, _ := reader(t, Options{Retry: -1}, func(w *Writer) error {
		for i := range 3 {
			_ = w.SendString("", "event")
			sent <- i
		}
		return nil
	})
	buf := make([]byte, 100)
	for i, want := range []string{": .\n", "data: event\n\n", "data: event\n\n", "data: event\n\n"} {
		if n, err := r.Read(buf); err != nil || string(buf[:n]) != want {
			t.Errorf("read %q, %v; want %q", buf[:n], err, want)
		}
		if i > 0 && testkit.Receive(t, "the event is sent", sent) != i-1 || len(sent) > 0 {
			t.Error("an event is sent, and was not read")
		}
	}
}

func TestAReaderReturnsTheCallbacksErrorAfterWhatItSent(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		fn   func() error
		want string
		log  string
	}{
		"error":  {func() error { return broken }, "broken", "stream cut: broken"},
		"panic":  {func() error { panic("oh") }, "panic in the callback: oh", "reader_test.go"},
		"goexit": {func() error { runtime.Goexit(); return nil }, "runtime.Goexit", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, logged := reader(t, Options{Retry: -1}, func(w *Writer) error {
				_ = w.SendString("", "first")
				return c.fn()
			})
			all, err := io.ReadAll(r)
			if string(all) != ": .\ndata: first\n\n" || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("read %q, %v; want an error with %q", all, err, c.want)
			}
			if name == "error" && !errors.Is(err, broken) {
				t.Errorf("%v is not the callback's error", err)
			}
			if !logged.Has(c.log) {
				t.Errorf("logged %q, want %q", logged, c.log)
			}
		})
	}
}

func TestAReaderSendsHeartbeatsWhileTheCallbackIsSilent(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r, _ := reader(t, Options{Heartbeat: time.Second, Retry: -1}, func(w *Writer) error {
			time.Sleep(2500 * time.Millisecond)
			return nil
		})
		if all, err := io.ReadAll(r); err != nil || string(all) != ": .\n: .\n: .\n" {
			t.Errorf("read %q, %v", all, err)
		}
	})
}

// Also when the callback answers the end of its Context with an error.
func TestAReaderEndsAtMaxAgeWithANewReconnectionTime(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		began := time.Now()
		r, logged := reader(t, Options{MaxAge: 10 * time.Second, Heartbeat: -1}, func(w *Writer) error {
			<-w.Context().Done()
			return context.Cause(w.Context())
		})
		d := testkit.NewDecoder(r)
		if _, err := d.Next(); err != io.EOF {
			t.Errorf("read: %v, want a clean end", err)
		}
		if d.Retry < "3000" || d.Retry > "6000" || d.Retry == "3000" {
			t.Errorf("the last reconnection time is %s, want one drawn anew", d.Retry)
		}
		if age := time.Since(began); age < 9*time.Second || age > 10*time.Second {
			t.Errorf("ended after %v", age)
		}
		if logged.String() != "" {
			t.Errorf("logged %s", logged)
		}
	})
}

func TestAReaderEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, _ := reader(t, Options{Context: ctx, Retry: time.Second}, untilDone)
	if n, err := r.Read(make([]byte, 100)); n == 0 || err != nil {
		t.Fatalf("read %d, %v", n, err)
	}
	cancel()
	rest, err := io.ReadAll(r)
	if err != nil || !strings.HasPrefix(string(rest), "retry: ") {
		t.Errorf("read %q, %v", rest, err)
	}
}

func TestCloseEndsAReadersCallback(t *testing.T) {
	for name, fn := range map[string]func(*Writer) error{
		"waits for its Context": untilDone,
		"sends": func(w *Writer) error {
			for w.SendString("", "more") == nil {
			}
			return nil
		},
		"sends, and forgets the error": func(w *Writer) error {
			for w.Context().Err() == nil {
				_ = w.Comment("")
			}
			return errors.New("of no interest")
		},
	} {
		t.Run(name, func(t *testing.T) {
			cause := make(chan error, 1)
			r, logged := reader(t, Options{}, func(w *Writer) error {
				defer func() { cause <- context.Cause(w.Context()) }()
				return fn(w)
			})
			if _, err := r.Read(make([]byte, 100)); err != nil {
				t.Fatal(err)
			}
			testkit.Within(t, "Close returns", func() { r.Close() })
			select {
			case err := <-cause:
				if !errors.Is(err, ErrClientGone) {
					t.Errorf("cause: %v", err)
				}
			default:
				t.Error("Close has returned, and the callback has not")
			}
			if _, err := r.Read(make([]byte, 100)); err != io.ErrClosedPipe {
				t.Errorf("read after Close: %v", err)
			}
			if logged.String() != "" {
				t.Errorf("logged %s", logged)
			}
		})
	}
}

func TestCloseEndsAReadThatWaits(t *testing.T) {
	r, _ := reader(t, Options{Heartbeat: -1}, untilDone)
	read := make(chan error, 1)
	begun := make(chan struct{})
	go func() {
		_, _ = r.Read(make([]byte, 100))
		close(begun)
		_, err := r.Read(make([]byte, 100))
		read <- err
	}()
	testkit.Receive(t, "the first bytes", begun)
	testkit.Within(t, "Close returns", func() { r.Close() })
	if err := testkit.Receive(t, "Read returns", read); err != io.ErrClosedPipe {
		t.Errorf("read: %v", err)
	}
}

// A runtime that stops reading, and does not close either, holds no goroutine for long.
func TestAReaderThatIsNotReadEndsAfterTheWriteTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		ended := make(chan error, 1)
		r, _ := reader(t, Options{WriteTimeout: 5 * time.Second, Retry: -1}, func(w *Writer) error {
			for w.SendString("", "more") == nil {
			}
			ended <- context.Cause(w.Context())
			return nil
		})
		if _, err := r.Read(make([]byte, 4)); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) > 5*time.Second {
			t.Errorf("ended after %v: %v", time.Since(began), err)
		}
		if _, err := io.ReadAll(r); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read: %v; want an error, because an event was not read", err)
		}
	})
}

func TestAReaderRefusesOptionsThatAreNotValid(t *testing.T) {
	var fe *FieldError
	if r, err := NewReader(Options{MaxAge: 5}, untilDone); r != nil || !errors.As(err, &fe) || fe.Field != "Options.MaxAge" {
		t.Errorf("%v, %v", r, err)
	}
}

func TestReadersLeaveNoGoroutine(t *testing.T) {
	inBubble(t, func(t *testing.T) { // which fails if a goroutine is left behind
		for i := range 100 {
			r, _ := reader(t, Options{}, untilDone)
			_, _ = io.CopyN(io.Discard, r, int64(i%4))
			r.Close()
		}
	})
}
