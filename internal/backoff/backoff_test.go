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
