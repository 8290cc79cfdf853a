package screen

import (
	"math"
	"testing"

	"github.com/fastsse/fastsse/bench/internal/result"
)

func TestPictureSumsUp(t *testing.T) {
	p := after(10).with(result.Sample{At: 11, Delivered: 1, Missing: 5, Duplicated: 2, OutOfOrder: 3, Ended: 4})
	p = p.with(result.Sample{At: 12, Missing: -2})
	if p.published != 30 || p.delivered != 300_001 || p.missing != 3 || p.duplicated != 2 || p.outOfOrder != 3 || p.ended != 4 {
		t.Errorf("%+v", p)
	}
	if p.rate != 0 || len(p.rates) != 12 || p.rates[10] != 1 || !math.IsNaN(p.p99s[11]) {
		t.Errorf("%v, %v", p.rates, p.p99s)
	}
}

// An interval cut short by a new phase says little about the rate.
func TestPictureJoinsShortIntervals(t *testing.T) {
	p := picture{}.with(result.Sample{At: 0.25, Delivered: 60, LatencyMS: &result.Percentiles{P99: 7}})
	if len(p.rates) != 0 {
		t.Error(p.rates)
	}
	p = p.with(result.Sample{At: 1.25, Delivered: 65})
	if len(p.rates) != 1 || p.rates[0] != 100 || p.p99s[0] != 7 {
		t.Error(p.rates, p.p99s)
	}
}

func TestPictureIsAValue(t *testing.T) {
	p := after(100)
	was := append(history{}, p.rates...)
	for n := range 100 {
		p.with(result.Sample{At: float64(101 + n), Delivered: 9})
	}
	for i := range was {
		if p.rates[i] != was[i] {
			t.Fatal("a copy has changed it")
		}
	}
	if len(p.rates) != minute {
		t.Errorf("%d entries are remembered", len(p.rates))
	}
}

func TestSparkOfAMinute(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		of      history
		columns int
		want    string
	}{
		{nil, 10, ""},
		{history{0, 0}, 10, "▁▁"},
		{history{nan, nan}, 10, "  "},
		{history{0, 1, 2, 3, 4, 5, 6, 7, 8}, 20, "▁▂▃▄▅▆▇██"},
		{history{100, nan, 8, 4}, 3, " █▅"}, // of what is shown
		{history{1}, -1, ""},
	} {
		if got := c.of.spark(c.columns); got != c.want {
			t.Errorf("%v: %q, want %q", c.of, got, c.want)
		}
	}
}
