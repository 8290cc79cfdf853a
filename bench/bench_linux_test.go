package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/bench/result"
)

// The tool against the server: what it counts is what was published.
func TestRunCountsEverything(t *testing.T) {
	for _, kind := range []string{"serve", "floor"} {
		url := serveHere(t, kind)
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
	url := serveHere(t, "serve")
	for _, back := range []string{"now", "browser"} {
		r := measureHere(t, "storm -c 20 -missed 10 -settle 50ms -back "+back+" -url "+url+"/events?topic=a -publish-url "+url+"/publish?topic=a")
		if *r.Lost != 0 || r.Duplicated != 0 || r.Delivered != 220 || r.Storm == nil || r.Storm.Caught != 20 || r.Reconnected != 20 {
			t.Errorf("back %s: delivered %d, lost %d, twice %d, reconnected %d, storm %+v; want 11 events for each of 20 streams",
				back, r.Delivered, *r.Lost, r.Duplicated, r.Reconnected, r.Storm)
		}
	}
}

// measureHere runs a command in this process, and returns what it writes as JSON
// to its standard output, where nothing else may be.
func measureHere(t *testing.T, line string) *result.Result {
	t.Helper()
	var out, errs bytes.Buffer
	if status := run(t.Context(), append(strings.Fields(line), "-json", "-"), &out, &errs); status != 0 {
		t.Fatalf("bench %s: status %d\n%s", line, status, errs.String())
	}
	r, err := result.Decode(&out)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		args   string
		status int
		says   string
	}{
		{"--help", 0, "storm"},
		{"", 1, "bench --help"},
		{"run -c 3", 1, "--url"},
		{"run -url ftp://x/", 1, "http://"},
		{"serve -addr nowhere:x", 1, "-addr"},
	} {
		var out, errs bytes.Buffer
		status := run(t.Context(), strings.Fields(c.args), &out, &errs)
		if status != c.status || !strings.Contains(out.String()+errs.String(), c.says) {
			t.Errorf("bench %s: status %d, said %q; want status %d and something of %q", c.args, status, out.String()+errs.String(), c.status, c.says)
		}
	}
}

// serveHere runs bench serve or floor in this process, and returns its URL.
func serveHere(t *testing.T, kind string) string {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	lines, done := make(lineWriter, 16), make(chan int, 1)
	go func() { done <- run(ctx, []string{kind, "-addr", "127.0.0.1:0"}, lines, lines) }()
	t.Cleanup(func() {
		stop()
		if status := <-done; status != 0 {
			t.Errorf("bench %s ended with status %d", kind, status)
		}
	})
	select {
	case line := <-lines:
		url, _, _ := strings.Cut(strings.TrimPrefix(line, "serving "), "/events")
		return url
	case <-time.After(10 * time.Second):
		t.Fatalf("bench %s does not say where it serves", kind)
		return ""
	}
}

// lineWriter hands on what is written.
type lineWriter chan string

func (w lineWriter) Write(p []byte) (int, error) {
	w <- string(p)
	return len(p), nil
}
