package report

import "github.com/fastsse/fastsse/bench/internal/result"

// timeCharts are what clients saw in each second.
func timeCharts(runs []*run) []*chart {
	return present(
		newChart(chart{ID: "events", Title: "Events per second", X: "time", Unit: "/s"}, runs,
			line{label: "delivered", color: "c0", area: true, y: delivered},
			line{label: "published (right)", color: "c1", dash: true, right: true, extra: true,
				y: rate(func(s *result.Sample) uint64 { return s.Published })}),
		newChart(chart{ID: "streams", Title: "Streams", X: "time"}, runs,
			line{label: "open", color: "c0", area: true, y: sampled(func(s *result.Sample) float64 { return float64(s.Streams) })},
			line{label: "connecting", color: "c1", extra: true, y: sampled(func(s *result.Sample) float64 { return float64(s.Connecting) })}),
		newChart(chart{ID: "latency", Title: "Latency", X: "time", Unit: "ms", Wide: true}, runs, latencyLines()...).chooseScale(),
	)
}

// delivered is empty where nothing was published, and streams were only held.
func delivered(r *run) column {
	c := rate(func(s *result.Sample) uint64 { return s.Delivered })(r)
	if !c.some() && !published(r.result) {
		return nil
	}
	return c
}

func latencyLines() []line {
	var lines []line
	for _, q := range quantiles {
		lines = append(lines, line{label: q.name, color: q.name, pick: q.name,
			y: sampled(func(s *result.Sample) float64 { return of(s.LatencyMS, q.of) })})
	}
	return lines
}

// timeHint says how to read the charts over time.
func timeHint(runs []*run) string {
	hint := "Drag across a chart to zoom in; double-click to zoom out."
	if name := sharedPhase(runs); name != "" {
		hint = "Time counts from when each began to " + phaseVerb(name) + ". " + hint
	}
	return hint
}

func phaseVerb(phase string) string {
	switch phase {
	case "back":
		return "come back"
	case "hold":
		return "hold its streams"
	}
	return phase
}

// serverCharts are what the server used.
func serverCharts(runs []*run) []*chart {
	return present(
		newChart(chart{ID: "server-cpu", Title: "CPU", X: "time", Unit: "processors"}, runs,
			line{label: "server", color: "c0", area: true, y: busy(func(s *result.Sample) float64 { return given(s.ServerCPU) })}),
		newChart(chart{ID: "server-memory", Title: "Memory (RSS)", X: "time", Unit: "MiB"}, runs,
			line{label: "resident", color: "c0", area: true, y: sampled(mebibytes)}),
		newChart(chart{ID: "server-descriptors", Title: "Descriptors", X: "time"}, runs,
			line{label: "descriptors", color: "c0", area: true, y: sampled(func(s *result.Sample) float64 { return small(s.Descriptors) })},
			line{label: "threads (right)", color: "c1", dash: true, right: true, extra: true,
				y: sampled(func(s *result.Sample) float64 { return small(s.Threads) })}),
		newChart(chart{ID: "server-goroutines", Title: "Goroutines", X: "time"}, runs,
			line{label: "goroutines", color: "c0", area: true, y: sampled(func(s *result.Sample) float64 { return small(s.Goroutines) })}),
	)
}

func mebibytes(s *result.Sample) float64 {
	if s.RSSBytes == nil {
		return hole
	}
	return float64(*s.RSSBytes) / (1 << 20)
}

func small[N int | int32](v *N) float64 {
	if v == nil {
		return hole
	}
	return float64(*v)
}

// toolCharts show how the load generator did, which limits what the other charts can
// say.
func toolCharts(runs []*run) []*chart {
	return present(
		newChart(chart{ID: "tool-cpu", Title: "CPU", X: "time", Unit: "processors"}, runs,
			line{label: "load generator", color: "c0", area: true, y: busy(func(s *result.Sample) float64 { return s.ToolCPU })}),
		newChart(chart{ID: "tool-lag", Title: "Timer lag, the worst", X: "time", Unit: "ms"}, runs,
			line{label: "lag", color: "c0", area: true, y: sampled(func(s *result.Sample) float64 { return s.TimerLagMS })}).chooseScale(),
	)
}
