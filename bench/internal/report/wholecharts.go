package report

import (
	"math"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// latencyCharts are the distribution of latency over all events.
func latencyCharts(runs []*run) []*chart {
	return present(
		newChart(chart{ID: "spectrum", Title: "Percentiles", X: "percentile", Unit: "ms"}, runs,
			line{label: "latency", color: "p99", area: true, x: rarity, y: spectrum}).chooseScale(),
		newChart(chart{ID: "spread", Title: "Spread over the readers of an event", X: "reader", Unit: "ms"}, runs, spreadLines()...).chooseScale(),
	)
}

// The x axis of the spectrum is 1/(1-p): one event in that many is slower. That shows
// the difference between 99.9% and 99.99%.

func rarity(r *run) column   { x, _ := curve(r.result); return x }
func spectrum(r *run) column { _, y := curve(r.result); return y }

// curve is the spectrum without points that coincide. 100% is drawn at the number of
// all events.
func curve(r *result.Result) (x, y column) {
	for _, q := range r.Spectrum {
		at := 100 / (100 - q.Percentile)
		if q.Percentile >= 100 {
			at = rarest(r, x)
		}
		if n := len(x); n > 0 && at <= x[n-1] {
			y[n-1] = math.Max(y[n-1], q.MS)
			continue
		}
		x, y = append(x, at), append(y, q.MS)
	}
	return x, y
}

// rarest is the x value of the slowest event, beyond all other points.
func rarest(r *result.Result, before column) float64 {
	at := 1.0
	if len(before) > 0 {
		at = before[len(before)-1]
	}
	if r.LatencyMS != nil {
		at = math.Max(at, float64(r.LatencyMS.Count))
	}
	return at
}

// spreadLines are one line per quantile over the events, from the first reader of an
// event to the last.
func spreadLines() []line {
	var lines []line
	for _, q := range quantiles {
		lines = append(lines, line{label: q.name, color: q.name, pick: q.name,
			x: func(*run) column { return column{0, 1, 2, 3} },
			y: func(r *run) column { return readers(r.result.SpreadMS, q.of) }})
	}
	return lines
}

// readers are the first reader of an event, the median, the 99th percentile and the
// last.
func readers(s *result.Spread, q quantile) column {
	if s == nil {
		return nil
	}
	return column{of(&s.First, q), of(&s.Median, q), of(&s.P99, q), of(&s.Last, q)}
}

// stormCharts show how clients came back.
func stormCharts(runs []*run) []*chart {
	return present(
		newChart(chart{ID: "storm", Title: "Streams that have caught up", X: "seconds", Unit: "%", Wide: true}, runs,
			line{label: "caught up", color: "c0", area: true, x: caughtAt, y: caughtShare}),
		newChart(chart{ID: "returns", Title: "Clients that came back, per second", X: "seconds", Unit: "/s", Wide: true}, runs,
			line{label: "came back", color: "c0", area: true, x: returnsAt, y: returnRate(func(p *result.Return) int { return p.Count })},
			line{label: "were told to", color: "c1", dash: true, extra: true, x: returnsAt, y: returnRate(func(p *result.Return) int { return p.Due })}))
}

// returnsOf are the parts of the time over which clients came back; none without a drain.
func returnsOf(r *run) []result.Return {
	if r.result.Storm == nil || r.result.Storm.Drain == nil {
		return nil
	}
	return r.result.Storm.Drain.Returns
}

// returnsAt are the beginning and the end of each part: a step for each. Two values of x
// must differ.
func returnsAt(r *run) column {
	const step = 1e-6
	var x column
	for _, p := range returnsOf(r) {
		x = append(x, p.From, max(p.To-step, p.From+step/2))
	}
	return x
}

// returnRate takes a count from each part, per second. A part that is shorter than half a
// second is one of its own, and counts as a second.
func returnRate(of func(p *result.Return) int) func(r *run) column {
	return func(r *run) column {
		var y column
		for _, p := range returnsOf(r) {
			v := float64(of(&p))
			if took := p.To - p.From; took >= 0.5 {
				v /= took
			}
			y = append(y, v, v)
		}
		return y
	}
}

func caughtAt(r *run) column {
	s := r.result.Storm
	return append(caughtFrom(s), s.P50, s.P95, s.P99, s.Last)
}

// caughtFrom are the times until which no stream has caught up: in a drain also when the
// first client was answered again.
func caughtFrom(s *result.Storm) column {
	if s.Drain == nil || s.Drain.FirstBackS >= s.P50 {
		return column{0}
	}
	return column{0, s.Drain.FirstBackS}
}

// caughtShare is a share of all streams; the quantiles count only those that have
// caught up.
func caughtShare(r *run) column {
	s := r.result.Storm
	if s == nil || s.Streams == 0 || s.Caught == 0 {
		return nil
	}
	of := float64(s.Caught) / float64(s.Streams)
	return append(make(column, len(caughtFrom(s))), 50*of, 95*of, 99*of, 100*of)
}
