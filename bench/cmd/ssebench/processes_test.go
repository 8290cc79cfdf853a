package main

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/bench/internal/result"
	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/shirou/gopsutil/v4/process"
)

// Several processes count what one would, also with topics, which their shares do not end at, and
// with two servers of which each has half of the streams.
func TestProcessesCountEverything(t *testing.T) {
	a, b := startServe(t).url, startServe(t).url
	const line = "run -processes 3 -c 20 -rate 100 -duration 500ms -settle 50ms"
	for _, c := range []struct {
		flags            string
		expected, spread uint64
	}{
		{"-url " + a + "/events?topic=a -publish-url " + a + "/publish?topic=a", 1000, 50},
		{"-topics 3 -url " + a + "/events?topic={{.Topic}} -publish-url " + a + "/publish?topic={{.Topic}}", 17*7 + 17*7 + 16*6, 50},
		{"-url " + a + "/events?topic=b -url " + b + "/events?topic=b -publish-url " + a + "/publish?topic=b -publish-url " + b + "/publish?topic=b", 1000, 50},
	} {
		r := measureHere(t, line+" "+c.flags)
		if r.Asked != 20 || r.Opened != 20 || r.Published != 50 || *r.Expected != c.expected || r.Delivered != c.expected || *r.Lost != 0 || *r.Duplicated+*r.OutOfOrder != 0 || r.Other != 0 {
			t.Errorf("%s: opened %d of %d, published %d, delivered %d of %d, lost %d, twice %d, out of order %d, other %d; want 50 events for 20 streams, which make %d",
				c.flags, r.Opened, r.Asked, r.Published, r.Delivered, *r.Expected, *r.Lost, *r.Duplicated, *r.OutOfOrder, r.Other, c.expected)
		}
		if uint64(r.LatencyMS.Count) != c.expected || uint64(r.SpreadMS.First.Count) != c.spread || uint64(r.SpreadMS.Last.Count) != c.spread || r.SpreadMS.Last.Max != r.LatencyMS.Max {
			t.Errorf("%s: %d latencies, at most %v, and spread over %+v", c.flags, r.LatencyMS.Count, r.LatencyMS.Max, r.SpreadMS)
		}
		var delivered, published uint64
		for _, v := range r.Samples {
			delivered, published = delivered+v.Delivered, published+v.Published
		}
		if delivered != c.expected || published != 50 {
			t.Errorf("%s: samples have %d delivered and %d published", c.flags, delivered, published)
		}
	}
}

// eternal is a measurement by two processes that has begun to publish.
type eternal struct {
	out, err *safeBuffer
	ended    chan int
}

func startEternal(t *testing.T, ctx context.Context) *eternal {
	url := startServe(t).url
	e := &eternal{newSafeBuffer(), newSafeBuffer(), make(chan int, 1)}
	line := "run -processes 2 -c 4 -rate 100 -duration 1h -settle 0s -json - -url " + url + "/events?topic=a -publish-url " + url + "/publish?topic=a"
	go func() { e.ended <- run(ctx, strings.Fields(line), e.out, e.err) }()
	testkit.Eventually(t, "some events", func() bool { return strings.Contains(e.err.String(), "publish ") })
	return e
}

// When a measurement is stopped, the result covers what all processes have until then.
func TestProcessesStopTogether(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	e := startEternal(t, ctx)
	stop()
	status := <-e.ended
	r, err := result.Decode(strings.NewReader(e.out.String()))
	if err != nil || status != 1 || !strings.Contains(e.err.String(), errInterrupted.Error()) {
		t.Fatalf("%v, status %d, said %q", err, status, e.err)
	}
	if !r.Partial || r.Published == 0 || *r.Expected != 4*r.Published || *r.Lost != 0 {
		t.Errorf("partial %t, published %d, expected %d, lost %d; want all 4 streams' events until the stop", r.Partial, r.Published, *r.Expected, *r.Lost)
	}
}

// A process that fails ends the measurement, with an error that names it.
func TestProcessThatFailsIsAnError(t *testing.T) {
	e := startEternal(t, t.Context())
	if err := childOf(t, os.Getpid()).Kill(); err != nil {
		t.Fatal(err)
	}
	if status := <-e.ended; status != 1 || !strings.Contains(e.err.String(), "process 1 of 2 has failed (signal: killed)") {
		t.Errorf("status %d, said %q", status, e.err)
	}
}

// childOf is the only process that a process has started.
func childOf(t *testing.T, pid int) *process.Process {
	t.Helper()
	parent, err := process.NewProcess(int32(pid))
	if err != nil {
		t.Fatal(err)
	}
	children, err := parent.Children()
	if err != nil || len(children) != 1 {
		t.Fatalf("%d children, %v; want the other process alone", len(children), err)
	}
	return children[0]
}

// Whatever ends the process that has started the others ends these too.
func TestProcessesEndWithTheirParent(t *testing.T) {
	url := startServe(t).url
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parent, said := exec.CommandContext(t.Context(), self, "run", "-processes", "2", "-c", "4", "-settle", "0s", "-duration", "1h", url+"/events?topic=a"), newSafeBuffer()
	parent.Stderr = said
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "its streams", func() bool { return strings.Contains(said.String(), "4 open") })
	child := childOf(t, parent.Process.Pid)
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	testkit.Eventually(t, "the end of the other process", func() bool {
		state, err := child.Status()
		return err != nil || slices.Contains(state, process.Zombie)
	})
}

// Another ssebench on the same machine counts the events of a run whose id it is given.
func TestRunIDIsShared(t *testing.T) {
	url := startServe(t).url
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const streams = "run -run-id both -c 3 -settle 0s -json - -url "
	reader := exec.CommandContext(t.Context(), self, strings.Fields(streams+url+"/events?topic=a -duration 1h")...)
	out, said := newSafeBuffer(), newSafeBuffer()
	reader.Stdout, reader.Stderr = out, said
	if err := reader.Start(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "its streams", func() bool { return strings.Contains(said.String(), "3 open") })
	publisher := exec.CommandContext(t.Context(), self, strings.Fields(streams+url+"/events?topic=a -rate 100 -duration 500ms -publish-url "+url+"/publish?topic=a")...)
	if out, err := publisher.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := reader.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = reader.Wait() // its status is that of an interruption
	r, err := result.Decode(strings.NewReader(out.String()))
	if err != nil || r.Delivered+r.Other == 0 || r.LatencyMS == nil || r.LatencyMS.Count != 150 || r.LatencyMS.P50 > 10_000 {
		t.Errorf("%v, %+v; want 50 events for each of its 3 streams\n%s", err, r, said)
	}
}
