package scenario

import (
	"strings"
	"testing"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// calm is a measurement of ten seconds without doubts.
func calm() *result.Result {
	return &result.Result{
		Machine:   result.Machine{Processors: 2},
		LatencyMS: &result.Percentiles{P99: 10},
		Server:    &result.Server{CPUSeconds: 14},
		Tool: result.Tool{
			TimerLagMS: result.Percentiles{P99: 1}, ReaderBusy: new(0.6), BusiestSecond: new(0.84), GCPauseMS: 90, CPUSeconds: 4,
			Descriptors: new(900), Limit: 1000, PerAddress: 800, Ports: 1000,
		},
	}
}

func TestSuspicions(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*result.Result)
		idle   float64
		says   string // one suspicion; empty: none
	}{
		"calm":                      {func(*result.Result) {}, 0.01, ""},
		"timers":                    {func(r *result.Result) { r.Tool.TimerLagMS.P99 = 5.1 }, 0.5, "timers: 1% of the generator's sleeps ended 5.1 ms late or more: give it"},
		"timers, less than p99/4":   {func(r *result.Result) { r.Tool.TimerLagMS.P99, r.LatencyMS.P99 = 20, 100 }, 0.5, ""},
		"timers, more than p99/4":   {func(r *result.Result) { r.Tool.TimerLagMS.P99, r.LatencyMS.P99 = 26, 100 }, 0.5, "timers: "},
		"timers, no latencies":      {func(r *result.Result) { r.Tool.TimerLagMS.P99, r.LatencyMS = 45, nil }, 0.5, ""},
		"timers, no latencies, bad": {func(r *result.Result) { r.Tool.TimerLagMS.P99, r.LatencyMS = 55, nil }, 0.5, "timers: "},
		"reading":                   {func(r *result.Result) { r.Tool.BusiestSecond = new(0.86) }, 0.5, "reading: the busiest reader had something to do 86% of a second: raise -readers"},
		"reading, not known":        {func(r *result.Result) { r.Tool.ReaderBusy, r.Tool.BusiestSecond = nil, nil }, 0.5, ""},
		"processors":                {func(r *result.Result) { r.Server.CPUSeconds = 6 }, 0.02, "processors: all were busy, with the server 30% of the time and with the generator 20%: stop"},
		"processors, some idle":     {func(r *result.Result) { r.Server.CPUSeconds = 6 }, 0.04, ""},
		"processors, elsewhere":     {func(r *result.Result) { r.Server = nil }, 0.02, "processors: all were busy, with the server an unknown part of the time (no -pid) and with the generator 20%: stop"},
		"descriptors, not known":    {func(r *result.Result) { r.Tool.Descriptors = nil }, 0.5, ""},
		"garbage":                   {func(r *result.Result) { r.Tool.GCPauseMS = 101 }, 0.5, "garbage collection: it stopped the generator for 101 ms: open fewer"},
		"descriptors":               {func(r *result.Result) { r.Tool.Descriptors = new(951) }, 0.5, "descriptors: 951 of 1000 were open: raise the limit (ulimit -n)"},
		"descriptors, no limit":     {func(r *result.Result) { r.Tool.Descriptors, r.Tool.Limit = new(951), 0 }, 0.5, ""},
		"ports":                     {func(r *result.Result) { r.Tool.PerAddress = 901 }, 0.5, "ports: 901 of 1000 were used at one address: give more with -laddr"},
		"ports, not known":          {func(r *result.Result) { r.Tool.PerAddress, r.Tool.Ports = 901, 0 }, 0.5, ""},
	} {
		r := calm()
		c.change(r)
		got := suspicions(r, c.idle, 10)
		switch {
		case got == nil:
			t.Errorf("%s: null, want a list", name)
		case c.says == "" && len(got) > 0:
			t.Errorf("%s: %q, want none", name, got)
		case c.says != "" && (len(got) != 1 || !strings.HasPrefix(got[0], c.says)):
			t.Errorf("%s: %q, want one that says %q", name, got, c.says)
		}
	}
}

func TestOnePauseIsNoSuspicion(t *testing.T) {
	r := calm()
	r.Tool.GCPauseMS, r.Tool.CPUSeconds, r.Server = 5, 0.02, nil
	if got := suspicions(r, 0.5, 0.04); len(got) > 0 {
		t.Errorf("%q, want none of 5 ms in a storm of 40 ms", got)
	}
}

func TestSeveralSuspicionsAtATime(t *testing.T) {
	r := calm()
	r.Tool.GCPauseMS, r.Tool.Descriptors = 1000, new(1000)
	if got := suspicions(r, 0.5, 10); len(got) != 2 {
		t.Errorf("%q, want two", got)
	}
}

// A mean over the whole of a deploy would hide that others had the processors for a second.
func TestADeployIsSuspectIfOthersHadTheProcessorsForASecond(t *testing.T) {
	for starved, says := range map[int]string{0: "", 2: "processors: all were busy in 2 of the 4 seconds of the deploy"} {
		r := &result.Result{Expected: new(uint64), Lost: new(uint64)}
		suspectReturns(r, starved, 4)
		once := len(r.SuspectOf)
		suspectReturns(r, starved, 4)
		if len(r.SuspectOf) != once {
			t.Errorf("%q: the same twice", r.SuspectOf)
		}
		if got := strings.Join(r.SuspectOf, "\n"); r.Suspect != (says != "") || !strings.HasPrefix(got, says) || says == "" && got != "" {
			t.Errorf("%d seconds: %q, want %q", starved, got, says)
		}
	}
}
