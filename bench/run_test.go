package main

import (
	"runtime"
	"testing"
)

// The tool counts what was published.
func TestRunCountsEverything(t *testing.T) {
	for _, kind := range []string{"serve", "floor"} {
		if kind == "floor" && runtime.GOOS != "linux" {
			continue
		}
		url := start(t, kind).url
		r := measureHere(t, "run -c 20 -rate 100 -duration 500ms -readers 2 -settle 50ms -url "+url+"/events?topic=a -publish-url "+url+"/publish?topic=a")
		if r.Opened != 20 || r.Published != 50 || *r.Expected != 1000 || r.Delivered != 1000 || *r.Lost != 0 || r.Duplicated+r.OutOfOrder != 0 {
			t.Errorf("%s: opened %d, published %d, delivered %d of %d, lost %d, twice %d, out of order %d; want 50 events for each of 20 streams",
				kind, r.Opened, r.Published, r.Delivered, *r.Expected, *r.Lost, r.Duplicated, r.OutOfOrder)
		}
		if r.LatencyMS == nil || r.LatencyMS.Count != 1000 || r.LatencyMS.P99 <= 0 {
			t.Errorf("%s: latency %+v; want 1000 times", kind, r.LatencyMS)
		}
		if sp := r.SpreadMS; sp == nil || sp.First.Count != 50 || sp.Median.Count != 50 || sp.P99.Count != 50 || sp.Last.Count != 50 {
			t.Errorf("%s: spread %+v; want 50 times of each", kind, r.SpreadMS)
		}
	}
}

func TestStormCountsEverything(t *testing.T) {
	url := startServe(t).url
	for _, back := range []string{"now", "browser"} {
		r := measureHere(t, "storm -c 20 -missed 10 -settle 50ms -back "+back+" -url "+url+"/events?topic=a -publish-url "+url+"/publish?topic=a")
		if *r.Lost != 0 || r.Duplicated != 0 || r.Delivered != 220 || r.Storm == nil || r.Storm.Caught != 20 || r.Reconnected != 20 {
			t.Errorf("back %s: delivered %d, lost %d, twice %d, reconnected %d, storm %+v; want 11 events for each of 20 streams",
				back, r.Delivered, *r.Lost, r.Duplicated, r.Reconnected, r.Storm)
		}
	}
}
