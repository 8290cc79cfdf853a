package metrics

import (
	"github.com/fastsse/fastsse/server"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttpadaptor"
)

// Handler returns a handler that serves a hub's metrics, and those of the Go runtime and
// the process (go_, process_), in the formats that Prometheus scrapes. It has a registry
// of its own. To serve other metrics with them, register NewCollector and the others with
// one registry, as the package's example shows.
func Handler(hub *server.Hub) fasthttp.RequestHandler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		NewCollector(hub),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return fasthttpadaptor.NewFastHTTPHandler(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
}
