package metrics_test

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/metrics"
	"github.com/fastsse/fastsse/server/servertest"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/valyala/fasthttp"
)

// serve serves a hub, and its metrics at /metrics.
func serve(t *testing.T, c server.Config) *servertest.Server {
	t.Helper()
	hub, err := server.New(c)
	if err != nil {
		t.Fatal(err)
	}
	routes := router.New()
	hub.Mount(routes, server.MountOptions{Publish: server.PublishOptions{AllowAnyone: true}})
	routes.GET("/metrics", metrics.Handler(hub))
	routes.GET("/follow", func(ctx *fasthttp.RequestCtx) {
		streamwriter.Serve(ctx, streamwriter.Options{}, func(w *streamwriter.Writer) error { return hub.Follow(w, "a") })
	})
	return servertest.Start(t, hub, routes.Handler)
}

// series are values by name and labels, such as "fastsse_state{state=open}".
type series map[string]float64

// read flattens families, and checks their types.
func read(t *testing.T, families map[string]*dto.MetricFamily) (all, counters series) {
	t.Helper()
	all, counters = series{}, series{}
	for name, family := range families {
		for _, m := range family.GetMetric() {
			key := name
			for _, l := range m.GetLabel() {
				key += fmt.Sprintf("{%s=%s}", l.GetName(), l.GetValue())
			}
			switch family.GetType() {
			case dto.MetricType_COUNTER:
				all[key] = m.GetCounter().GetValue()
				counters[key] = all[key]
			case dto.MetricType_GAUGE:
				all[key] = m.GetGauge().GetValue()
			}
		}
	}
	return all, counters
}

// scrape does what Prometheus does.
func scrape(t *testing.T, s *servertest.Server) (all, counters series) {
	t.Helper()
	resp, err := http.Get(s.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Fatalf("answered %s", resp.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, families)
}

// expect compares some series.
func (got series) expect(t *testing.T, want series) {
	t.Helper()
	for key, n := range want {
		if v, ok := got[key]; !ok || v != n {
			t.Errorf("%s is %v (there: %v), want %v", key, v, ok, n)
		}
	}
}

func TestMetricsPassTheLinter(t *testing.T) {
	s := serve(t, server.Config{MaxSubscribers: 2})
	s.Open("a")
	s.Get("/follow", nil)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(metrics.NewCollector(s.Hub))
	problems, err := testutil.GatherAndLint(registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if n, err := testutil.GatherAndCount(registry); err != nil || n < 40 {
		t.Errorf("%d series, %v: the linter has seen few", n, err)
	}
}

// The first scrape has everything a rate is taken of.
func TestANewHubHasAllItsSeries(t *testing.T) {
	s := serve(t, server.Config{MaxSubscribers: -1})
	got, _ := scrape(t, s)
	want := series{
		"fastsse_subscribers_limit": math.Inf(1), "fastsse_history_limit_bytes": 256 << 20,
		"fastsse_subscribers{way=parked}": 0, "fastsse_subscribers{way=streamed}": 0,
		"fastsse_state{state=open}": 1, "fastsse_state{state=draining}": 0, "fastsse_state{state=closed}": 0,
		"fastsse_streams_opened_total": 0, "fastsse_gap_events_total": 0, "fastsse_furthest_lag_events": 0,
	}
	stats := s.Hub.Stats()
	for why := range stats.RefusedWhy {
		want["fastsse_streams_refused_total{reason="+why+"}"] = 0
	}
	for why := range stats.PublishErrors {
		want["fastsse_publish_errors_total{reason="+why+"}"] = 0
	}
	for r := server.ReasonClient; r <= server.ReasonRefused; r++ {
		want["fastsse_streams_ended_total{reason="+r.String()+"}"] = 0
	}
	got.expect(t, want)
	if _, there := got["go_goroutines"]; !there {
		t.Error("the metrics of the Go runtime are missing")
	}
}

// What is scraped is what the test has done, and what Stats say.
func TestMetricsAgreeWithWhatHappened(t *testing.T) {
	s := serve(t, server.Config{MaxSubscribers: 3, Retention: []server.Retention{{Topics: "a", Events: 10}}})
	first := s.Open("a")
	ids := s.Publish("a", "1", "2", "3", "4", "5")
	first.Expect("1", "2", "3", "4", "5")
	back := s.Resume(ids[1], "a")
	back.Expect("3", "4", "5")
	lost := s.Resume("nobody-knows", "a")
	lost.ExpectGap("unknown")
	lost.Expect("1", "2", "3", "4", "5")
	s.Open("a").ExpectEnd() // full
	s.Hub.Publish("a*", streamwriter.Event{})
	testkit.Eventually(t, "all are delivered", func() bool { return s.Hub.Stats().Delivered == 13 })

	want := series{
		"fastsse_streams_opened_total": 3, "fastsse_streams_refused_total{reason=full}": 1,
		"fastsse_events_published_total": 5, "fastsse_events_delivered_total": 13, "fastsse_events_replayed_total": 8,
		"fastsse_gap_events_total": 1, "fastsse_publish_errors_total{reason=invalid}": 1,
		"fastsse_topics": 1, "fastsse_subscribers_limit": 3, "fastsse_streams_ended_total{reason=kicked}": 0,
	}
	stats := s.Hub.Stats()
	want["fastsse_subscribers{way=parked}"] = float64(stats.Parked)
	want["fastsse_subscribers{way=streamed}"] = float64(3 - stats.Parked)
	want["fastsse_history_bytes"] = float64(stats.HistoryBytes)
	got, _ := scrape(t, s)
	got.expect(t, want)

	s.Hub.KickTopic("a")
	for _, c := range []*servertest.Client{first, back, lost} {
		c.ExpectEnd()
	}
	s.ExpectSubscribers(0)
	got, _ = scrape(t, s)
	got.expect(t, series{
		"fastsse_subscribers{way=parked}": 0, "fastsse_subscribers{way=streamed}": 0, "fastsse_streams_ended_total{reason=kicked}": 3,
	})
}

// Through the life of a hub: no counter goes down, and no series goes away.
func TestCountersNeverGoDown(t *testing.T) {
	s := serve(t, server.Config{MaxSubscribers: 2})
	_, before := scrape(t, s)
	step := func(what string, do func()) {
		t.Helper()
		do()
		_, now := scrape(t, s)
		for key, was := range before {
			if is, there := now[key]; !there || is < was {
				t.Errorf("%s: %s was %v, is %v (there: %v)", what, key, was, is, there)
			}
		}
		before = now
	}
	for range 3 {
		var a, b *servertest.Client
		step("open", func() { a, b = s.Open("a"), s.Get("/follow", nil) })
		step("publish", func() { s.Publish("a", "1"); a.Expect("1"); b.Expect("1") })
		step("refuse", func() { c := s.Open("a"); c.ExpectEnd(); c.Leave() })
		step("kick", func() {
			s.Hub.KickTopic("a")
			for _, c := range []*servertest.Client{a, b} {
				c.ExpectEnd()
				c.Leave()
			}
			s.ExpectSubscribers(0)
			testkit.Eventually(t, "there is room again", func() bool { return s.Hub.Stats().Lingering == 0 })
		})
		step("resume", func() { c := s.Resume("nobody-knows", "a"); c.ExpectGap("unknown"); c.Leave() })
		step("nobody", func() { s.ExpectSubscribers(0) })
	}
	var c *servertest.Client
	step("open", func() { c = s.Open("a") })
	step("drain", func() {
		if err := s.Hub.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		c.ExpectEnd()
	})
	step("refuse while draining", func() { s.Open("a").ExpectEnd() })
	step("close", func() {
		if err := s.Hub.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	step("refuse when closed", func() { s.Open("a").ExpectEnd() })
	before.expect(t, series{
		"fastsse_streams_opened_total": 10, "fastsse_streams_refused_total{reason=full}": 3,
		"fastsse_streams_refused_total{reason=draining}": 1, "fastsse_streams_refused_total{reason=closed}": 1,
		"fastsse_streams_ended_total{reason=kicked}": 6, "fastsse_streams_ended_total{reason=drain}": 1,
		"fastsse_streams_ended_total{reason=client}": 3,
	})
	all, _ := scrape(t, s)
	all.expect(t, series{"fastsse_state{state=closed}": 1, "fastsse_state{state=open}": 0})
}

// Two hubs need a label that tells them apart.
func TestHubsAreToldApartByALabel(t *testing.T) {
	one, two := serve(t, server.Config{}), serve(t, server.Config{})
	two.Open("a")
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics.NewCollector(one.Hub))
	if err := registry.Register(metrics.NewCollector(two.Hub)); err == nil {
		t.Error("two hubs are registered under the same names")
	}
	registry = prometheus.NewRegistry()
	for name, s := range map[string]*servertest.Server{"one": one, "two": two} {
		prometheus.WrapRegistererWith(prometheus.Labels{"hub": name}, registry).MustRegister(metrics.NewCollector(s.Hub))
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]*dto.MetricFamily{}
	for _, f := range families {
		byName[f.GetName()] = f
	}
	all, _ := read(t, byName)
	all.expect(t, series{"fastsse_streams_opened_total{hub=one}": 0, "fastsse_streams_opened_total{hub=two}": 1})
}

// Scrapes may come at any time, several at once.
func TestScrapesWhileStreamsComeAndGo(t *testing.T) {
	s := serve(t, server.Config{})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var scrapers sync.WaitGroup
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(metrics.NewCollector(s.Hub))
	for range 2 {
		scrapers.Go(func() {
			for ctx.Err() == nil {
				if _, err := registry.Gather(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for ctx.Err() == nil {
		c := s.Open("a")
		s.Publish("a", "1")
		c.Expect("1")
		c.Leave()
	}
	scrapers.Wait()
	s.ExpectSubscribers(0)
}
