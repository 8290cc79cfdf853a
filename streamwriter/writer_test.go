package streamwriter

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

func TestWriterWritesWholeEventsToAnyWriter(t *testing.T) {
	var wire bytes.Buffer
	w := must(NewWriter(&wire, Options{Retry: 2 * time.Second, LastEventID: "5"}))
	defer w.Close()
	if wire.Len() != 0 {
		t.Errorf("written before it was asked to: %q", wire.String())
	}
	calls := []struct {
		err  error
		wire string
	}{
		{w.Open(), ": .\nretry: 2000\n"},
		{w.Send(Event{ID: "7", Type: "t", Data: []byte("a\rb")}), "event: t\ndata: a\ndata: b\nid: 7\n\n"},
		{w.SendString("t", ""), "event: t\ndata: \n\n"},
		{w.SendJSON(Event{}, map[string]string{"a": "b\nc"}), "data: {\"a\":\"b\\nc\"}\n\n"},
		{w.SendJSON(Event{Type: "t"}, json.RawMessage("[1,\n2]")), "event: t\ndata: [1,2]\n\n"},
		{w.Comment("a\nb"), ": a\n: b\n"},
		{w.SendEncoded([]byte("data: x\n\ndata: y\n\n")), "data: x\n\ndata: y\n\n"},
		{w.SendEncoded(nil), ""},
	}
	var want strings.Builder
	for i, c := range calls {
		if c.err != nil {
			t.Errorf("call %d: %v", i, c.err)
		}
		want.WriteString(c.wire)
	}
	if wire.String() != want.String() {
		t.Errorf("wire %q, want %q", wire.String(), want.String())
	}
	if w.LastEventID() != "5" {
		t.Errorf("last event id %q", w.LastEventID())
	}
}

func TestNegativeRetryTellsNone(t *testing.T) {
	var wire bytes.Buffer
	w := must(NewWriter(&wire, Options{Retry: -1}))
	defer w.Close()
	if err := w.Open(); err != nil || wire.String() != ": .\n" {
		t.Errorf("wire %q, %v", wire.String(), err)
	}
}

func TestARefusedEventSendsNothingAndEndsNothing(t *testing.T) {
	var wire bytes.Buffer
	w := must(NewWriter(&wire, Options{}))
	defer w.Close()
	var fe *FieldError
	if err := w.Send(Event{ID: "a\nb"}); !errors.As(err, &fe) {
		t.Errorf("Send: %v", err)
	}
	if err := w.SendJSON(Event{Type: "a\rb"}, 1); !errors.As(err, &fe) {
		t.Errorf("SendJSON with a bad type: %v", err)
	}
	var unsupported *json.UnsupportedTypeError
	if err := w.SendJSON(Event{Type: "t"}, make(chan int)); !errors.As(err, &unsupported) {
		t.Errorf("SendJSON of a channel: %v", err)
	}
	if err := w.SendString("", "still here"); err != nil || wire.String() != "data: still here\n\n" {
		t.Errorf("wire %q, %v", wire.String(), err)
	}
}

func TestCloseEndsTheStream(t *testing.T) {
	var wire bytes.Buffer
	w := must(NewWriter(&wire, Options{}))
	for range 2 {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
	if cause := context.Cause(w.Context()); cause != ErrClosed {
		t.Errorf("cause %v", cause)
	}
	for i, err := range []error{w.Open(), w.SendString("", "a"), w.SendEncoded([]byte(": .\n"))} {
		if err != ErrClosed {
			t.Errorf("call %d after Close: %v", i, err)
		}
	}
	if wire.Len() != 0 {
		t.Errorf("written after Close: %q", wire.String())
	}
}

func TestInvalidOptionsAreAnErrorAndSendNothing(t *testing.T) {
	var wire bytes.Buffer
	w, err := NewWriter(&wire, Options{Retry: time.Microsecond})
	var fe *FieldError
	if !errors.As(err, &fe) || fe.Field != "Options.Retry" || w != nil || wire.Len() != 0 {
		t.Errorf("got %v, wire %q", err, wire.String())
	}
}

func TestSendJSONTakesAllFieldsButData(t *testing.T) {
	var wire bytes.Buffer
	w := must(NewWriter(&wire, Options{}))
	defer w.Close()
	if err := w.SendJSON(Event{ID: "7", Type: "t", Retry: time.Second}, []int{1}); err != nil {
		t.Fatal(err)
	}
	if got, want := wire.String(), "event: t\nretry: 1000\ndata: [1]\nid: 7\n\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	wire.Reset()
	var fe *FieldError
	if err := w.SendJSON(Event{Data: []byte("x")}, 1); !errors.As(err, &fe) || fe.Field != "data" || wire.Len() != 0 {
		t.Errorf("with data: %v, wire %q", err, wire.String())
	}
}

func TestEachEventIsFlushed(t *testing.T) {
	var wire bytes.Buffer
	w := must(NewWriter(bufio.NewWriter(&wire), Options{}))
	defer w.Close()
	if err := w.SendString("", "a"); err != nil || wire.String() != "data: a\n\n" {
		t.Errorf("wire %q, %v", wire.String(), err)
	}
}

func TestConcurrentSendsKeepEventsWhole(t *testing.T) {
	const senders, each = 8, 200
	var wire bytes.Buffer
	w := must(NewWriter(&wire, Options{Heartbeat: time.Millisecond}))
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for j := range each {
				text := fmt.Sprintf("%d\n%d", i, j)
				err := w.Send(Event{ID: text[:1], Data: []byte(text)})
				if j%10 == 0 {
					err = errors.Join(err, w.Comment(text), w.SendEncoded([]byte(": .\n")))
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	w.Close()
	_, events := decode(t, wire.Bytes())
	next := make(map[string]int)
	for _, e := range events {
		if want := fmt.Sprintf("%s\n%d", e.ID, next[e.ID]); e.Data != want {
			t.Fatalf("got %q, want %q", e.Data, want)
		}
		next[e.ID]++
	}
	if len(events) != senders*each {
		t.Errorf("%d events, want %d", len(events), senders*each)
	}
}

func TestWriterOverNetHTTP(t *testing.T) {
	release := make(chan struct{})
	cause := make(chan error, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w := must(NewWriter(rw, Options{Context: r.Context(), WriteTimeout: time.Minute, Heartbeat: time.Millisecond}))
		defer w.Close()
		_ = w.Open()
		_ = w.SendString("", "first")
		<-release
		if r.URL.Path == "/wait" {
			<-w.Context().Done()
			cause <- context.Cause(w.Context())
		}
	}))
	defer srv.Close()
	get := func(path string) (*testkit.Decoder, *http.Response) {
		resp, err := http.Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		d := testkit.NewDecoder(resp.Body)
		if e, err := d.Next(); err != nil || e.Data != "first" {
			t.Fatalf("got %+v, %v", e, err)
		}
		return d, resp
	}
	d, resp := get("/") // the first event is there while the handler still runs
	close(release)
	if rest, err := d.All(); len(rest) != 0 || err != nil {
		t.Errorf("rest %+v, %v", rest, err)
	}
	resp.Body.Close()
	_, resp = get("/wait")
	resp.Body.Close()
	if err := <-cause; err == nil {
		t.Error("the stream did not end with its request")
	}
}

// lockedBuffer may be read while a heartbeat is being written.
type lockedBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// take returns what has been written since the last take.
func (l *lockedBuffer) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.b.Reset()
	return l.b.String()
}

// inBubble runs f with a clock of its own: no stream may be open outside.
func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	awaitNoStreams(t)
	synctest.Test(t, f)
}

// pass lets d go by, and everything that is due then happen.
func pass(d time.Duration) {
	time.Sleep(d) // the bubble's clock
	synctest.Wait()
}

func TestHeartbeatAfterSilence(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var wire lockedBuffer
		w := must(NewWriter(&wire, Options{Heartbeat: 10 * time.Second}))
		defer w.Close()
		for range 3 {
			if pass(10*time.Second - 1); wire.take() != "" {
				t.Fatal("a heartbeat too early")
			}
			if pass(1); wire.take() != ": .\n" {
				t.Fatal("no heartbeat after Heartbeat of silence")
			}
		}
	})
}

func TestHeartbeatDefaultsTo15sAndNegativeDisables(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var byDefault, disabled lockedBuffer
		w, silent := must(NewWriter(&byDefault, Options{})), must(NewWriter(&disabled, Options{Heartbeat: -1}))
		defer w.Close()
		defer silent.Close()
		if pass(15*time.Second - 1); byDefault.take() != "" {
			t.Error("a heartbeat before 15s")
		}
		if pass(1); byDefault.take() != ": .\n" {
			t.Error("no heartbeat at 15s")
		}
		if pass(time.Hour); disabled.take() != "" {
			t.Error("a heartbeat where there should be none")
		}
	})
}

func TestNoHeartbeatsWhileTheCallbackWrites(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var wire lockedBuffer
		w := must(NewWriter(&wire, Options{Heartbeat: 10 * time.Second}))
		defer w.Close()
		for range 20 {
			pass(9 * time.Second)
			if err := w.SendString("", "a"); err != nil {
				t.Fatal(err)
			}
			if got := wire.take(); got != "data: a\n\n" {
				t.Fatalf("wire %q", got)
			}
		}
		if pass(10 * time.Second); wire.take() != ": .\n" {
			t.Error("no heartbeat once it is silent")
		}
	})
}

// Streams of different rhythms, some of which leave, each keep their own.
func TestTheClockServesEachStreamAtItsTime(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		const n = 60
		var wires [n + 1]lockedBuffer
		var writers [n + 1]*Writer
		for i := n; i > 0; i-- { // each new one is due before all others
			writers[i] = must(NewWriter(&wires[i], Options{Heartbeat: time.Duration(i) * time.Second}))
			defer writers[i].Close()
		}
		pass(n * time.Second)
		for i := 1; i <= n; i++ {
			if got := strings.Count(wires[i].take(), ": .\n"); got != n/i {
				t.Errorf("every %ds: %d heartbeats in %ds, want %d", i, got, n, n/i)
			}
			if i%2 == 0 {
				writers[i].Close()
			}
		}
		pass(n * time.Second)
		for i := 1; i <= n; i++ {
			want := 2*n/i - n/i
			if i%2 == 0 {
				want = 0
			}
			if got := strings.Count(wires[i].take(), ": .\n"); got != want {
				t.Errorf("every %ds: %d heartbeats in the second %ds, want %d", i, got, n, want)
			}
		}
	})
}

func TestTheClockEndsWithItsLastStream(t *testing.T) {
	inBubble(t, func(t *testing.T) { // which fails if a goroutine is left behind
		for range 3 { // the end of one overlaps the beginning of another
			a := must(NewWriter(&lockedBuffer{}, Options{}))
			b := must(NewWriter(&lockedBuffer{}, Options{MaxAge: time.Second, Heartbeat: -1}))
			pass(2 * time.Second)
			a.Close()
			b.Close()
		}
		if heartbeats.wake != nil || heartbeats.entries != nil {
			t.Error("the clock holds on to something")
		}
	})
}

// stuck takes nothing, as a reader does that has stopped reading.
type stuck struct {
	entered chan struct{} // one value for each write
	release chan struct{}
}

func (s *stuck) Write(p []byte) (int, error) {
	s.entered <- struct{}{}
	<-s.release
	return len(p), nil
}

func TestAStuckHeartbeatDelaysNobodyElses(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		blocked := &stuck{entered: make(chan struct{}, 100), release: make(chan struct{})}
		var wire lockedBuffer
		bad, good := must(NewWriter(blocked, Options{Heartbeat: time.Second})), must(NewWriter(&wire, Options{Heartbeat: time.Second}))
		pass(10 * time.Second)
		if got := strings.Count(wire.take(), ": .\n"); got != 10 {
			t.Errorf("%d heartbeats in 10s, want 10", got)
		}
		if got := len(blocked.entered); got != 1 {
			t.Errorf("%d goroutines wait for the stuck one, want 1", got)
		}
		good.Close()
		close(blocked.release)
		bad.Close()
	})
}

func TestMaxAgeEndsTheStreamInItsLastTenth(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		ages := make(map[time.Duration]bool)
		for range 50 {
			start := time.Now()
			var wire lockedBuffer
			w := must(NewWriter(&wire, Options{MaxAge: time.Hour, Heartbeat: -1, Retry: time.Second}))
			<-w.Context().Done()
			age := time.Since(start)
			if age <= 54*time.Minute || age > time.Hour {
				t.Errorf("ended after %v", age)
			}
			ages[age] = true
			if err := w.SendString("", "late"); err != ErrMaxAge {
				t.Errorf("send after MaxAge: %v", err)
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
			d, events := decode(t, []byte(wire.take()))
			if len(events) != 0 || len(d.Retry) != 4 || d.Retry < "1000" || d.Retry >= "2000" {
				t.Errorf("after its end: retry %q, events %+v", d.Retry, events)
			}
		}
		if len(ages) < 40 {
			t.Errorf("only %d different ages in 50: no jitter", len(ages))
		}
	})
}

func TestHeartbeatsGoOnUntilMaxAge(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var wire lockedBuffer
		w := must(NewWriter(&wire, Options{MaxAge: time.Minute, Heartbeat: 10 * time.Second}))
		defer w.Close()
		<-w.Context().Done()
		if got := strings.Count(wire.take(), ": .\n"); got != 5 {
			t.Errorf("%d heartbeats, want 5", got)
		}
		if pass(time.Hour); wire.take() != "" {
			t.Error("a heartbeat after the end")
		}
	})
}

func TestOptionsContextEndsTheStream(t *testing.T) {
	var wire bytes.Buffer
	ctx, cancel := context.WithCancelCause(t.Context())
	w := must(NewWriter(&wire, Options{Context: ctx}))
	reason := errors.New("the token has expired")
	cancel(reason)
	if err := w.SendString("", "a"); err != reason {
		t.Errorf("got %v, want the cause", err)
	}
	w.Close()
	w.Close()
	if strings.Count(wire.String(), "retry: ") != 1 {
		t.Errorf("wire %q, want one reconnection time", wire.String())
	}
}

// fragile writes half of what it is given once it is broken.
type fragile struct {
	bytes.Buffer
	broken    bool
	deadlines []time.Time
}

var errBroken = errors.New("broken")

func (f *fragile) Write(p []byte) (int, error) {
	if f.broken {
		n, _ := f.Buffer.Write(p[:len(p)/2])
		return n, errBroken
	}
	return f.Buffer.Write(p)
}

func (f *fragile) SetWriteDeadline(at time.Time) error {
	f.deadlines = append(f.deadlines, at)
	return nil
}

func TestAFailedWriteEndsTheStream(t *testing.T) {
	out := &fragile{broken: true}
	w := must(NewWriter(out, Options{}))
	defer w.Close()
	err := w.SendString("", "abcdef")
	if !errors.Is(err, ErrClientGone) || !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
	if context.Cause(w.Context()) != err {
		t.Errorf("cause %v, want %v", context.Cause(w.Context()), err)
	}
	if again := w.SendString("", "x"); again != err {
		t.Errorf("the next send: %v, want the same", again)
	}
}

// A reconnection time behind half an event would be read as part of it.
func TestNothingFollowsHalfAnEvent(t *testing.T) {
	out := &fragile{}
	ctx, cancel := context.WithCancel(t.Context())
	w := must(NewWriter(out, Options{Context: ctx}))
	out.broken = true
	w.mu.Lock()
	_ = w.flushLocked([]byte("data: abcdef\n\n")) // fails after the context has ended
	w.mu.Unlock()
	cancel()
	out.broken = false
	if err := w.Close(); err == nil {
		t.Error("Close says that all went well")
	}
	if got := out.String(); got != "data: a" {
		t.Errorf("wire %q", got)
	}
}

func TestEachFlushHasADeadlineOfItsOwn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		out := &fragile{}
		w := must(NewWriter(out, Options{WriteTimeout: 10 * time.Second, Heartbeat: -1}))
		time.Sleep(2 * settling)
		for range 200 {
			if err := w.SendString("", "a"); err != nil {
				t.Fatal(err)
			}
			left := time.Until(out.deadlines[len(out.deadlines)-1])
			if left < 9*time.Second || left > 10*time.Second {
				t.Fatalf("a write with %v left", left)
			}
			time.Sleep(20 * time.Millisecond)
		}
		if n := len(out.deadlines); n > 45 {
			t.Errorf("the deadline was set %d times in 4s: it costs more than an event", n)
		}
		time.Sleep(time.Hour)
		if err := w.SendString("", "a"); err != nil || time.Until(out.deadlines[len(out.deadlines)-1]) != 10*time.Second {
			t.Error("a stale deadline after an hour of silence")
		}
		w.Close()
		if last := out.deadlines[len(out.deadlines)-1]; !last.IsZero() {
			t.Errorf("Close left a deadline: %v", last)
		}
		n := len(out.deadlines)
		if w.Close(); len(out.deadlines) != n {
			t.Error("a second Close touched the transport")
		}
	})
}

func TestNegativeWriteTimeoutTakesTheServersOff(t *testing.T) {
	out := &fragile{}
	w := must(NewWriter(out, Options{WriteTimeout: -1}))
	defer w.Close()
	if err := w.SendString("", "a"); err != nil || len(out.deadlines) != 1 || !out.deadlines[0].IsZero() {
		t.Errorf("deadlines %v, %v", out.deadlines, err)
	}
}

// While a stream is settling fasthttp may set a deadline after it.
func TestASettlingStreamKeepsNoDeadline(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		out := &fragile{}
		w := must(NewWriter(out, Options{WriteTimeout: -1, Heartbeat: -1}))
		defer w.Close()
		for i := range 10 {
			if err := w.SendString("", "a"); err != nil || len(out.deadlines) != i+1 {
				t.Fatalf("%d deadlines after %d writes, %v", len(out.deadlines), i+1, err)
			}
		}
	})
}

// leave's deadline ends a write that waits. The deadline of a send that had already begun
// must not replace it.
func TestLeaveIsNotLostToASendThatBegins(t *testing.T) {
	out := &leaving{}
	w := must(NewWriter(out, Options{}))
	defer w.Close()
	out.w = w
	if err := w.SendString("", "a"); err != ErrClientGone || out.Len() != 0 {
		t.Errorf("wrote %q, %v", out.String(), err)
	}
}

// leaving is a client that goes while a deadline is being set.
type leaving struct {
	bytes.Buffer
	w *Writer
}

func (l *leaving) SetWriteDeadline(time.Time) error {
	l.w.cancel(ErrClientGone)
	return nil
}

func TestABigEventDoesNotKeepItsBuffer(t *testing.T) {
	w := must(NewWriter(&bytes.Buffer{}, Options{}))
	defer w.Close()
	if err := w.SendString("", strings.Repeat("x", 2*maxKeptBuffer)); err != nil || cap(w.buf) > maxKeptBuffer {
		t.Errorf("keeps %d bytes, %v", cap(w.buf), err)
	}
	if err := w.SendString("", "small"); err != nil || cap(w.buf) == 0 {
		t.Errorf("keeps %d bytes, %v", cap(w.buf), err)
	}
}
