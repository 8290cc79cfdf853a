package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/result"
	"github.com/fastsse/fastsse/server"
	"github.com/valyala/fasthttp"
)

// What run counts equals the server's own counters exactly, and what can be worked out
// by hand.
func TestRunAgreesWithTheServersCounters(t *testing.T) {
	hub, err := server.New(server.Config{})
	if err != nil {
		t.Fatal(err)
	}
	url := serveHub(t, hub)
	before := hub.Stats()
	r := measureHere(t, "run -c 500 -rate 200 -duration 2s -settle 100ms -url "+url+"/events?topic=a -publish-url "+url+"/publish?topic=a")
	after := hub.Stats()
	for _, c := range []struct {
		what         string
		ours, theirs int64
		byHand       int64
	}{
		{"streams opened", int64(r.Opened), after.Opened - before.Opened, 500},
		{"events published", int64(r.Published), after.Published - before.Published, 400},
		{"events delivered", int64(r.Delivered), after.Delivered - before.Delivered, 500 * 400},
	} {
		if c.ours != c.theirs || c.ours != c.byHand {
			t.Errorf("%s: run says %d, the server %d; by hand it is %d", c.what, c.ours, c.theirs, c.byHand)
		}
	}
}

// serveHub serves a hub on loopback until the test ends, and returns its URL.
func serveHub(t *testing.T, hub *server.Hub) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	routes := router.New()
	server.Mount(routes, hub, server.MountOptions{Publish: server.PublishOptions{AllowAnyone: true}})
	srv := &fasthttp.Server{Handler: routes.Handler}
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() {
		_ = ln.Close()
		_ = hub.Close(context.Background())
	})
	return "http://" + ln.Addr().String()
}

// The latencies that run reports agree with those of a reader that shares nothing with
// it but the clock: net/http, bufio, and a sorted list of all times. The server delays
// events by 150 ms, so that the machine adds little in comparison. The two do not share streams, so beyond the 99th
// percentile they may differ: a few events of one stream decide there.
func TestRunAgreesWithAnIndependentReader(t *testing.T) {
	s := startServe(t, "-delay", "150ms")
	stream := s.url + "/events?topic=a"
	var reader independentReader
	for range 10 {
		reader.open(t, stream)
	}
	r := measureHere(t, "run -c 100 -rate 50 -duration 6s -settle 200ms -url "+stream+" -publish-url "+s.url+"/publish?topic=a")
	times := reader.times(t, 10*300)
	for _, c := range []struct {
		name   string
		p      float64
		ours   float64
		evenly float64 // what the server delays them by
	}{
		{"p50", 50, r.LatencyMS.P50, 150},
		{"p90", 90, r.LatencyMS.P90, 150},
		{"p99", 99, r.LatencyMS.P99, 150},
	} {
		theirs := percentile(times, c.p)
		t.Logf("%s: run %.1f ms, the independent reader %.1f ms", c.name, c.ours, theirs)
		if off := math.Abs(c.ours/theirs - 1); off > 0.1 {
			t.Errorf("%s: run says %.1f ms, an independent reader %.1f ms: %.1f%% apart", c.name, c.ours, theirs, 100*off)
		}
		if c.ours < 0.95*c.evenly {
			t.Errorf("%s: run says %.1f ms, less than the server delays events", c.name, c.ours)
		}
	}
	if sp := r.SpreadMS; sp.First.P50 < 145 || sp.Last.P50 < sp.First.P50 || sp.Last.Count != 300 {
		t.Errorf("the spread is %s; want 300 events, the median at 150 ms at least, and the last not before the first", spreadText(sp))
	}
}

func spreadText(s *result.Spread) string {
	return fmt.Sprintf("first %.1f, median %.1f, last %.1f of %d", s.First.P50, s.Median.P50, s.Last.P50, s.Last.Count)
}

// independentReader keeps the time of every event of its streams.
type independentReader struct {
	mu  sync.Mutex // guards all
	all []float64  // in ms
}

// open reads a stream until the test ends.
func (i *independentReader) open(t *testing.T, url string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	go func() {
		lines := bufio.NewScanner(res.Body)
		for lines.Scan() {
			now := load.Now()
			data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: bench "))
			if !ok {
				continue
			}
			var run string
			var lane, seq, due int64
			if _, err := fmt.Sscan(string(data), &run, &lane, &seq, &due); err == nil {
				i.mu.Lock()
				i.all = append(i.all, float64(now-time.Duration(due))/float64(time.Millisecond))
				i.mu.Unlock()
			}
		}
	}()
}

// times waits for n times, and returns them in order.
func (i *independentReader) times(t *testing.T, n int) []float64 {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		i.mu.Lock()
		all := slices.Clone(i.all)
		i.mu.Unlock()
		if len(all) == n {
			slices.Sort(all)
			return all
		}
		if time.Now().After(deadline) {
			t.Fatalf("the independent reader had %d of %d events", len(all), n)
		}
	}
}

// percentile is the smallest of the sorted values that the given percentage of them do
// not exceed.
func percentile(sorted []float64, p float64) float64 {
	return sorted[max(int(math.Ceil(p/100*float64(len(sorted))))-1, 0)]
}
