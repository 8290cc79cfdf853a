package main

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/fastsse/fastsse/bench/internal/result"
	"github.com/fastsse/fastsse/bench/internal/scenario"
)

// measuring is what the commands that measure one server have in common.
type measuring struct {
	serverFlags
	outputFlags
}

// filler sets fields of a scenario from flags, in whose URLs port fills in the server's port.
type filler func(sc *scenario.Scenario, port portOf) error

// fill has sc filled, by these and from the flags of the server.
func (m *measuring) fill(sc *scenario.Scenario, port portOf, fillers ...filler) (*scenario.Scenario, error) {
	for _, fill := range fillers {
		if err := fill(sc, port); err != nil {
			return nil, err
		}
	}
	sc.PIDs, sc.Goroutines = m.PID, port(m.Pprof)
	return sc, nil
}

// runner runs a scenario, as scenario.Run does.
type runner func(context.Context, *scenario.Scenario) (*result.Result, error)

// measure runs a scenario and writes its result.
func (o *outputFlags) measure(ctx context.Context, con *console, sc *scenario.Scenario, run runner) error {
	rec, err := o.record(con, sc)
	if err != nil {
		return err
	}
	debug.SetGCPercent(400) // the generator must not be the bottleneck
	res, err := run(ctx, sc)
	return rec.finish(res, err)
}

// expectedTime is how long a scenario takes if nothing is slow.
func expectedTime(sc *scenario.Scenario) time.Duration {
	d := sc.Settle + sc.Duration + sc.Linger
	if len(sc.PIDs) > 0 {
		d += sc.Settle
	}
	if sc.Ramp > 0 {
		d += time.Duration(float64(sc.Streams+sc.Stalled+sc.Slow) / sc.Ramp * float64(time.Second))
	}
	return d
}

// publishingFor are the flags of commands that publish for some time.
type publishingFor struct {
	publishFlags
	Patience time.Duration `default:"5s" group:"Publishing" help:"After the last event is published, count the rest as lost once nothing has arrived for this long."`
	Linger   time.Duration `default:"1s" group:"Publishing" help:"Once every event has arrived, wait this long for events that arrive a second time."`
	Leave    string        `enum:"fin,rst" default:"fin" group:"Other streams" help:"How the streams of -churn are closed: ${enum}."`
}
