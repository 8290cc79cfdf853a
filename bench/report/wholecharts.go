package report

import (
	"math"

	"github.com/fastsse/fastsse/bench/result"
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
	return present(newChart(chart{ID: "storm", Title: "Streams that have caught up", X: "seconds", Unit: "%", Wide: true}, runs,
		line{label: "caught up", color: "c0", area: true, x: caughtAt, y: caughtShare}))
}

func caughtAt(r *run) column {
	s := r.result.Storm
	return column{0, s.P50, s.P95, s.P99, s.Last}
}

// caughtShare is a share of all streams; the quantiles count only those that have
// caught up.
func caughtShare(r *run) column {
	s := r.result.Storm
	if s == nil || s.Streams == 0 || s.Caught == 0 {
		return nil
	}
	of := float64(s.Caught) / float64(s.Streams)
	return column{0, 50 * of, 95 * of, 99 * of, 100 * of}
}
