package compare

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// Value is the number of a result at a path of its JSON, such as latency_ms.p99 or
// lanes.1.lost.
func Value(r *result.Result, path string) (value float64, measured bool) {
	var at any
	if b, err := json.Marshal(r); err != nil || json.Unmarshal(b, &at) != nil {
		return 0, false
	}
	for name := range strings.SplitSeq(path, ".") {
		switch within := at.(type) {
		case map[string]any:
			at = within[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(within) {
				return 0, false
			}
			at = within[i]
		}
	}
	value, measured = at.(float64)
	return value, measured
}

// Spread is a figure over several runs.
type Spread struct {
	Median, Least, Most float64
	Runs                int // in which it was measured
}

// Over is the spread of values, which it sorts.
func Over(values []float64) Spread {
	n := len(values)
	if n == 0 {
		return Spread{}
	}
	slices.Sort(values)
	return Spread{(values[(n-1)/2] + values[n/2]) / 2, values[0], values[n-1], n}
}

// figure is a number of one of the two parts of a round.
type figure struct {
	flood bool
	path  string
}

// part is that part of each round.
func (f figure) part(s *Server) []*result.Result {
	if f.flood {
		return s.Flood
	}
	return s.Paced
}

// rounds are those that count: in which neither server's part is suspect, or all if there are
// none.
func (f figure) rounds(a, b *Server) (count []int) {
	var all []int
	for i := range min(len(a.Flood), len(b.Flood)) {
		all = append(all, i)
		if !f.part(a)[i].Suspect && !f.part(b)[i].Suspect {
			count = append(count, i)
		}
	}
	if len(count) == 0 {
		return all
	}
	return count
}

// of is the figure over the rounds that count and have it.
func (f figure) of(s *Server) Spread {
	var values []float64
	for _, i := range f.rounds(s, s) {
		if v, measured := Value(f.part(s)[i], f.path); measured {
			values = append(values, v)
		}
	}
	return Over(values)
}

// ratio is the figure as a multiple of another server's, round by round.
func (f figure) ratio(s, base *Server) Spread {
	var values []float64
	for _, i := range f.rounds(s, base) {
		v, measured := Value(f.part(s)[i], f.path)
		if of, too := Value(f.part(base)[i], f.path); measured && too && of > 0 {
			values = append(values, v/of)
		}
	}
	return Over(values)
}

// Typical is the paced part of a round of each server: the first that counts.
func (out *Comparison) Typical() (typical []*result.Result) {
	for _, s := range out.Servers {
		if len(s.Flood) > 0 {
			typical = append(typical, s.Paced[p99.rounds(s, s)[0]])
		}
	}
	return typical
}
