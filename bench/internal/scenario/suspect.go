package scenario

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// suspicions are the reasons why something other than the server may have been the
// bottleneck. Each sentence has what was measured before its last colon, and what to do
// after it. idle is the share of the machine's time that was idle during the seconds in
// which events were published and delivered.
func suspicions(r *result.Result, idle, seconds float64) []string {
	found := []string{}
	suspect := func(is bool, format string, args ...any) {
		if is {
			found = append(found, fmt.Sprintf(format, args...))
		}
	}
	t := &r.Tool
	suspect(t.TimerLagMS.P99 > lagAllowed(r),
		"timers: 1%% of the generator's sleeps ended %.1f ms late or more: give it more processor time, or use another machine", t.TimerLagMS.P99)
	suspect(value(t.BusiestSecond) > mostBusy,
		"reading: the busiest reader had something to do %.0f%% of a second: raise -readers, or use another machine", 100*value(t.BusiestSecond))
	server, own := shares(r, seconds)
	suspect(idle < noneIdle && server < 0.5,
		processorsBusy+", with the server %s and with the generator %.0f%%: stop other programs, or use another machine", serverShare(r, server), 100*own)
	suspect(value(r.AheadMS) > 1,
		"clocks: an event came %.1f ms before it was published, by its own time: let one clock follow the other (NTP), or publish with ssebench", value(r.AheadMS))
	suspect(t.GCPauseMS > max(10*seconds, 10), // a pause or two are no suspicion, however short the storm
		"garbage collection: it stopped the generator for %.0f ms: open fewer streams", t.GCPauseMS)
	if fds := t.Descriptors; fds != nil && t.Limit > 0 {
		suspect(float64(*fds) > 0.95*float64(t.Limit),
			"descriptors: %d of %d were open: raise the limit (ulimit -n), or use several processes", *fds, t.Limit)
	}
	suspect(t.Ports > 0 && float64(t.PerAddress) > 0.9*float64(t.Ports),
		"ports: %d of %d were used at one address: give more with -laddr", t.PerAddress, t.Ports)
	return found
}

// mostBusy is the share of a second up to which a reader keeps up: above it, events wait for
// the reader, and their latency is its own.
const mostBusy = 0.85

// processorsBusy begins the suspicions that others had the processors.
const processorsBusy = "processors: all were busy"

// noneIdle is the idle share of the machine's time below which all processors were busy.
const noneIdle = 0.03

// suspectReturns doubts when clients came back after a deploy, for which seconds count one by
// one. starved is in how many of them others had the processors.
func suspectReturns(r *result.Result, starved, intervals int) {
	if starved > 0 && !slices.ContainsFunc(r.SuspectOf, func(of string) bool { return strings.HasPrefix(of, processorsBusy) }) {
		r.Suspect, r.SuspectOf = true, append(r.SuspectOf, fmt.Sprintf(processorsBusy+" in %d of the %d seconds of the deploy, with the server less than half of the time: stop other programs, or use another machine", starved, intervals))
	}
}

// lagAllowed is the timer lag, in milliseconds, up to which latencies can be believed:
// a quarter of their 99th percentile, but at least 5 ms.
func lagAllowed(r *result.Result) float64 {
	if r.LatencyMS == nil {
		return 50 // without latencies, schedules still have to be kept
	}
	return max(5, r.LatencyMS.P99/4)
}

// shares are the parts of the machine that the server and the generator used. A server
// on another machine has none.
func shares(r *result.Result, seconds float64) (server, own float64) {
	all := seconds * float64(r.Machine.Processors)
	if r.Server != nil {
		server = r.Server.CPUSeconds / all
	}
	return server, r.Tool.CPUSeconds / all
}

// serverShare is for how much of the time the server had the processors.
func serverShare(r *result.Result, share float64) string {
	if r.Server == nil {
		return "an unknown part of the time (no -pid)"
	}
	return fmt.Sprintf("%.0f%% of the time", 100*share)
}

func value(p *float64) float64 {
	if p == nil {
		return 0
	}
	return *p
}
