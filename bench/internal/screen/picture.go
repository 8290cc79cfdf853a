package screen

import (
	"math"
	"time"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// minute is how many intervals are remembered.
const minute = 60

// picture is all that is shown: the last interval, sums since the beginning, and
// the last minute. It is a value: a copy does not change when the first does.
type picture struct {
	asked int
	total time.Duration // zero if it is not known
	over  bool

	now        result.Sample // the last interval
	rate       float64       // deliveries per second, lately
	published  uint64
	delivered  uint64
	missing    int64
	duplicated uint64
	outOfOrder uint64
	ended      int

	p99s  history // milliseconds; NaN where nothing came
	rates history // deliveries per second

	short brief
}

// brief is what came in intervals too short for a rate.
type brief struct {
	seconds   float64
	delivered uint64
	came      bool
	p99       float64 // the largest, if anything came
}

// shortest is the shortest interval that becomes an entry of the last minute. The last
// interval of a phase can be of any length.
const shortest = 0.5

// with is the picture after one more interval.
func (p picture) with(v result.Sample) picture {
	p.short.seconds += max(0, v.At-p.now.At)
	p.short.delivered += v.Delivered
	if v.LatencyMS != nil {
		p.short.came, p.short.p99 = true, max(p.short.p99, v.LatencyMS.P99)
	}
	if p.short.seconds >= shortest {
		p = p.remembering()
	}
	p.now = v
	p.published += v.Published
	p.delivered += v.Delivered
	p.missing += v.Missing
	p.duplicated += v.Duplicated
	p.outOfOrder += v.OutOfOrder
	p.ended += v.Ended
	return p
}

// remembering is the picture with one more entry of the last minute.
func (p picture) remembering() picture {
	p.rate = float64(p.short.delivered) / p.short.seconds
	if !p.short.came {
		p.short.p99 = math.NaN()
	}
	p.rates, p.p99s = p.rates.with(p.rate), p.p99s.with(p.short.p99)
	p.short = brief{}
	return p
}

// elapsed is how long the measurement has been running.
func (p picture) elapsed() time.Duration {
	return time.Duration(p.now.At * float64(time.Second))
}

// done is the share of the time that is over, and whether it is known.
func (p picture) done() (share float64, known bool) {
	if p.total <= 0 {
		return 0, false
	}
	return min(1, p.elapsed().Seconds()/p.total.Seconds()), true
}

// history is a figure over the last minute, the oldest first. Entries never change.
type history []float64

func (h history) with(value float64) history {
	h = append(h[:len(h):len(h)], value) // a copy when it grows
	return h[max(0, len(h)-minute):]
}

// max is the largest entry, or NaN if there is none.
func (h history) max() float64 {
	largest := math.NaN()
	for _, v := range h {
		if !(v <= largest) && !math.IsNaN(v) {
			largest = v
		}
	}
	return largest
}

// spark draws the newest entries, one per column: the highest bar is the largest of them,
// and a space is an entry without a value.
func (h history) spark(columns int) string {
	bars := []rune("▁▂▃▄▅▆▇█")
	h = h[max(0, len(h)-max(0, columns)):]
	largest := h.max()
	out := make([]rune, 0, len(h))
	for _, v := range h {
		switch {
		case math.IsNaN(v):
			out = append(out, ' ')
		case largest <= 0:
			out = append(out, bars[0])
		default:
			out = append(out, bars[min(len(bars)-1, int(max(0, v)/largest*float64(len(bars))))])
		}
	}
	return string(out)
}
