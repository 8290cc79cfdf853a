package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fastsse/fastsse/bench/internal/scenario"
)

// runCommand measures how late and how completely events arrive.
type runCommand struct {
	addressedStreams
	publishingFor
	Duration time.Duration `default:"10s" group:"Publishing" help:"How long to publish, or to hold the streams open if nothing is published."`

	Stalled  int     `group:"Other streams" help:"Additional streams that stop reading once they are open."`
	Slow     int     `group:"Other streams" help:"Additional streams that read slowly…"`
	SlowRate int     `name:"slow-rate" default:"1000" group:"Other streams" help:"…at this many bytes per second each."`
	Churn    float64 `group:"Other streams" help:"Additional streams to open and close per second."`

	BesideURL        string  `name:"beside-url" group:"Other streams" help:"URL of streams of a second topic, to open as well…"`
	BesidePublishURL string  `name:"beside-publish-url" group:"Other streams" help:"…URL to post its events to…"`
	BesideC          int     `name:"beside-c" default:"100" group:"Other streams" help:"…how many streams to open…"`
	BesideRate       float64 `name:"beside-rate" default:"1" group:"Other streams" help:"…and how many events to publish per second."`

	sharing
}

// Run runs the scenario and reports the result.
func (c *runCommand) Run(ctx context.Context, con *console) error {
	return c.measure(ctx, con, c.scenario, scenario.Run)
}

// scenario makes the scenario that the flags describe.
func (c *runCommand) scenario(port portOf) (*scenario.Scenario, error) {
	if c.Duration <= 0 {
		return nil, fmt.Errorf("-duration %v: give how long to publish, or to hold the streams open", c.Duration)
	}
	sc := &scenario.Scenario{
		Command: "run", Duration: c.Duration, Patience: c.Patience, Linger: c.Linger, Flags: flagsOf(c),
		Stalled: c.Stalled, Slow: c.Slow, SlowRate: c.SlowRate, Churn: c.Churn, Reset: c.Leave == "rst",
	}
	return c.measuring.fill(sc, port, c.streamFlags.fill, c.publishingFor.fill, c.beside)
}

// beside adds the second topic, if there is one.
func (c *runCommand) beside(sc *scenario.Scenario, port portOf) error {
	if c.BesideURL == "" {
		return nil
	}
	if sc.Publish == nil || c.BesidePublishURL == "" {
		return errors.New("-beside-url: a second topic needs -publish-url and -beside-publish-url")
	}
	second := c.streamFlags
	second.URL = []string{c.BesideURL}
	r, err := second.request(port)
	if err != nil {
		return err
	}
	p := *sc.Publish
	p.URL, p.Others = port(c.BesidePublishURL), nil
	sc.Beside = &scenario.Beside{Request: r, Publish: p, Streams: c.BesideC, Rate: c.BesideRate}
	return nil
}
