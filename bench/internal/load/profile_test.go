package load

import (
	"math"
	"testing"
	"time"
)

func profile(t *testing.T, text string) (p Profile) {
	t.Helper()
	if err := p.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return p
}

// The schedule is the integral of the rate.
func TestProfileIsASchedule(t *testing.T) {
	p := profile(t, "100 for 10s, 100..1000 over 30s,0 for 5s, 1000..0 over 2s")
	if p.Duration() != 47*time.Second || p.Count(47*time.Second) != 1000+16500+1000 || p.Count(25*time.Second) != 1000+1500+3375 {
		t.Errorf("%v long, %d events, %d in the first 25 s", p.Duration(), p.Count(47*time.Second), p.Count(25*time.Second))
	}
	for i, want := range map[uint64]time.Duration{
		0: 0, 5: 50 * time.Millisecond, 1000: 10 * time.Second, 5875: 25 * time.Second, 17500: 45 * time.Second, 17500 + 750: 46 * time.Second, 18500: 47 * time.Second,
	} {
		if got := p.At(i); math.Abs(float64(got-want)) > 1e5 {
			t.Errorf("event %d is due at %v, want %v", i, got, want)
		}
	}
	last := time.Duration(-1)
	for i := range uint64(18500) {
		at := p.At(i)
		if at <= last || at >= 47*time.Second {
			t.Fatalf("event %d is due at %v, and the one before at %v", i, at, last)
		}
		last = at
	}
	if n := profile(t, "100").Count(4350 * time.Millisecond); n != 435 {
		t.Errorf("%d events in 4.35 s at 100 per second", n)
	}
}

func TestProfilesThatMakeNoSense(t *testing.T) {
	for _, text := range []string{"", "x", "0", "-1", "1..2", "100, 200", "100, 200 for 1s", "100 for 1s, 200", "100 for", "100 for 0s", "1 for 1x", "1 2"} {
		if err := new(Profile).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}

func TestSizesHaveTheirShares(t *testing.T) {
	sizes, err := ParseSizes([]string{"100:80%", "2000:15%", "60:5%"})
	if err != nil {
		t.Fatal(err)
	}
	got := map[int]int{}
	for seq := range uint64(10_000) {
		got[sizes.of(seq+1)]++
	}
	for size, want := range map[int]int{100: 8000, 2000: 1500, 60: 500} {
		if n := got[size]; n < want-10 || n > want+10 {
			t.Errorf("%d events of %d bytes, want about %d", n, size, want)
		}
	}
	for _, bad := range [][]string{{""}, {"x"}, {"5"}, {"100:50%"}, {"100:80%", "200:30%"}, {"100%"}, {"100:x"}, {"100:100%x"}, {"100", "200:20%"}} {
		if _, err := ParseSizes(bad); err == nil {
			t.Errorf("%q are sizes", bad)
		}
	}
}
