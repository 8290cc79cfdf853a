package metrics

import (
	"math"

	"github.com/fastsse/fastsse/server"
	"github.com/prometheus/client_golang/prometheus"
)

// metric is one metric, with a series per value of its label if it has one.
type metric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(s *server.Stats, send send)
}

// send is called for each series.
type send func(value float64, labels ...string)

// all returns all metrics, in the order of the table in doc.go.
func all() []metric {
	return []metric{
		gauges("subscribers", "Open streams, by how the hub holds them: parked (without a goroutine) or streamed (with one each).", "way",
			func(s *server.Stats) map[string]int64 {
				return map[string]int64{"parked": s.Parked, "streamed": s.Streamed}
			}),
		gauge("subscribers_limit", "How many subscribers the hub may have; +Inf without a limit.",
			func(s *server.Stats) float64 { return limit(s.MaxSubscribers) }),
		counter("streams_opened_total", "Streams opened.", func(s *server.Stats) int64 { return s.Opened }),
		counters("streams_streamed_total", "Streams that got a goroutine, by why they could not be parked. A reason appears with its first stream.", "reason",
			func(s *server.Stats) map[string]int64 { return s.StreamedWhy }),
		counters("streams_refused_total", "Requests for a stream that were told to come back later, by why.", "reason",
			func(s *server.Stats) map[string]int64 { return s.RefusedWhy }),
		counters("streams_ended_total", "Streams that have ended, by why.", "reason",
			func(s *server.Stats) map[string]int64 { return s.Ended }),
		counter("streams_aborted_total", "Streams that the hub cut inside an event.", func(s *server.Stats) int64 { return s.Aborted }),
		counter("events_published_total", "Events published.", func(s *server.Stats) int64 { return s.Published }),
		counter("events_delivered_total", "Events written to subscribers, summed over subscribers.", func(s *server.Stats) int64 { return s.Delivered }),
		counter("events_replayed_total", "Events delivered that were published before their subscriber's stream opened.", func(s *server.Stats) int64 { return s.Replayed }),
		counter("gap_events_total", "Gap events sent: each tells a client that some events it has missed are lost to it.", func(s *server.Stats) int64 { return s.Gaps }),
		counters("publish_errors_total", "Calls and requests to publish that have published nothing, by why.", "reason",
			func(s *server.Stats) map[string]int64 { return s.PublishErrors }),
		count("lagging_subscribers", "Subscribers that cannot be written to: their socket is full, or a write has been waiting. Up to 8 seconds old.",
			func(s *server.Stats) int64 { return s.Lagging }),
		count("furthest_lag_events", "How many events, of all topics, the lagging subscriber that is furthest behind is behind. Up to 8 seconds old.",
			func(s *server.Stats) int64 { return s.Behind }),
		count("topics", "Topics that hold events or have subscribers, without subtrees.", func(s *server.Stats) int64 { return int64(s.Topics) }),
		count("history_bytes", "Memory of the events that are kept, and of their indexes.", func(s *server.Stats) int64 { return s.HistoryBytes }),
		count("history_limit_bytes", "How much memory the events that are kept may take.", func(s *server.Stats) int64 { return s.MaxHistoryBytes }),
		count("closing_hooks", "Streams that have ended and whose OnClose hook has not returned yet.", func(s *server.Stats) int64 { return s.Closing }),
		count("lingering_connections", "Connections on which everything is sent, and which wait for their clients to close.", func(s *server.Stats) int64 { return s.Lingering }),
		backplaneGauge("backplane_connected", "1 while the hub reads the broker's stream, 0 while it cannot.",
			func(b *server.BackplaneStats) int64 { return bit(b.Connected) }),
		backplaneGauge("backplane_behind_entries", "Entries of the broker's stream that the hub knows of and does not have yet.",
			func(b *server.BackplaneStats) int64 { return b.Behind }),
		backplaneCounter("backplane_reconnects_total", "How often reading the broker's stream began again.",
			func(b *server.BackplaneStats) int64 { return b.Reconnects }),
		backplaneCounter("backplane_read_backs_total", "Streams that began with events from the broker, not from memory.",
			func(b *server.BackplaneStats) int64 { return b.ReadBacks }),
		backplaneCounter("backplane_losses_total", "How often all streams were told of a gap because entries could not be read.",
			func(b *server.BackplaneStats) int64 { return b.Losses }),
		backplaneCounter("backplane_epochs_total", "How often the broker's stream was found to be another one.",
			func(b *server.BackplaneStats) int64 { return b.Epochs }),
		gauges("state", "1 for the hub's state, 0 for the others.", "state", state),
	}
}

// state returns 1 for the state that the hub is in.
func state(s *server.Stats) map[string]int64 {
	states := map[string]int64{"open": 0, "draining": 0, "closed": 0}
	states[s.State] = 1
	return states
}

// limit returns a limit of which zero means that there is none.
func limit(n int64) float64 {
	if n == 0 {
		return math.Inf(1)
	}
	return float64(n)
}

// gauge returns a metric that goes up and down.
func gauge(name, help string, value func(*server.Stats) float64) metric {
	return metric{describe(name, help), prometheus.GaugeValue, func(s *server.Stats, send send) { send(value(s)) }}
}

// count returns a gauge of a whole number.
func count(name, help string, value func(*server.Stats) int64) metric {
	return gauge(name, help, func(s *server.Stats) float64 { return float64(value(s)) })
}

// counter returns a metric that only goes up.
func counter(name, help string, value func(*server.Stats) int64) metric {
	m := count(name, help, value)
	m.kind = prometheus.CounterValue
	return m
}

// backplaneGauge returns a gauge of a hub with a backplane. Others have no series of it.
func backplaneGauge(name, help string, value func(*server.BackplaneStats) int64) metric {
	return metric{describe(name, help), prometheus.GaugeValue, func(s *server.Stats, send send) {
		if s.Backplane != nil {
			send(float64(value(s.Backplane)))
		}
	}}
}

// backplaneCounter is backplaneGauge for what only goes up.
func backplaneCounter(name, help string, value func(*server.BackplaneStats) int64) metric {
	m := backplaneGauge(name, help, value)
	m.kind = prometheus.CounterValue
	return m
}

// bit returns 1 for true.
func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// gauges returns gauges with one label.
func gauges(name, help, label string, values func(*server.Stats) map[string]int64) metric {
	return metric{describe(name, help, label), prometheus.GaugeValue, func(s *server.Stats, send send) {
		for key, n := range values(s) {
			send(float64(n), key)
		}
	}}
}

// counters returns counters with one label.
func counters(name, help, label string, values func(*server.Stats) map[string]int64) metric {
	m := gauges(name, help, label, values)
	m.kind = prometheus.CounterValue
	return m
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName("fastsse", "", name), help, labels, nil)
}
