package main

import (
	"context"
	"errors"
	"runtime/debug"

	"github.com/fastsse/fastsse/bench/scenario"
)

// stormCommand resets all connections at once, publishes events that the clients
// miss, and lets all of them reconnect with their Last-Event-ID.
type stormCommand struct {
	streamFlags
	publishFlags
	Missed int    `default:"100" group:"Publishing" help:"Events to publish while all clients are disconnected."`
	Back   string `enum:"now,browser" default:"browser" group:"Streams" help:"When clients reconnect: like browsers, after the server's retry time (3s if it sends none); or now, as soon as the events are published."`
	serverFlags
	outputFlags
}

// Run runs the storm, and reports how long it took to recover.
func (c *stormCommand) Run(ctx context.Context, con *console) error {
	port, stop, err := c.start(ctx, con.err)
	if err != nil {
		return err
	}
	defer stop()
	s, err := c.storm(port)
	if err != nil {
		return err
	}
	debug.SetGCPercent(400) // the generator must not be the bottleneck
	rec, err := c.record(con, s.Streams, expectedTime(&s.Scenario))
	if err != nil {
		return err
	}
	rec.watch(&s.Scenario)
	res, err := s.Run(ctx)
	return rec.finish(res, err)
}

// storm makes the storm that the flags describe.
func (c *stormCommand) storm(port portOf) (*scenario.Storm, error) {
	s := &scenario.Storm{Scenario: scenario.Scenario{Command: "storm", Flags: flagsOf(c)}, Missed: c.Missed}
	if err := c.streamFlags.fill(&s.Scenario, port); err != nil {
		return nil, err
	}
	if err := c.publishFlags.fill(&s.Scenario, port); err != nil {
		return nil, err
	}
	if s.Publish == nil {
		return nil, errors.New("storm: nothing is published, so clients cannot miss anything; give -publish-url or -publish-command")
	}
	c.serverFlags.fill(&s.Scenario, port)
	if c.Back == "browser" {
		s.Back = -1
	}
	return s, nil
}
