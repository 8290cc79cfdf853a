package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fastsse/fastsse/bench/internal/result"
	"github.com/fastsse/fastsse/bench/internal/scenario"
)

// soakCommand runs for a long time with streams that come and go, and reports
// whether memory, descriptors, goroutines and latency stay flat.
type soakCommand struct {
	addressedStreams
	processFlags
	publishFlags
	Duration time.Duration `default:"10m" group:"Publishing" help:"How long to publish."`
	Patience time.Duration `default:"5s" group:"Publishing" help:"After the last event is published, count the rest as lost once nothing has arrived for this long."`
	Linger   time.Duration `default:"1s" group:"Publishing" help:"Once every event has arrived, wait this long for events that arrive a second time."`
	Churn    float64       `default:"20" group:"Other streams" help:"Additional streams to open and close per second."`
	Leave    string        `enum:"fin,rst" default:"fin" group:"Other streams" help:"How these streams are closed: ${enum}."`
	serverFlags
	outputFlags
}

// Run runs the soak, and reports what did not stay flat.
func (c *soakCommand) Run(ctx context.Context, con *console) error {
	port, stop, err := c.start(ctx, con.err)
	if err != nil {
		return err
	}
	defer stop()
	sc := &scenario.Scenario{
		Command: "soak", Duration: c.Duration, Patience: c.Patience, Linger: c.Linger, Flags: flagsOf(c),
		Churn: c.Churn, Reset: c.Leave == "rst",
	}
	if err := c.streamFlags.fill(sc, port); err != nil {
		return err
	}
	if err := c.publishFlags.fill(sc, port); err != nil {
		return err
	}
	c.serverFlags.fill(sc, port)
	return c.processFlags.measure(ctx, con, sc, port, &c.outputFlags)
}

// errNotFlat is the failure of a soak in which something has risen. The program ends with
// status 2.
var errNotFlat = errors.New("the soak was not flat")

// judge adds to a soak's result whether it stayed flat, which is an error if it did not.
func judge(r *result.Result) error {
	r.Trend = scenario.TrendOf(r.Samples)
	if r.Trend == nil || r.Trend.Flat {
		return nil
	}
	return fmt.Errorf("%w: %s", errNotFlat, strings.Join(r.Trend.Rising, "; "))
}
