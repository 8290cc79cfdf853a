package main

import (
	"context"
	"fmt"
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
	Publishers int           `default:"1" group:"Publishing" help:"Connections to publish over, which events use in turn on the one schedule, or commands that run at a time. Events of different ones may overtake each other on their way to the server: with more than one, out of order is not measured; lost, twice and latency are."`
	Patience   time.Duration `default:"5s" group:"Publishing" help:"After the last event is published, count the rest as lost once nothing has arrived for this long."`
	Linger     time.Duration `default:"1s" group:"Publishing" help:"Once every event has arrived, wait this long for events that arrive a second time."`
	Leave      string        `enum:"fin,rst" default:"fin" group:"Other streams" help:"How the streams of -churn are closed: ${enum}."`
}

// fill sets the scenario's fields from the flags.
func (f *publishingFor) fill(sc *scenario.Scenario, port portOf) error {
	err := f.publishFlags.fill(sc, port)
	switch {
	case err != nil:
	case f.Publishers < 1 || f.Publishers > 1 && sc.Publish == nil:
		err = fmt.Errorf("-publishers %d: give at least one, and where they publish: -publish-url or -publish-command", f.Publishers)
	case sc.Publish != nil:
		sc.Publish.Publishers = f.Publishers
	}
	return err
}
