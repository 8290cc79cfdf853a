package report

import (
	"math"
	"slices"
	"strings"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// measure is one number of a result: its name, and how to find and write it. If of
// returns NaN it was not measured, and is left out.
type measure struct {
	name   string
	of     func(r *result.Result) float64
	text   func(v float64) string
	note   func(r *result.Result) string // nil: none
	wrong  func(r *result.Result) bool   // whether to highlight it; nil: never
	better direction
	detail bool // only in the comparison
}

// direction is which way a measure gets better.
type direction int

const (
	neither direction = iota
	lower
	higher
)

// keyFigures are the main figures of a measurement.
var keyFigures = slices.Concat(streamFigures, eventFigures, latencyFigures, serverFigures)

var streamFigures = []measure{
	{name: "Opened", text: count, better: higher, note: openedNote,
		of:    func(r *result.Result) float64 { return unless(r.Asked == 0, float64(r.Opened)) },
		wrong: func(r *result.Result) bool { return r.Opened < r.Asked }},
	{name: "Opening, p99", text: milliseconds, better: lower, note: openingNote,
		of: func(r *result.Result) float64 { return of(r.OpenMS, p99) }},
	{name: "Opening all", text: seconds, better: lower, detail: true,
		of: func(r *result.Result) float64 { return unless(r.OpenSeconds == 0, r.OpenSeconds) }},
	{name: "Ended", text: count, better: lower, note: endedNote,
		of:    func(r *result.Result) float64 { return unless(r.Ended == 0, float64(r.Ended)) },
		wrong: func(r *result.Result) bool { return r.Command != "storm" }}, // a storm ends all
}

var eventFigures = []measure{
	{name: "Delivered", text: count, better: higher, note: deliveredNote,
		of: func(r *result.Result) float64 { return unless(!published(r), float64(r.Delivered)) }},
	{name: "Lost", text: count, better: lower, note: lostNote,
		of:    func(r *result.Result) float64 { return whole(r.Lost) },
		wrong: func(r *result.Result) bool { return *r.Lost > 0 }},
	{name: "Holes", text: count, better: lower, note: says("a later event came"),
		of:    func(r *result.Result) float64 { return unless(r.Missing == 0, float64(r.Missing)) },
		wrong: func(r *result.Result) bool { return true }},
	{name: "Duplicated", text: count, better: lower,
		of:    func(r *result.Result) float64 { return unless(!published(r), float64(r.Duplicated)) },
		wrong: func(r *result.Result) bool { return r.Duplicated > 0 }},
	{name: "Out of order", text: count, better: lower,
		of:    func(r *result.Result) float64 { return unless(!published(r), float64(r.OutOfOrder)) },
		wrong: func(r *result.Result) bool { return r.OutOfOrder > 0 }},
	{name: "Other events", text: count, note: says("not published by bench"),
		of: func(r *result.Result) float64 { return unless(r.Other == 0, float64(r.Other)) }},
	{name: "Deliveries per second", text: number, better: higher,
		of: func(r *result.Result) float64 { return unless(r.PerSecond == 0, r.PerSecond) }},
}

var latencyFigures = []measure{
	{name: "Latency, p50", text: milliseconds, better: lower, note: medianNote,
		of: func(r *result.Result) float64 { return of(r.LatencyMS, p50) }},
	{name: "Latency, p90", text: milliseconds, better: lower, detail: true,
		of: func(r *result.Result) float64 { return of(r.LatencyMS, p90) }},
	{name: "Latency, p99", text: milliseconds, better: lower, note: tailNote,
		of: func(r *result.Result) float64 { return of(r.LatencyMS, p99) }},
	{name: "Latency, p99.9", text: milliseconds, better: lower, detail: true,
		of: func(r *result.Result) float64 { return of(r.LatencyMS, p999) }},
	{name: "Latency, max", text: milliseconds, better: lower, detail: true,
		of: func(r *result.Result) float64 { return of(r.LatencyMS, highest) }},
	{name: "First reader, p50", text: milliseconds, better: lower, detail: true,
		of: func(r *result.Result) float64 { return of(first(r), p50) }},
	{name: "Last reader, p50", text: milliseconds, better: lower, note: lastNote,
		of: func(r *result.Result) float64 { return of(last(r), p50) }},
	{name: "Last reader, p99", text: milliseconds, better: lower, detail: true,
		of: func(r *result.Result) float64 { return of(last(r), p99) }},
}

var serverFigures = []measure{
	{name: "Memory per stream", text: size, better: lower, note: memoryNote,
		of: onServer(func(s *result.Server) float64 { return given(s.BytesPerStream) })},
	{name: "CPU per delivery", text: microseconds, better: lower, note: cpuNote,
		of: onServer(func(s *result.Server) float64 { return given(s.CPUPerDeliveryUS) })},
	{name: "CPU to open a stream", text: microseconds, better: lower,
		of: onServer(func(s *result.Server) float64 { return given(s.CPUToOpenUS) })},
	{name: "Server's memory", text: size, better: lower, note: processNote,
		of: onServer(func(s *result.Server) float64 { return unless(s.RSSBytes == 0, float64(s.RSSBytes)) })},
}

var stormFigures = []measure{
	{name: "Caught up", text: count, better: higher, note: caughtNote,
		of:    onStorm(func(s *result.Storm) float64 { return float64(s.Caught) }),
		wrong: func(r *result.Result) bool { return r.Storm.Caught < r.Storm.Streams }},
	{name: "All connected again", text: seconds, better: lower,
		of: onStorm(func(s *result.Storm) float64 { return s.ConnectedS })},
	{name: "Caught up, p50", text: seconds, better: lower,
		of: onStorm(func(s *result.Storm) float64 { return s.P50 })},
	{name: "Caught up, p95", text: seconds, better: lower,
		of: onStorm(func(s *result.Storm) float64 { return s.P95 })},
	{name: "Caught up, p99", text: seconds, better: lower,
		of: onStorm(func(s *result.Storm) float64 { return s.P99 })},
	{name: "Caught up, last", text: seconds, better: lower,
		of: onStorm(func(s *result.Storm) float64 { return s.Last })},
	{name: "Streams ended", text: seconds, better: lower, note: endingsNote,
		of:    onDrain(func(d *result.Drain) float64 { return d.EndedS }),
		wrong: func(r *result.Result) bool { return r.Storm.Drain.Untold > 0 }},
	{name: "Process exited", text: seconds, better: lower, note: exitNote,
		of:    onDrain(func(d *result.Drain) float64 { return d.ExitedS }),
		wrong: func(r *result.Result) bool { return r.Storm.Drain.ExitStatus != 0 }},
	{name: "Lost of what came before", text: count, better: lower, note: says("deliveries"),
		of:    onDrain(func(d *result.Drain) float64 { return float64(d.LostBefore) }),
		wrong: func(r *result.Result) bool { return r.Storm.Drain.LostBefore > 0 }},
	{name: "Told of a gap once", text: count, note: says("streams"),
		of: onDrain(func(d *result.Drain) float64 { return float64(d.GapOnce) })},
	{name: "Returns uneven", text: share, better: lower, note: says("the second that differs most"),
		of: onDrain(func(d *result.Drain) float64 { return given(d.Uneven) })},
	{name: "Server's CPU during the storm", text: seconds, better: lower,
		of: onStorm(func(s *result.Storm) float64 { return unless(s.CPUSeconds == 0, s.CPUSeconds) })},
}

var trendFigures = []measure{
	trendFigure("Latency, p99", "p99", func(t *result.Trend) *float64 { return t.P99 }),
	trendFigure("Memory", "rss", func(t *result.Trend) *float64 { return t.RSS }),
	trendFigure("Descriptors", "descriptors", func(t *result.Trend) *float64 { return t.Descriptors }),
	trendFigure("Threads", "threads", func(t *result.Trend) *float64 { return t.Threads }),
	trendFigure("Goroutines", "goroutines", func(t *result.Trend) *float64 { return t.Goroutines }),
	trendFigure("CPU", "cpu", func(t *result.Trend) *float64 { return t.CPU }),
}

var toolFigures = []measure{
	{name: "CPU used", text: seconds, of: onTool(func(t *result.Tool) float64 { return t.CPUSeconds })},
	{name: "Busiest reader", text: share, note: says("of the time"),
		of: onTool(func(t *result.Tool) float64 { return given(t.ReaderBusy) })},
	{name: "Timer lag, p99", text: milliseconds, note: timerNote,
		of: onTool(func(t *result.Tool) float64 { return t.TimerLagMS.P99 })},
	{name: "Publisher late", text: milliseconds, note: says("at worst"),
		of: func(r *result.Result) float64 { return unless(!published(r), r.PublisherLateMS) }},
	{name: "GC pauses", text: milliseconds, note: says("in total"),
		of: onTool(func(t *result.Tool) float64 { return t.GCPauseMS })},
	{name: "Descriptors", text: count, note: descriptorNote,
		of: onTool(func(t *result.Tool) float64 { return float64(t.Descriptors) })},
	{name: "Ports per address", text: count, note: portNote,
		of: onTool(func(t *result.Tool) float64 { return float64(t.PerAddress) })},
}

// trendFigure is how much a figure rose during a soak.
func trendFigure(name, key string, of func(*result.Trend) *float64) measure {
	return measure{
		name: name, text: change, better: neither,
		of: func(r *result.Result) float64 {
			if r.Trend == nil {
				return hole
			}
			return given(of(r.Trend))
		},
		wrong: func(r *result.Result) bool { return rises(r.Trend, key) },
	}
}

// rises reports whether a figure is among those that were not flat: their sentences
// begin with the name.
func rises(t *result.Trend, key string) bool {
	return slices.ContainsFunc(t.Rising, func(said string) bool {
		name, _, _ := strings.Cut(said, " ")
		return strings.EqualFold(name, key)
	})
}

// onServer is a number of the server, if it was looked at.
func onServer(of func(*result.Server) float64) func(*result.Result) float64 {
	return func(r *result.Result) float64 {
		if r.Server == nil {
			return hole
		}
		return of(r.Server)
	}
}

// onStorm is a number of a storm, if there was one.
func onStorm(of func(*result.Storm) float64) func(*result.Result) float64 {
	return func(r *result.Result) float64 {
		if r.Storm == nil {
			return hole
		}
		return of(r.Storm)
	}
}

// onDrain is a number of a drain, if there was one.
func onDrain(of func(*result.Drain) float64) func(*result.Result) float64 {
	return onStorm(func(s *result.Storm) float64 {
		if s.Drain == nil {
			return hole
		}
		return of(s.Drain)
	})
}

// onTool is a number of the load generator, where it is above zero.
func onTool(of func(*result.Tool) float64) func(*result.Result) float64 {
	return func(r *result.Result) float64 { return unless(of(&r.Tool) == 0, of(&r.Tool)) }
}

// A quantile takes one number of a distribution.
type quantile func(*result.Percentiles) float64

func p50(p *result.Percentiles) float64     { return p.P50 }
func p90(p *result.Percentiles) float64     { return p.P90 }
func p99(p *result.Percentiles) float64     { return p.P99 }
func p999(p *result.Percentiles) float64    { return p.P999 }
func highest(p *result.Percentiles) float64 { return p.Max }

// of is a quantile of a distribution that may not have been measured.
func of(p *result.Percentiles, q quantile) float64 {
	if p == nil || p.Count == 0 && p.Max == 0 {
		return hole
	}
	return q(p)
}

// first and last are the spread's first and last readers.
func first(r *result.Result) *result.Percentiles {
	if r.SpreadMS == nil {
		return nil
	}
	return &r.SpreadMS.First
}

func last(r *result.Result) *result.Percentiles {
	if r.SpreadMS == nil {
		return nil
	}
	return &r.SpreadMS.Last
}

// published reports whether events were part of the measurement.
func published(r *result.Result) bool { return r.Published > 0 || r.Delivered > 0 }

// unless is v, or a hole where v has no meaning.
func unless(absent bool, v float64) float64 {
	if absent {
		return hole
	}
	return v
}

func given(v *float64) float64 {
	if v == nil {
		return hole
	}
	return *v
}

func whole(v *uint64) float64 {
	if v == nil {
		return hole
	}
	return float64(*v)
}

func known(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
