package backplanetest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/server/backplane"
)

func tailDelivers(t testing.TB, f *Feed) {
	b, other := f.Open(t), f.Open(t)
	want := mustAppendMany(t, b, 100)
	here, there := startTail(t, b, 0), startTail(t, other, 0)
	here.wants(t, want)
	want = append(want, mustAppendMany(t, other, 100)...)
	here.wants(t, want)
	there.wants(t, want)
}

// tailBegins tails from 0, from the middle, from the end and from above it.
func tailBegins(t testing.TB, f *Feed) {
	b := f.Open(t)
	want := mustAppendMany(t, b, 10)
	end := want[9].seq
	after := []uint64{0, want[0].seq, want[4].seq, want[8].seq, end, end + 1, end + 2}
	var tails []*tail
	for _, a := range after {
		tails = append(tails, startTail(t, b, a))
	}
	want = append(want, mustAppendMany(t, f.Open(t), 10)...)
	for i, tl := range tails {
		rest := want
		for len(rest) > 0 && rest[0].seq <= after[i] {
			rest = rest[1:]
		}
		tl.wants(t, rest)
	}
}

func tailReturnsCause(t testing.TB, f *Feed) {
	b := f.Open(t)
	cause := errors.New("the caller has had enough")
	want := mustAppendMany(t, b, 3)
	idle := startTail(t, b, 0)
	idle.wants(t, want)
	idle.cancel(cause)
	if err := idle.ends(t, soon); !errors.Is(err, cause) {
		t.Errorf("Tail returned %v when its context was done; want its cause, %v", err, cause)
	}
	mustAppend(t, b, "", "too late")
	if got := len(idle.entries()); got != len(want) {
		t.Errorf("deliver has had %d entries; want the %d from before Tail returned", got, len(want))
	}

	start := behind(t, b, 0)
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	if err := b.Tail(ctx, start, func([]backplane.Entry) error { return nil }); !errors.Is(err, cause) {
		t.Errorf("Tail with a context that is done returned %v; want its cause, %v", err, cause)
	}
	deadline := time.Now().Add(time.Second)
	ctx, stop := context.WithDeadlineCause(context.Background(), deadline, cause)
	defer stop()
	err := b.Tail(ctx, start, func([]backplane.Entry) error { return nil })
	if early := time.Until(deadline); early > 0 || !errors.Is(err, cause) {
		t.Errorf("Tail with a deadline returned %v, %v before it; want the cause of its context, %v, when it is done", err, early, cause)
	}
}

func tailReturnsError(t testing.TB, f *Feed) {
	b := f.Open(t)
	mustAppendMany(t, b, 10)
	refused := errors.New("deliver wants no more")
	calls := 0
	err := b.Tail(call(t), behind(t, b, 0), func([]backplane.Entry) error { calls++; return refused })
	if !errors.Is(err, refused) || calls != 1 {
		t.Errorf("Tail returned %v after %d calls of deliver; want the error of the first, %v", err, calls, refused)
	}
}

func tailDeliversAlone(t testing.TB, f *Feed) {
	b := f.Open(t)
	ctx, cancel := context.WithCancel(call(t))
	defer cancel()
	start := behind(t, b, 0)
	var running, got atomic.Int32
	result := make(chan error, 1)
	go func() {
		result <- b.Tail(ctx, start, func(batch []backplane.Entry) error {
			if n := running.Add(1); n > 1 {
				t.Errorf("%d calls of deliver run at the same time", n)
			}
			time.Sleep(5 * time.Millisecond)
			running.Add(-1)
			got.Add(int32(len(batch)))
			return nil
		})
	}()
	for range 20 {
		mustAppendMany(t, b, 5)
	}
	if !until(within, func() bool { return got.Load() >= 100 }) {
		t.Errorf("deliver has had %d entries of 100", got.Load())
	}
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("Tail returned %v", err)
	}
}

// tailWaits holds deliver up while more comes than a client library is likely to buffer.
func tailWaits(t testing.TB, f *Feed) {
	const small, big = 3000, 24
	b, slow := f.Open(t), f.Open(t)
	ctx, cancel := context.WithCancelCause(context.Background())
	t.Cleanup(func() { cancel(errTestEnds) })
	start, release := behind(t, slow, 0), make(chan struct{})
	tl := &tail{done: make(chan struct{})}
	go func() {
		defer close(tl.done)
		tl.err = slow.Tail(ctx, start, func(batch []backplane.Entry) error {
			<-release
			return tl.deliver(batch)
		})
	}()
	defer func() {
		select {
		case <-release:
		default:
			close(release)
		}
	}()
	want := appendAtOnce(t, []backplane.Backplane{b}, 8, small/8)
	data := large(256 << 10)
	for i := range big {
		data := fmt.Sprint(i, data)
		want = append(want, entry{mustAppend(t, b, "", data), data})
	}
	close(release)
	tl.wants(t, want)
}

// tailStays leaves a tail alone for longer than a broker's silence may go unnoticed.
func tailStays(t testing.TB, f *Feed) {
	b := f.Open(t)
	tl := startTail(t, b, 0)
	if until(notice+2*time.Second, tl.ended) {
		t.Fatalf("Tail has returned %v while nothing came", tl.err)
	}
	seq := mustAppend(t, b, "", "at last")
	tl.wants(t, []entry{{seq, "at last"}})
}
