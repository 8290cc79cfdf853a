package backplanetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/fastsse/fastsse/server/backplane"
)

func keyOutlivesCrash(t testing.TB, f *Feed) {
	need(t, "kill the broker", f.Kill != nil && f.Start != nil)
	b := f.Open(t)
	first := mustAppend(t, b, "key", "first")
	f.Kill()
	f.Start()
	for _, h := range []backplane.Backplane{b, f.Open(t)} {
		if again := eventuallyAppend(t, h, "key", "second"); again != first {
			t.Errorf("Append with the key after the crash returned sequence %d, want %d", again, first)
		}
	}
	stored(t, b, entry{first, "first"})
}

// eventuallyAppend appends as soon as the broker can be reached again.
func eventuallyAppend(t testing.TB, b backplane.Backplane, key, data string) (seq uint64) {
	t.Helper()
	var err error
	if !until(within, func() bool { seq, err = b.Append(call(t), key, []byte(data)); return err == nil }) {
		t.Fatalf("Append with key %q: %v, for %v", key, err, within)
	}
	return seq
}

// eventuallyState asks again while a broker that has just been started is not there yet.
func eventuallyState(t testing.TB, b backplane.Backplane) (s backplane.State) {
	t.Helper()
	var err error
	if !until(within, func() bool { s, err = b.State(call(t)); return err == nil }) {
		t.Fatalf("State does not work %v after the broker was started again: %v", within, err)
	}
	return s
}

func tailNoticesCrash(t testing.TB, f *Feed) {
	need(t, "kill all of the broker", f.Kill != nil && f.Start != nil && !f.Survives)
	b := f.Open(t)
	want := mustAppendMany(t, b, 5)
	tl := startTail(t, b, 0)
	tl.wants(t, want)
	f.Kill()
	if err := tl.ends(t, notice+soon); err == nil {
		t.Error("Tail returned nil when the broker was gone")
	}
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := b.State(ctx); err == nil || time.Since(start) > time.Second+soon {
		t.Errorf("State returned %v after %v while the broker was gone; want an error soon after its context is done", err, time.Since(start))
	}
	f.Start()
	seq := eventuallyAppend(t, b, "", "after the crash")
	again := startFollowing(t, b)
	again.wants(t, append(want, entry{seq, "after the crash"}))
}

func appendNoticesCrash(t testing.TB, f *Feed) {
	need(t, "kill all of the broker", f.Kill != nil && f.Start != nil && !f.Survives)
	b := f.Open(t)
	mustAppendMany(t, b, 3)
	f.Kill()
	var failed []string
	refused := 0
	for i := range 10 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		data := fmt.Sprint("while it is gone ", i)
		start := time.Now()
		_, err := b.Append(ctx, "", []byte(data))
		cancel()
		if took := time.Since(start); err == nil || took > time.Second+soon {
			t.Fatalf("Append returned %v after %v while the broker was gone; want an error soon after its context is done", err, took)
		}
		if errors.Is(err, backplane.ErrRefused) {
			failed = append(failed, data)
			refused++
		}
	}
	f.Start()
	eventuallyAppend(t, b, "", "after the crash")
	for _, e := range mustReadAll(t, b, 100) {
		if slices.Contains(failed, e.data) {
			t.Errorf("%v is stored, though Append has refused it", e)
		}
	}
	t.Logf("%d of 10 were refused for certain", refused)
}

func tailNoticesSilence(t testing.TB, f *Feed) {
	need(t, "stall the broker", f.Stall != nil && f.Wake != nil)
	b := f.Open(t)
	want := mustAppendMany(t, b, 5)
	tl := startTail(t, b, 0)
	tl.wants(t, want)
	f.Stall()
	start := time.Now()
	if until(notice+soon, tl.ended); !tl.ended() {
		f.Wake()
		t.Fatalf("Tail has not returned within %v of a broker's silence", notice+soon)
	}
	t.Logf("Tail returned %v after %v", tl.err, time.Since(start).Round(100*time.Millisecond))
	f.Wake()
	seq := eventuallyAppend(t, b, "", "after the silence")
	again := startFollowing(t, b)
	again.wants(t, append(want, entry{seq, "after the silence"}))
}

func appendOutlivesSilence(t testing.TB, f *Feed) {
	need(t, "stall the broker", f.Stall != nil && f.Wake != nil)
	b := f.Open(t)
	mustAppend(t, b, "", "before")
	f.Stall()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	start := time.Now()
	_, err := b.Append(ctx, "key", []byte("during"))
	took := time.Since(start)
	f.Wake()
	if err == nil || took > time.Second+soon {
		t.Errorf("Append at a silent broker returned %v after %v; want an error soon after its context is done", err, took)
	}
	if refused := errors.Is(err, backplane.ErrRefused); refused {
		eventuallyAppend(t, b, "", "after")
		for _, e := range mustReadAll(t, b, 10) {
			if e.data == "during" {
				t.Errorf("%v is stored, though Append returned %v", e, err)
			}
		}
		return
	}
	seq := eventuallyAppend(t, b, "key", "during")
	count := 0
	for _, e := range mustReadAll(t, b, 10) {
		if e.data == "during" && e.seq == seq {
			count++
		}
	}
	if count != 1 {
		t.Errorf("an entry that was appended again with its key is stored %d times, want once", count)
	}
}
