// Command dashboard draws charts live: prices, which change ten times per second, and the
// weather, which is measured every two seconds. Each chart is a topic, and a browser has
// one stream for all of them and for all of its tabs (examples/page).
//
//	go run ./examples/dashboard
//	curl -N 'http://localhost:8080/events?topic=prices/*&topic=weather/*'
//
// GET /now is what the charts show, with the id of the last event that is in it: a stream
// that is opened from there misses nothing. The figures are random walks.
package main

import (
	_ "embed"
	"flag"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/examples/internal/listen"
	"github.com/fastsse/fastsse/examples/page"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

//go:embed index.html
var index []byte

func main() {
	addr := flag.String("addr", listen.Addr(), "`address` to listen on; PORT in the environment changes the default")
	listen.Parse()
	hub, err := server.New(server.Config{})
	if err != nil {
		listen.Exit(err)
	}
	d := newDashboard(hub)
	go d.run("price", 100*time.Millisecond, 1)
	go d.run("weather", 2*time.Second, 3)
	listen.Exit(listen.ServeHub(*addr, "/events?topic=prices/*&topic=weather/*", hub, d.handler()))
}

// kept is how many points a chart has.
const kept = 150

// chart is a random walk between two bounds.
type chart struct {
	Topic  string  `json:"topic"`
	Kind   string  `json:"kind"` // the type of its events: price or weather
	Name   string  `json:"name"`
	Unit   string  `json:"unit"`
	Points []point `json:"points"`

	low, high, step float64
}

// point is the data of an event.
type point struct {
	Chart string  `json:"chart"` // its topic
	At    int64   `json:"at"`    // milliseconds since 1970
	Value float64 `json:"value"`
}

// dashboard has the charts, and publishes what is added to them.
type dashboard struct {
	hub *server.Hub

	mu     sync.Mutex // guards charts, and is held over Publish: charts and id are of one moment
	charts []*chart
}

func newDashboard(hub *server.Hub) *dashboard {
	d := &dashboard{hub: hub, charts: []*chart{
		{Topic: "prices/oak", Kind: "price", Name: "Oak", Unit: "€/m³", low: 600, high: 760, step: 3},
		{Topic: "prices/copper", Kind: "price", Name: "Copper", Unit: "€/t", low: 8100, high: 9400, step: 24},
		{Topic: "prices/wheat", Kind: "price", Name: "Wheat", Unit: "€/t", low: 190, high: 260, step: 1.2},
		{Topic: "prices/coffee", Kind: "price", Name: "Coffee", Unit: "€/kg", low: 4.1, high: 6.8, step: .05},
		{Topic: "weather/temperature", Kind: "weather", Name: "Temperature", Unit: "°C", low: 11, high: 24, step: .3},
		{Topic: "weather/wind", Kind: "weather", Name: "Wind", Unit: "m/s", low: 0, high: 14, step: .6},
		{Topic: "weather/humidity", Kind: "weather", Name: "Humidity", Unit: "%", low: 35, high: 90, step: 1.5},
	}}
	for _, c := range d.charts {
		c.Points = []point{} // in JSON, no null
	}
	return d
}

// run adds points to so many of the charts of a kind, in turn, after each interval.
func (d *dashboard) run(kind string, every time.Duration, each int) {
	var mine []*chart
	for _, c := range d.charts {
		if c.Kind == kind {
			mine = append(mine, c)
		}
	}
	n := 0
	for now := range time.Tick(every) {
		for range each {
			d.add(mine[n%len(mine)], now)
			n++
		}
	}
}

// add takes the chart's next step, and publishes it. The hub's errors end with the program.
func (d *dashboard) add(c *chart, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	last := (c.low + c.high) / 2
	if n := len(c.Points); n > 0 {
		last = c.Points[n-1].Value
	}
	value := min(max(last+c.step*rand.NormFloat64(), c.low), c.high)
	p := point{c.Topic, now.UnixMilli(), math.Round(value*100) / 100}
	if _, err := d.hub.PublishJSON(c.Topic, streamwriter.Event{Type: c.Kind}, p); err == nil {
		c.Points = append(c.Points[max(0, len(c.Points)-kept+1):], p)
	}
}

func (d *dashboard) handler() fasthttp.RequestHandler {
	r := router.New()
	page.Mount(r, index)
	r.ANY("/events", d.hub.SubscribeHandler(server.SubscribeOptions{}))
	r.GET("/now", d.now)
	return r.Handler
}

// now answers with the charts, and the id that they are true at.
func (d *dashboard) now(ctx *fasthttp.RequestCtx) {
	d.mu.Lock()
	defer d.mu.Unlock()
	page.JSON(ctx, map[string]any{"id": d.hub.LastID(), "charts": d.charts})
}
