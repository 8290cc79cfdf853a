package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"
)

// The tool against the server: what it counts is what was published.
func TestRunCountsEverything(t *testing.T) {
	for _, kind := range []string{"serve", "floor"} {
		url := serveHere(t, kind)
		s := &session{runCommand: &runCommand{
			URL: url + "/events?topic=a", PublishURL: url + "/publish?topic=a",
			C: 20, Rate: 100, Duration: 500 * time.Millisecond, Size: 100, Readers: 2, Settle: 50 * time.Millisecond,
		}}
		defer s.close()
		if err := s.open(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.publish(t.Context()); err != nil {
			t.Fatal(err)
		}
		l := s.lanes[0]
		if l.published != 50 || l.count.Delivered != 1000 || l.lost() != 0 || l.count.Duplicated+l.count.OutOfOrder != 0 {
			t.Errorf("%s: published %d, delivered %+v, lost %d; want 50 events for each of 20 streams", kind, l.published, l.count, l.lost())
		}
		if p99 := s.figures()["p99_ms"]; p99 <= 0 {
			t.Errorf("%s: p99 of %v ms", kind, p99)
		}
	}
}

func TestStormCountsEverything(t *testing.T) {
	url := serveHere(t, "serve")
	c := stormCommand{URL: url + "/events?topic=a", PublishURL: url + "/publish?topic=a", C: 20, Missed: 10, Size: 60, Readers: 1}
	r, err := c.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.lost != 0 || r.count.Delivered != 220 || len(r.caught) != 20 {
		t.Errorf("delivered %+v, lost %d, %d caught up; want 11 events for each of 20 streams", r.count, r.lost, len(r.caught))
	}
}

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		args   string
		status int
		says   string
	}{
		{"--help", 0, "storm"},
		{"", 2, "bench --help"},
		{"run -c 3", 2, "--url"},
		{"run -url ftp://x/", 1, "only http"},
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
