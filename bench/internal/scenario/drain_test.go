package scenario

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fastsse/fastsse/bench/internal/launch"
	"github.com/fastsse/fastsse/bench/internal/result"
)

// drainable are servers that end at SIGTERM, each in its way. They run in processes of
// their own: this test binary, which TestMain turns into one.
var drainable = map[string]*leaver{
	"good":   {hub: hub{retry: 5000, gap: true, bye: "retry: 400\n\n"}},
	"slow":   {hub: hub{retry: 5000, gap: true, bye: "retry: 400\n\n"}, late: 200 * time.Millisecond},
	"double": {hub: hub{retry: 5000, gap: true, bye: "retry: 400\n\n", doubts: func(n int) bool { return n == 5 }}},
	"loud":   {hub: hub{retry: 5000, gap: true, bye: "retry: 150\n\n"}, status: 3},
	// Its clients come back in step, and it takes their ids for those of its new events: what
	// was published before they came they do not get, and are not told.
	"silent": {hub: hub{retry: 150}},
	"hasty":  {hub: hub{retry: 150, gap: true, drops: func(id, _ int) bool { return id == 8 }}}, // the last before SIGTERM
	"cuts":   {hub: hub{retry: 150, gap: true}, cuts: true},
	"deaf":   {deaf: true},
	"away":   {hub: hub{retry: 20, gap: true}, late: 300 * time.Millisecond},
}

// leaver is a hub that leaves.
type leaver struct {
	hub
	status int           // of its exit
	cuts   bool          // it exits without ending anything
	deaf   bool          // it does not end at the first SIGTERM
	late   time.Duration // it listens so late
}

// run serves at PORT until the process is told to end, and returns the status for its exit.
func (l *leaver) run() int {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	time.Sleep(l.late)
	ln, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	l.leaving = make(chan struct{})
	if l.gap {
		l.base = 1000 * os.Getpid()
	}
	srv := &http.Server{Handler: &l.hub}
	go func() { _ = srv.Serve(ln) }()
	<-told
	if l.deaf {
		<-told
	}
	if !l.cuts {
		close(l.leaving)
		_ = srv.Shutdown(context.Background())
	}
	return l.status
}

// drainOf is a deploy of a second or so of a server of that kind, which is alone.
func drainOf(t *testing.T, kind string) *Deploys {
	t.Helper()
	t.Setenv("SCENARIO_TEST_DRAIN", kind)
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s, err := launch.Command(t.Context(), []string{self}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &Deploys{Scenario: short(s.URL()), Alone: true, Last: 7, Instances: []*launch.Server{s}, Start: s.Again}
	t.Cleanup(func() { c.Instances[0].Stop() })
	c.Command, c.Duration, c.PIDs = "storm", 0, []int{s.PID()}
	return c
}

func TestDrainsAreMeasured(t *testing.T) {
	c := drainOf(t, "good")
	first := c.Instances[0]
	c.Linger = 300 * time.Millisecond
	r, err := c.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(r.Samples, func(v result.Sample) bool { return v.Phase == "linger" }) {
		t.Error("it has not waited for events that come twice")
	}
	f := r.Storm
	if f.Streams != 10 || f.Caught != 10 || f.Missed != 0 || r.Ended != 10 || r.Reconnected != 10 {
		t.Errorf("%+v, %d ended, %d reconnected; want 10 of each", f, r.Ended, r.Reconnected)
	}
	if *r.Lost != 0 || *r.Missing+*r.Duplicated+*r.OutOfOrder != 0 || *r.Expected != 10*r.Published || r.Published < 9 || r.Other != 10 || r.FirstError != "" && r.Failed == 0 {
		t.Errorf("published %d, expected %d, lost %d, %d others, first error %q, %+v", r.Published, *r.Expected, *r.Lost, r.Other, r.FirstError, r)
	}
	if len(r.Deploys.Replaced) != 1 {
		t.Fatalf("%+v; want one replacement", r.Deploys)
	}
	d := r.Deploys.Replaced[0]
	if d.EndedS <= 0 || d.ExitedS <= 0 || d.ReadyS <= d.ExitedS || d.FirstBackS < .4 || f.ConnectedS < d.FirstBackS || f.ConnectedS != d.LastBackS || f.Last < f.ConnectedS {
		t.Errorf("%+v, %+v: they are not in their order", f, d)
	}
	back := 0
	for _, p := range d.Returns {
		back += p.Count
	}
	if back != 10 || (d.Uneven != nil) != (len(d.Returns) > 1) {
		t.Errorf("returns %+v, uneven %v; want 10 in all", d.Returns, d.Uneven)
	}
	if all := r.Deploys; *all.Before != 8 || *all.LostBefore != 0 || all.GapOnce != 10 || all.Gaps != 10 || all.Cut+all.Untold+all.Later+all.Away != 0 || all.Skipped != 0 || d.ExitStatus != 0 || d.Ended != 10 {
		t.Errorf("%+v; want 8 events before, all of which came, and a gap event for each of 10 streams", all)
	}
	if v := r.Server; v == nil || v.PID == first.PID() || v.RSSBytes == 0 || v.CPUPerDeliveryUS != nil {
		t.Errorf("server %+v; want that of the second process, and no CPU per delivery", v)
	}
}

func TestDrainsCountWhatGoesWrong(t *testing.T) {
	for kind, want := range map[string]func(r *result.Result, d *result.Deploys) bool{
		"loud": func(r *result.Result, d *result.Deploys) bool {
			return d.Replaced[0].ExitStatus == 3 && r.Storm.Caught == 10 && *r.Lost == 0
		},
		"silent": func(r *result.Result, d *result.Deploys) bool {
			return d.Untold == 10 && d.Cut == 0 && d.Gaps == 0 && r.Storm.Caught == 10 && *r.Lost > 0 && *r.Missing == *r.Lost
		},
		"hasty": func(r *result.Result, d *result.Deploys) bool {
			return *d.LostBefore == 10 && *r.Lost >= 10 && *r.Missing == *r.Lost && d.GapOnce == 10 && r.Storm.Caught == 10
		},
		"cuts": func(r *result.Result, d *result.Deploys) bool {
			return d.Cut == 10 && d.Untold == 10 && r.Storm.Caught == 10
		},
		"away": func(r *result.Result, d *result.Deploys) bool {
			return d.Failed > 10 && r.Failed == d.Failed && r.Storm.Caught == 10 && *r.Lost == 0
		},
	} {
		t.Run(kind, func(t *testing.T) {
			c := drainOf(t, kind)
			r, err := c.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !want(r, r.Deploys) {
				t.Errorf("lost %d, missing %d, failed %d, %+v, %+v", *r.Lost, *r.Missing, r.Failed, r.Storm, r.Deploys)
			}
		})
	}
}

func TestDrainsThatCannotBeDone(t *testing.T) {
	c := drainOf(t, "deaf")
	c.Answer = time.Second
	r, err := c.Run(t.Context())
	if r == nil || r.Storm != nil || err == nil || !strings.Contains(err.Error(), "has not exited 1s after SIGTERM") {
		t.Errorf("%+v, the error is %v", r, err)
	}
	c.Publish = nil
	if _, err := c.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "set Publish") {
		t.Errorf("the error is %v, want that nothing is published", err)
	}
	c = drainOf(t, "good")
	c.Client.Returns = false
	if _, err := c.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "do not reconnect") {
		t.Errorf("the error is %v, want that clients do not reconnect", err)
	}
}

func TestDrainsThatAreInterrupted(t *testing.T) {
	c := drainOf(t, "deaf") // it never exits
	ctx, stop := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer stop()
	r, err := c.Run(ctx)
	if err != nil || r == nil || !r.Partial || r.Storm != nil || r.Published != 8 {
		t.Errorf("%+v, the error is %v; want a partial result", r, err)
	}
}

func TestReturnsAreCountedInEqualParts(t *testing.T) {
	var returned, due []time.Duration
	for i := range 3001 { // 3 s, evenly, and twice as many in the last
		at := 5*time.Second + time.Duration(i)*time.Millisecond
		returned, due = append(returned, at), append(due, at-10*time.Millisecond)
		if i > 2000 {
			returned = append(returned, at)
		}
	}
	returned = append(returned, 20*time.Second) // a straggler
	parts, uneven := returnsOf(returned, due)
	if len(parts) != 3 || parts[0].From < 5 || parts[2].To > 8 || parts[0].To != parts[1].From {
		t.Fatalf("%+v; want three seconds from 5 s on", parts)
	}
	for i, off := range []float64{-0.25, -0.25, 0.5} {
		if p := parts[i]; p.Off < off-0.01 || p.Off > off+0.01 || p.Due < 980 || p.Due > 1010 {
			t.Errorf("part %d: %+v; want %v from even, and 1,000 due", i, p, off)
		}
	}
	if uneven == nil || *uneven < 0.49 || *uneven > 0.51 {
		t.Errorf("uneven by %v; want a half", uneven)
	}
	if parts, uneven := returnsOf(nil, due); parts == nil || len(parts) != 0 || uneven != nil {
		t.Errorf("%+v, where nobody came back", parts)
	}
	if parts, uneven := returnsOf(due[:1], due); uneven != nil || len(parts) != 1 || parts[0].Count != 1 || parts[0].Off != 0 {
		t.Errorf("%+v, where one came back", parts)
	}
}
