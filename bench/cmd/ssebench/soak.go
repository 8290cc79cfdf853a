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
	publishingFor
	Duration time.Duration `default:"10m" group:"Publishing" help:"How long to publish."`
	Churn    float64       `default:"20" group:"Other streams" help:"Additional streams to open and close per second."`
	sharing
}

// Run runs the soak, and reports what did not stay flat.
func (c *soakCommand) Run(ctx context.Context, con *console) error {
	return c.measure(ctx, con, c.scenario, runSoak)
}

func (c *soakCommand) scenario(port portOf) (*scenario.Scenario, error) {
	sc := &scenario.Scenario{
		Command: "soak", Duration: c.Duration, Patience: c.Patience, Linger: c.Linger, Flags: flagsOf(c),
		Churn: c.Churn, Reset: c.Leave == "rst",
	}
	return c.measuring.fill(sc, port, c.streamFlags.fill, c.publishingFor.fill)
}

// errNotFlat is the failure of a soak in which something has risen. The program ends with
// status 2.
var errNotFlat = errors.New("the soak was not flat")

// runSoak adds to the result whether it stayed flat, which is an error if it did not.
func runSoak(ctx context.Context, sc *scenario.Scenario) (*result.Result, error) {
	r, err := scenario.Run(ctx, sc)
	if r == nil {
		return nil, err
	}
	if r.Trend = scenario.TrendOf(r.Samples); r.Trend != nil && !r.Trend.Flat {
		err = errors.Join(err, fmt.Errorf("%w: %s", errNotFlat, strings.Join(r.Trend.Rising, "; ")))
	}
	return r, err
}
