package scenario

import (
	"math"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/result"
)

// opening is a session whose server has begun with 10 MiB, and grows by so much per stream,
// with noise.
func opening(streams int, perStream float64, noise ...float64) *session {
	s := &session{Scenario: &Scenario{Streams: streams}, held: true}
	s.usage.empty = load.Usage{RSS: 10 << 20, Peak: 10 << 20, Memory: 10 << 20}
	for i := range parts {
		n := streams * (i + 1) / parts
		memory := 11<<20 + perStream*float64(n)
		if i < len(noise) {
			memory += noise[i]
		}
		s.points = append(s.points, point{n, n, load.Usage{Processes: 1, Memory: uint64(memory)}})
	}
	return s
}

func TestMemoryPerStreamHasAnError(t *testing.T) {
	for name, c := range map[string]struct {
		s                  *session
		slope, err, within float64 // slope zero: there is none
		says               string
	}{
		"clear":             {s: opening(10_000, 30_000), slope: 30_000, err: 280, within: 1},
		"noisy":             {s: opening(10_000, 30_000, 4e6, -4e6, -4e6, 4e6), slope: 30_000, err: 1012, within: 10},
		"too few streams":   {s: opening(300, 3_000), err: 9321, within: 1, says: "3000 ± 9321 B would be less than its own error: open more"},
		"nothing":           {s: opening(10_000, 0), err: 280, within: 1, says: "0 ± 280 B would"},
		"falling":           {s: opening(10_000, -500), err: 280, within: 1, says: "-500 ± 280 B would"},
		"small, and enough": {s: opening(100_000, 40), slope: 40, err: 28, within: 1},
	} {
		var v result.Server
		c.s.sumMemory(&v)
		if !strings.HasPrefix(v.BytesWhy, c.says) || (v.BytesWhy == "") != (c.says == "") {
			t.Errorf("%s: it says %q, want %q", name, v.BytesWhy, c.says)
		}
		if v.BytesPerStreamError == nil || math.Abs(*v.BytesPerStreamError-c.err) > c.within {
			t.Errorf("%s: an error of %v, want %.0f", name, value(v.BytesPerStreamError), c.err)
		}
		if got := value(v.BytesPerStream); math.Abs(got-c.slope) > 1e-3 || (v.BytesPerStream == nil) != (c.slope == 0) {
			t.Errorf("%s: %.2f B per stream, want %.0f", name, got, c.slope)
		}
	}
}

// What all streams have cost is known also where the slope is not, unless it is no more than
// a process gains by itself.
func TestMemoryOnAverage(t *testing.T) {
	for first, want := range map[uint64]float64{5 << 20: 629.1, 0: 0} {
		s := opening(10_000, 0)
		for i := range s.points {
			s.points[i].Memory += first
		}
		var v result.Server
		s.sumMemory(&v)
		if v.BytesPerStream != nil || (v.BytesPerStreamAll == nil) != (want == 0) || math.Abs(value(v.BytesPerStreamAll)-want) > .1 {
			t.Errorf("%d more with the first streams: %v by slope, %v on average; want none, and %.1f", first, value(v.BytesPerStream), value(v.BytesPerStreamAll), want)
		}
	}
}

func TestMemoryPerStreamThatCannotBeTold(t *testing.T) {
	for says, change := range map[string]func(*session){
		"not all streams were open":                   func(s *session) { s.held = false },
		"it takes 4 streams or more":                  func(s *session) { s.points = s.points[:3] },
		"it began with 10 MiB, and has had 64 before": func(s *session) { s.usage.empty.Peak = 64 << 20 },
		"streams ended while others were opened":      func(s *session) { s.points[1].streams = 7 },
		"the server had 1 processes, and then 3":      func(s *session) { s.points[2].Processes = 3 },
	} {
		s := opening(10_000, 30_000)
		change(s)
		var v result.Server
		s.sumMemory(&v)
		if !strings.HasSuffix(v.BytesWhy, says) || v.BytesPerStream != nil || v.BytesPerStreamError != nil || v.BytesPerStreamAll != nil {
			t.Errorf("%+v, want only %q", v, says)
		}
	}
}
