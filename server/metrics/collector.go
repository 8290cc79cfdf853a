package metrics

import (
	"github.com/fastsse/fastsse/server"
	"github.com/prometheus/client_golang/prometheus"
)

// NewCollector returns a collector of a hub's metrics, to be registered. It calls
// [server.Hub.Stats] at each scrape and does nothing in between: it has no goroutine, and
// needs no end. It may be scraped at any time, also after the hub is closed, and by
// several goroutines.
//
// The metrics have no labels that tell hubs apart. A registry refuses the collector of a
// second hub, unless each is registered with a label of its own:
//
//	prometheus.WrapRegistererWith(prometheus.Labels{"hub": "scores"}, registry).MustRegister(metrics.NewCollector(hub))
func NewCollector(hub *server.Hub) prometheus.Collector {
	return &collector{hub: hub, metrics: all()}
}

// collector is a prometheus.Collector of a hub. It does not change.
type collector struct {
	hub     *server.Hub
	metrics []metric
}

// Describe sends the descriptions of all metrics.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for i := range c.metrics {
		to <- c.metrics[i].desc
	}
}

// Collect sends all metrics, of one reading of the figures.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	s := c.hub.Stats()
	for i := range c.metrics {
		m := &c.metrics[i]
		m.read(&s, func(value float64, labels ...string) {
			to <- prometheus.MustNewConstMetric(m.desc, m.kind, value, labels...)
		})
	}
}
