package scenario

import (
	"fmt"

	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/result"
)

// point is what the server's processes use with so many streams open, of those asked for.
type point struct {
	asked, streams int
	load.Usage
}

// slack is what a process's memory may grow by that is no cost of streams: garbage that was
// not collected yet, and what its allocator takes in advance. A server written in Go that
// keeps 40 B per stream was seen to gain 2 MiB with the first few thousand.
const slack = 2 << 20

// sumMemory works out the memory per stream: the slope of a line through the points that were
// taken while streams were opened, with its error. If it is not to be had, the result says why.
func (s *session) sumMemory(v *result.Server) {
	if v.BytesWhy = s.unmeasured(); v.BytesWhy != "" {
		return
	}
	var x, y []float64
	for _, p := range s.points {
		x, y = append(x, float64(p.streams)), append(y, float64(p.Memory))
	}
	l := fit(x, y)
	last := len(x) - 1
	l.err = max(l.err, slack/(x[last]-x[0]))
	v.BytesPerStreamError = &l.err
	if all := (y[last] - float64(s.usage.empty.Memory)) / x[last]; all > slack/x[last] {
		v.BytesPerStreamAll = &all
	}
	if l.slope < l.err {
		v.BytesWhy = fmt.Sprintf("%.0f ± %.0f B would be less than its own error: open more streams", l.slope, l.err)
		return
	}
	v.BytesPerStream = &l.slope
}

// unmeasured is why the memory per stream cannot be told, or empty.
func (s *session) unmeasured() string {
	empty := &s.usage.empty
	switch {
	case !s.held:
		return "not all streams were open"
	case len(s.points) < parts:
		return fmt.Sprintf("it takes %d streams or more", parts)
	case empty.Peak > empty.RSS+max(empty.RSS/5, slack):
		return fmt.Sprintf("the server was not fresh: it began with %d MiB, and has had %d before", empty.RSS>>20, empty.Peak>>20)
	}
	for _, p := range s.points {
		if p.streams != p.asked {
			return "streams ended while others were opened"
		}
		if p.Processes != s.points[0].Processes {
			return fmt.Sprintf("the server had %d processes, and then %d", s.points[0].Processes, p.Processes)
		}
	}
	return ""
}
