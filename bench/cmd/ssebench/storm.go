package main

import (
	"context"
	"errors"
	"time"

	"github.com/fastsse/fastsse/bench/internal/launch"
	"github.com/fastsse/fastsse/bench/internal/result"
	"github.com/fastsse/fastsse/bench/internal/scenario"
)

// stormCommand ends all streams at once, lets the clients reconnect with their
// Last-Event-ID, and measures how they catch up. Either the clients lose their connections,
// or the server is asked to end, and is started again.
type stormCommand struct {
	addressedStreams
	publishFlags
	By     string        `enum:"reset,drain" default:"reset" group:"Streams" help:"What ends the streams: a reset of all connections, by the clients; or a drain, for which the server that ssebench has started gets SIGTERM and, once it has exited, is started again."`
	Missed int           `default:"100" group:"Publishing" help:"Events to publish while all clients are disconnected or, with -by drain, right before the SIGTERM."`
	Linger time.Duration `default:"1s" group:"Publishing" help:"Once every event has arrived, wait this long for events that arrive a second time."`
	Back   string        `enum:"now,browser" default:"browser" group:"Streams" help:"When clients reconnect: like browsers, after the server's retry time (3s if it sends none); or now, as soon as the events are published."`
	measuring
}

// Validate is what kong asks before Run.
func (c *stormCommand) Validate() error {
	switch {
	case c.By != "drain":
		return nil
	case len(c.Command) == 0:
		return errors.New("-by drain: ssebench must start the server, so that it can start it again; give its command at the end, as in: -- ./my-server -listen 127.0.0.1:{{.Port}}")
	case c.Back != "browser":
		return errors.New("-by drain and -back now: the server says when clients come back; leave out -back")
	case !c.Reconnect:
		return errors.New("-by drain and -no-reconnect: nobody would come back; leave out -no-reconnect")
	}
	return nil
}

// Run runs the storm, and reports how long it took to recover.
func (c *stormCommand) Run(ctx context.Context, con *console) error {
	port, stop, err := c.start(ctx, con.err)
	if err != nil {
		return err
	}
	defer stop()
	sc, err := c.measuring.fill(&scenario.Scenario{Command: "storm", Flags: flagsOf(c)}, port, c.streamFlags.fill, c.publishFlags.fill)
	if err != nil {
		return err
	}
	return c.outputFlags.measure(ctx, con, sc, c.storm)
}

// storm ends the streams as -by says.
func (c *stormCommand) storm(ctx context.Context, sc *scenario.Scenario) (*result.Result, error) {
	if sc.Publish == nil {
		return nil, errors.New("storm: nothing is published, so clients cannot miss anything; give -publish-url or -publish-command")
	}
	sc.Linger = c.Linger
	if c.By == "drain" {
		d := &scenario.Deploys{Scenario: *sc, Alone: true, Last: c.Missed, Instances: []*launch.Server{c.started}, Start: c.started.Again}
		defer func() { d.Instances[0].Stop() }()
		return d.Run(ctx)
	}
	s := &scenario.Storm{Scenario: *sc, Missed: c.Missed}
	if c.Back == "browser" {
		s.Back = -1
	}
	return s.Run(ctx)
}
