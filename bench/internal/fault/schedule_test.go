package fault

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const ms = time.Millisecond

func TestSchedule(t *testing.T) {
	for _, c := range []struct {
		faults Faults
		in     string // what comes, as letter@milliseconds; a dot is a comment
		want   string // what is sent, likewise
	}{
		{Faults{}, "a@5 .@5 b@9", "a@5 .@5 b@9"},
		{Faults{Delay: 100 * ms}, "a@0 b@10 c@10", "a@100 b@110 c@110"},
		{Faults{Delay: 100 * ms}, ".@5 a@10 .@20 .@200", ".@5 a@110 .@110 .@200"}, // keeps its place
		{Faults{Jitter: 100 * ms}, "a@0 b@0 c@10", "a@1 b@2 c@13"},
		{Faults{Delay: 50 * ms, Jitter: 1000 * ms}, "a@0 b@0 c@50", "a@60 b@70 c@130"},
		{Faults{Hold: 100 * ms}, "a@0 .@10 b@99 c@100 d@450", "a.b@100 c@200 d@500"},
		{Faults{Hold: 100 * ms, Delay: 60 * ms}, "a@0 b@39 c@40", "ab@100 c@200"},
		{Faults{Drip: 100}, "aaaaaaaaaaaa@0 b@0", "aaaaa@0 aaaaa@50 aa@100 b@120"},
		{Faults{Drip: 4}, "aa@0 b@1000", "a@0 a@250 b@1000"},
		{Faults{Drip: 20, Hold: 100 * ms}, "a@0 b@10", "a@100 b@150"},
		{Faults{Drip: 20, Delay: 100 * ms}, "a@0 b@10", "a@100 b@150"},
	} {
		s := newSchedule(c.faults)
		if got := sends(&s, c.in); got != c.want {
			t.Errorf("%v: %q is sent as %q; want %q", c.faults, c.in, got, c.want)
		}
	}
}

// Order is kept whatever the jitter.
func TestJitterKeepsOrder(t *testing.T) {
	s := newSchedule(Faults{Jitter: time.Second})
	last := time.Duration(0)
	for n := range uint64(300) {
		s.put(time.Duration(n)*ms, block{bytes: []byte("x"), event: true, n: n + 1})
		at := s.waiting[len(s.waiting)-1].at
		if at < last {
			t.Fatalf("event %d is due at %v, the one before it at %v", n+1, at, last)
		}
		last = at
	}
	if last != 298*ms+990*ms { // event 299 came at 298 ms and holds up the one after it
		t.Errorf("the last is due at %v; want 1.288s", last)
	}
}

// No second has more than Drip bytes and two pieces, even if calls are late.
func TestDripIsAtMost(t *testing.T) {
	for _, drip := range []int{1, 19, 20, 333, 10_000} {
		s := newSchedule(Faults{Drip: drip})
		for range 50 {
			s.put(0, block{bytes: bytes.Repeat([]byte("x"), drip/7+1)})
		}
		var at []time.Duration // of each byte
		var last time.Duration
		for {
			wake, ok := s.wake()
			if !ok {
				break
			}
			wake = max(wake, last+time.Duration(len(at)%3)*30*ms) // late at times
			for last = wake; ; {
				piece := s.next(wake)
				if len(piece) == 0 {
					break
				}
				for range piece {
					at = append(at, wake)
				}
			}
		}
		if len(at) == 0 {
			t.Fatalf("drip %d: nothing is sent", drip)
		}
		second := drip + 2*max(1, drip/dripPieces)
		for i := second; i < len(at); i++ {
			if at[i]-at[i-second] < time.Second-time.Microsecond { // each piece rounds a nanosecond
				t.Fatalf("drip %d: bytes %d to %d in %v", drip, i-second, i, at[i]-at[i-second])
			}
		}
	}
}

// Calls that are a little late do not make it slower.
func TestDripCatchesUp(t *testing.T) {
	s := newSchedule(Faults{Drip: 1000})
	for range 1000 {
		s.put(0, block{bytes: []byte("x")})
	}
	sent := 0
	for now := time.Duration(0); now < time.Second; now += 7 * ms {
		for piece := s.next(now); len(piece) > 0; piece = s.next(now) {
			sent += len(piece)
		}
	}
	if sent < 990 {
		t.Errorf("%d bytes in a second; want 990 or more of 1000", sent)
	}
}

func TestScheduleIsBounded(t *testing.T) {
	s := newSchedule(Faults{Delay: time.Hour})
	for !s.full() {
		s.put(0, block{bytes: make([]byte, 1<<20), event: true, n: 1})
	}
	if s.size != maxWaiting {
		t.Errorf("full with %d bytes; want %d", s.size, maxWaiting)
	}
	if got := len(s.next(time.Hour)); got != 1<<20 || s.full() {
		t.Errorf("%d bytes sent, full %v; want 1 MiB and room", got, s.full())
	}
}

// sends puts blocks into a schedule, and returns what it sends, and when.
func sends(s *schedule, in string) string {
	var sent []string
	until := func(end time.Duration) {
		for at, ok := s.wake(); ok && at < end; at, ok = s.wake() {
			sent = append(sent, fmt.Sprintf("%s@%d", s.next(at), at/ms))
		}
	}
	var n uint64
	for word := range strings.FieldsSeq(in) {
		text, digits, _ := strings.Cut(word, "@")
		var at time.Duration
		fmt.Sscan(digits, &at)
		until(at * ms)
		b := block{bytes: []byte(text), event: text != "."}
		if b.event {
			n++
			b.n = n
		}
		s.put(at*ms, b)
	}
	until(time.Hour)
	return strings.Join(slices.Clip(sent), " ")
}
