//go:build unix

package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
	exe, dir, addr := build(t, ""), t.TempDir(), testkit.FreeAddress(t)
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

// An embedded server that cannot write, as on a full disk, stores nothing until it is started
// again: the program says so, drains, and ends with status 1. The next one goes on.
func TestAServerThatCannotWriteEndsTheProgram(t *testing.T) {
	t.Parallel()
	exe, dir := build(t, ""), t.TempDir()
	args := []string{"-platform", "none", "-backplane", "embedded:" + dir}
	p := start(t, exe, []string{"TOKEN=secret"}, args...)
	events := testkit.NewDecoder(p.get("/events?topic=news").Body)
	if status := p.publish("secret", "news", "kept"); status != 200 {
		t.Fatalf("publishing: %d", status)
	}
	if e, err := events.Next(); err != nil || e.Data != "kept" {
		t.Fatalf("got %+v, %v", e, err)
	}
	messages := filepath.Join(dir, "jetstream", "$G", "streams", "fastsse", "msgs")
	if err := errors.Join(os.Rename(messages, messages+".away"), os.WriteFile(messages, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.wait() }()
	for range 30 { // until the file that is open is full, and another is needed
		if !p.publishMegabyte() {
			break
		}
	}
	var exit *exec.ExitError
	if err := testkit.Receive(t, "the program ends", ended); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("it ended with %v, want exit status 1", err)
	}
	if !p.log.Has("restart the program") {
		t.Errorf("it does not say what to do: %s", p.log)
	}
	if e, err := events.Next(); err == nil {
		t.Errorf("an event at the end: %+v", e)
	}
	if events.Retry == "" {
		t.Error("the stream was not told when to come back")
	}
	if err := errors.Join(os.Remove(messages), os.Rename(messages+".away", messages)); err != nil {
		t.Fatal(err)
	}
	next := start(t, exe, []string{"TOKEN=secret"}, args...)
	if status := next.publish("secret", "news", "after"); status != 200 {
		t.Errorf("publishing after a restart: %d\n%s", status, next.log)
	}
}

// publishMegabyte publishes that at once, to a topic of its own, and says whether it was stored.
func (p *program) publishMegabyte() bool {
	const each = 60_000
	body := "[" + strings.Repeat(fmt.Sprintf(`{"topic":"other","data":%q},`, strings.Repeat("x", each)), 1_000_000/each)
	req, err := http.NewRequest("POST", p.url+"/publish", strings.NewReader(strings.TrimSuffix(body, ",")+"]"))
	if err != nil {
		p.t.Error(err)
		return false
	}
	req.Header.Set("Authorization", "Bearer secret")
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == 200
}
