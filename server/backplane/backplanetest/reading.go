package backplanetest

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/fastsse/fastsse/server/backplane"
)

func readPages(t testing.TB, f *Feed) {
	b := f.Open(t)
	want := mustAppendMany(t, b, 50)
	for _, limit := range []int{1, 7, 50, 1000} {
		if d := difference(mustReadAll(t, b, limit), want); d != "" {
			t.Errorf("pages of %d entries: %s", limit, d)
		}
	}
	if page := mustRead(t, b, want[9].seq, 7); difference(page, want[10:17]) != "" {
		t.Errorf("Read after %d of 7 entries returned %v, want %v", want[9].seq, page, want[10:17])
	}
}

func readsNothing(t testing.TB, f *Feed) {
	b := f.Open(t)
	none := func(after uint64) {
		t.Helper()
		start := time.Now()
		page := mustRead(t, b, after, 10)
		if took := time.Since(start); len(page) != 0 || took > soon {
			t.Errorf("Read after %d returned %v after %v; want nothing, soon", after, page, took)
		}
	}
	none(0)
	none(7)
	last := mustAppendMany(t, b, 3)[2].seq
	none(last)
	none(last + 1)
	none(last + 1000)
	start := behind(t, b, 0)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := b.Read(ctx, start, 10); err == nil {
		t.Error("Read with a context that is done returned no error")
	}
}

func readGivesAway(t testing.TB, f *Feed) {
	b := f.Open(t)
	want := mustAppendMany(t, b, 10)
	page, err := b.Read(call(t), behind(t, b, 0), 10)
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	for _, e := range page {
		copy(e.Data, bytes.Repeat([]byte("!"), len(e.Data)))
		_ = append(e.Data, "!!!!!!!!"...)
	}
	if d := difference(mustReadAll(t, b, 100), want); d != "" {
		t.Errorf("what the caller wrote into its entries is read again: %s", d)
	}
}

func readsLarge(t testing.TB, f *Feed) {
	b := f.Open(t)
	var want []entry
	for i := range 24 {
		data := fmt.Sprint(i, large(512<<10))
		want = append(want, entry{mustAppend(t, b, "", data), data})
	}
	if d := difference(mustReadAll(t, b, 100), want); d != "" {
		t.Errorf("entries of 512 KiB: %s", d)
	}
}

var epoch = regexp.MustCompile(`^[a-z0-9]{1,32}$`)

func stateOfEmpty(t testing.TB, f *Feed) {
	s := mustState(t, f.Open(t))
	if s.Last != 0 || s.First <= s.Last {
		t.Errorf("an empty stream has First %d and Last %d; want Last 0 and First above it", s.First, s.Last)
	}
	if !epoch.MatchString(s.Epoch) {
		t.Errorf("the epoch is %q; want 1 to 32 of a-z and 0-9", s.Epoch)
	}
}

func stateOfHeld(t testing.TB, f *Feed) {
	b, other := f.Open(t), f.Open(t)
	before := mustState(t, b)
	all := mustAppendMany(t, b, 5)
	want := backplane.State{Epoch: before.Epoch, First: all[0].seq, Last: all[4].seq}
	for i, h := range []backplane.Backplane{b, other, f.Open(t)} {
		if got := mustState(t, h); got != want {
			t.Errorf("State at handle %d is %+v, want %+v", i, got, want)
		}
	}
	want.Last = mustAppend(t, other, "", "one more")
	if got := mustState(t, b); got != want {
		t.Errorf("State after an append at another handle is %+v, want %+v", got, want)
	}
}

func droppedIsLeftOut(t testing.TB, f *Feed) {
	need(t, "purge the stream", f.Purge != nil)
	b := f.Open(t)
	open := startTail(t, b, 0)
	old := mustAppendMany(t, b, 5)
	open.wants(t, old)
	before := mustState(t, b)
	f.Purge()
	s := mustState(t, b)
	if s.Epoch != before.Epoch || s.Last != before.Last || s.First <= s.Last {
		t.Errorf("State after all was dropped is %+v, before it was %+v; want the same epoch and Last, and First above Last", s, before)
	}
	if page := mustRead(t, b, 0, 10); len(page) > 0 {
		t.Errorf("Read returned %v after all was dropped", page)
	}
	late := startTail(t, b, old[1].seq)
	fresh := mustAppendMany(t, b, 3)
	if fresh[0].seq <= before.Last {
		t.Errorf("sequence %d was given after all was dropped; the last had been %d", fresh[0].seq, before.Last)
	}
	late.wants(t, fresh)
	stored(t, b, fresh...)
	if s := mustState(t, b); s.First != fresh[0].seq || s.Last != fresh[2].seq {
		t.Errorf("State is %+v; want First and Last of %v", s, fresh)
	}
}
