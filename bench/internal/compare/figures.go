package compare

import (
	"cmp"
	"math"
	"slices"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// figure is a number of one round; NaN if it was not measured.
type figure func(paced, flood *result.Result) float64

func bytesPerStream(paced, _ *result.Result) float64 { return number(paced.Server.BytesPerStream) }
func cpuToOpen(paced, _ *result.Result) float64      { return number(paced.Server.CPUToOpenUS) }
func cpuPerDelivery(paced, _ *result.Result) float64 { return number(paced.Server.CPUPerDeliveryUS) }

func deliveredPerSecond(_, flood *result.Result) float64 { return flood.PerSecond }

func p50(paced, _ *result.Result) float64 {
	if paced.LatencyMS == nil {
		return math.NaN()
	}
	return paced.LatencyMS.P50
}

func p99(paced, _ *result.Result) float64 {
	if paced.LatencyMS == nil {
		return math.NaN()
	}
	return paced.LatencyMS.P99
}

// last is the median event's last reader; NaN when no event reached all.
func last(paced, _ *result.Result) float64 {
	if paced.SpreadMS == nil || paced.SpreadMS.Last.Count == 0 {
		return math.NaN()
	}
	return paced.SpreadMS.Last.P50
}

func lostPaced(paced, _ *result.Result) float64 { return float64(*paced.Lost) }

// lostFlood is the share of holes: events that are missing although later ones
// came. Events that were still on their way do not count.
func lostFlood(_, flood *result.Result) float64 {
	if flood.Delivered == 0 {
		return math.NaN()
	}
	return float64(flood.Missing) / float64(flood.Missing+flood.Delivered)
}

func number(p *float64) float64 {
	if p == nil {
		return math.NaN()
	}
	return *p
}

// spread is a figure over the rounds.
type spread struct{ median, least, most float64 }

func (s spread) none() bool { return math.IsNaN(s.median) }

// over is NaN when a round has no value.
func over(values []float64) spread {
	if len(values) == 0 || slices.ContainsFunc(values, math.IsNaN) {
		return spread{math.NaN(), math.NaN(), math.NaN()}
	}
	slices.Sort(values)
	median := values[len(values)/2]
	if n := len(values); n%2 == 0 {
		median = (values[n/2-1] + values[n/2]) / 2
	}
	return spread{median, values[0], values[len(values)-1]}
}

func spreadOf(s *Server, f figure) spread {
	var values []float64
	for i := range s.Flood {
		values = append(values, f(s.Paced[i], s.Flood[i]))
	}
	return over(values)
}

// ratios are s to base, round by round.
func ratios(s, base *Server, f figure) spread {
	var values []float64
	for i := range min(len(s.Flood), len(base.Flood)) {
		values = append(values, f(s.Paced[i], s.Flood[i])/f(base.Paced[i], base.Flood[i]))
	}
	return over(values)
}

func (out *Comparison) server(name string) *Server {
	for i := range out.Servers {
		if out.Servers[i].Name == name {
			return &out.Servers[i]
		}
	}
	return nil
}

// Typical is each server's paced part of the round whose CPU per delivery is the
// median.
func (out *Comparison) Typical() []*result.Result {
	var typical []*result.Result
	for i := range out.Servers {
		s := &out.Servers[i]
		rounds := slices.Clone(s.Paced)
		slices.SortFunc(rounds, func(a, b *result.Result) int {
			return cmp.Compare(number(a.Server.CPUPerDeliveryUS), number(b.Server.CPUPerDeliveryUS))
		})
		if len(rounds) > 0 {
			typical = append(typical, rounds[len(rounds)/2])
		}
	}
	return typical
}
