package compare

import "github.com/fastsse/fastsse/bench/internal/result"

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
func (f figure) of(s *Server) result.Range {
	var values []float64
	for _, i := range f.rounds(s, s) {
		if v, measured := f.part(s)[i].Number(f.path); measured {
			values = append(values, v)
		}
	}
	return result.RangeOf(values)
}

// ratio is the figure as a multiple of another server's, round by round.
func (f figure) ratio(s, base *Server) result.Range {
	var values []float64
	for _, i := range f.rounds(s, base) {
		v, measured := f.part(s)[i].Number(f.path)
		if of, too := f.part(base)[i].Number(f.path); measured && too && of > 0 {
			values = append(values, v/of)
		}
	}
	return result.RangeOf(values)
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
