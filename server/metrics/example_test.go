package metrics_test

import (
	"log"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/metrics"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttpadaptor"
)

func ExampleHandler() {
	hub, err := server.New(server.Config{})
	if err != nil {
		log.Fatal(err)
	}
	routes := router.New()
	hub.Mount(routes, server.MountOptions{})
	routes.GET("/metrics", metrics.Handler(hub))
	log.Fatal(fasthttp.ListenAndServe(":8080", routes.Handler))
}

// Two hubs, and metrics of the application's own, in one registry.
func ExampleNewCollector() {
	registry := prometheus.NewRegistry()
	for _, name := range []string{"scores", "chat"} {
		hub, err := server.New(server.Config{})
		if err != nil {
			log.Fatal(err)
		}
		prometheus.WrapRegistererWith(prometheus.Labels{"hub": name}, registry).MustRegister(metrics.NewCollector(hub))
	}
	goals := prometheus.NewCounter(prometheus.CounterOpts{Name: "goals_total", Help: "Goals."})
	registry.MustRegister(goals)

	routes := router.New()
	routes.GET("/metrics", fasthttpadaptor.NewFastHTTPHandler(promhttp.HandlerFor(registry, promhttp.HandlerOpts{})))
	log.Fatal(fasthttp.ListenAndServe(":8080", routes.Handler))
}
