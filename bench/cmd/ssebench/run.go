package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/fastsse/fastsse/bench/internal/scenario"
)

// runCommand measures how late and how completely events arrive.
type runCommand struct {
	addressedStreams
	processFlags
	publishFlags
	Duration time.Duration `default:"10s" group:"Publishing" help:"How long to publish, or to hold the streams open if nothing is published."`
	Patience time.Duration `default:"5s" group:"Publishing" help:"After the last event is published, count the rest as lost once nothing has arrived for this long."`
	Linger   time.Duration `default:"1s" group:"Publishing" help:"Once every event has arrived, wait this long for events that arrive a second time."`

	Stalled  int     `group:"Other streams" help:"Additional streams that stop reading once they are open."`
	Slow     int     `group:"Other streams" help:"Additional streams that read slowly…"`
	SlowRate int     `name:"slow-rate" default:"1000" group:"Other streams" help:"…at this many bytes per second each."`
	Churn    float64 `group:"Other streams" help:"Additional streams to open and close per second."`
	Leave    string  `enum:"fin,rst" default:"fin" group:"Other streams" help:"How these streams are closed: ${enum}."`

	BesideURL        string  `name:"beside-url" group:"Other streams" help:"URL of streams of a second topic, to open as well…"`
	BesidePublishURL string  `name:"beside-publish-url" group:"Other streams" help:"…URL to post its events to…"`
	BesideC          int     `name:"beside-c" default:"100" group:"Other streams" help:"…how many streams to open…"`
	BesideRate       float64 `name:"beside-rate" default:"1" group:"Other streams" help:"…and how many events to publish per second."`

	serverFlags
	outputFlags
}

// Run runs the scenario and reports the result.
func (c *runCommand) Run(ctx context.Context, con *console) error {
	port, stop, err := c.start(ctx, con.err)
	if err != nil {
		return err
	}
	defer stop()
	sc, err := c.scenario(port)
	if err != nil {
		return err
	}
	return c.processFlags.measure(ctx, con, sc, port, &c.outputFlags)
}

// scenario makes the scenario that the flags describe.
func (c *runCommand) scenario(port portOf) (*scenario.Scenario, error) {
	if c.Duration <= 0 {
		return nil, fmt.Errorf("-duration %v: give how long to publish, or to hold the streams open", c.Duration)
	}
	sc := &scenario.Scenario{Command: "run", Duration: c.Duration, Patience: c.Patience, Linger: c.Linger, Flags: flagsOf(c)}
	if err := c.streamFlags.fill(sc, port); err != nil {
		return nil, err
	}
	if err := c.publishFlags.fill(sc, port); err != nil {
		return nil, err
	}
	c.serverFlags.fill(sc, port)
	sc.Stalled, sc.Slow, sc.SlowRate = c.Stalled, c.Slow, c.SlowRate
	sc.Churn, sc.Reset = c.Churn, c.Leave == "rst"
	return sc, c.beside(sc, port)
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

// measure runs a scenario and writes its result.
func (o *outputFlags) measure(ctx context.Context, con *console, sc *scenario.Scenario) error {
	debug.SetGCPercent(400) // the generator must not be the bottleneck
	rec, err := o.record(con, sc.Streams, expectedTime(sc))
	if err != nil {
		return err
	}
	rec.watch(sc)
	res, err := scenario.Run(ctx, sc)
	if res != nil && sc.Command == "soak" {
		err = errors.Join(err, judge(res))
	}
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
