package backoff

import (
	"testing"
	"time"
)

func TestDrawsStayWithinTheirBounds(t *testing.T) {
	for _, d := range []time.Duration{-1, 0, 1, 9, 10, time.Millisecond, time.Hour} {
		seen := map[time.Duration]bool{}
		for range 1000 {
			age, retry := Age(d), Retry(d)
			if age > d || age < d-max(d/10, 0) {
				t.Fatalf("age of %v: %v, want the last tenth of it", d, age)
			}
			if d > 0 && (retry < d || retry >= 2*d) || d <= 0 && retry != d {
				t.Fatalf("retry of %v: %v, want from that to twice as much", d, retry)
			}
			seen[retry] = true
		}
		if d >= time.Millisecond && len(seen) < 900 {
			t.Errorf("%v: %d different of 1000 draws", d, len(seen))
		}
	}
}

// However late in the first three quarters of its retry a stream ends, its client comes
// back within the window.
func TestWindowSpreadsReturnsEvenly(t *testing.T) {
	const retry, draws = 3 * time.Second, 60_000
	w := Window{From: 10_000, Over: 6_000}
	var bins [6]int
	for i := range draws {
		now := 7_000 + int64(i%2_200)
		back := now + w.Retry(retry, now).Milliseconds()
		if back < w.From || back >= w.From+w.Over {
			t.Fatalf("a stream that ends at %d comes back at %d", now, back)
		}
		bins[(back-w.From)/1000]++
	}
	for i, n := range bins {
		if n < draws/6*9/10 || n > draws/6*11/10 {
			t.Errorf("%d of %d come back in second %d: %v", n, draws, i, bins)
		}
	}
}

// However long the times are, the sum of two is not negative.
func TestDrawsDoNotOverflow(t *testing.T) {
	for _, d := range []time.Duration{longest, longest - 1, longest/2 + 1, longest / 2} {
		w := Window{From: d.Milliseconds(), Over: longest.Milliseconds()}
		for range 1000 {
			if got := Retry(d); got < d {
				t.Fatalf("from %v: %v", d, got)
			}
			if got := w.Retry(d, 0); got < d/2 {
				t.Fatalf("from %v on: %v", d, got)
			}
		}
	}
}

func TestWindowThatIsOverDrawsAsRetry(t *testing.T) {
	for _, w := range []Window{{}, {From: 10_000}, {From: 10_000, Over: 1}} {
		for range 100 {
			if d := w.Retry(time.Second, 20_000); d < time.Second || d >= 2*time.Second {
				t.Fatalf("%+v: %v", w, d)
			}
		}
	}
	if d := (Window{From: 5}).Retry(0, 0); d != 0 {
		t.Errorf("%v where none is sent", d)
	}
}
