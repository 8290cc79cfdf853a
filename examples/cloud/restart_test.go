//go:build unix

package main

import (
	"testing"

	"github.com/fastsse/fastsse/internal/testkit"
)

// One instance, whose events are in its own directory, is stopped and killed while numbers
// are published and read: nobody misses one, or gets one twice.
func TestARestartLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute, and its servers are processes of their own; go test without -short runs it")
	}
	t.Parallel()
	exe, dir, addr := build(t, ""), t.TempDir(), freeAddress(t)
	startAgain := func() *program {
		return start(t, exe, []string{"TOKEN=secret"}, "-addr", addr, "-platform", "none", "-backplane", "embedded:"+dir)
	}
	p := startAgain()
	if !p.log.Has("feed fastsse of embedded:" + dir) {
		t.Errorf("it does not say where the events are kept: %s", p.log)
	}
	l := newLedger(t, p.url, 20)
	l.more(50)
	for range 3 {
		p.kill()
		p = startAgain()
		l.more(50)
		if err := p.exit(); err != nil {
			t.Errorf("SIGTERM: %v\n%s", err, p.log)
		}
		p = startAgain()
		l.more(50)
	}
	l.check()
	figures := p.scrape()
	expectFigures(t, figures, map[string]float64{"fastsse_backplane_connected": 1, "fastsse_gap_events_total": 0, "fastsse_backplane_behind_entries": 0})
}

// A platform that starts the next instance before the last one has ended: it waits for the
// directory.
func TestTheNextInstanceWaitsForTheDirectory(t *testing.T) {
	t.Parallel()
	exe, dir := build(t, ""), t.TempDir()
	env := []string{"TOKEN=secret"}
	args := []string{"-platform", "none", "-backplane", "embedded:" + dir}
	first := start(t, exe, env, args...)
	if status := first.publish("secret", "news", "kept"); status != 200 {
		t.Fatalf("publishing: %d", status)
	}
	next := launch(t, exe, env, nil, args...)
	testkit.Eventually(t, "the next instance says that it waits", func() bool { return next.log.Has("waiting until it has ended") })
	if next.log.Has("listening") {
		t.Error("it listens while the other has the directory")
	}
	if err := first.exit(); err != nil {
		t.Errorf("%v\n%s", err, first.log)
	}
	next.awaitListening()
	if status := next.publish("secret", "news", "new"); status != 200 {
		t.Errorf("publishing at the next instance: %d\n%s", status, next.log)
	}
	if figures := next.scrape(); figures["fastsse_backplane_connected"] != 1 {
		t.Errorf("figures: %v", figures)
	}
}
