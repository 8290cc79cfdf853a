package main

import (
	"context"
	"errors"
	"runtime/debug"

	"github.com/fastsse/fastsse/bench/internal/result"
	"github.com/fastsse/fastsse/bench/internal/scenario"
)

// stormCommand ends all streams at once, lets the clients reconnect with their
// Last-Event-ID, and measures how they catch up. Either the clients lose their connections,
// or the server is asked to end, and is started again.
type stormCommand struct {
	addressedStreams
	publishFlags
	By     string `enum:"reset,drain" default:"reset" group:"Streams" help:"What ends the streams: a reset of all connections, by the clients; or a drain, for which the server that ssebench has started gets SIGTERM and, once it has exited, is started again."`
	Missed int    `default:"100" group:"Publishing" help:"Events to publish while all clients are disconnected or, with -by drain, right before the SIGTERM."`
	Back   string `enum:"now,browser" default:"browser" group:"Streams" help:"When clients reconnect: like browsers, after the server's retry time (3s if it sends none); or now, as soon as the events are published."`
	serverFlags
	outputFlags
}

// storm is a scenario.Storm or a scenario.Drain.
type storm interface {
	Run(context.Context) (*result.Result, error)
}

// Validate is what kong asks before Run.
func (c *stormCommand) Validate() error {
	switch {
	case c.By != "drain":
		return nil
	case len(c.Command) == 0:
		return errors.New("-by drain: bench must start the server, so that it can start it again; give its command at the end, as in: -- ./my-server -listen 127.0.0.1:{{.Port}}")
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
	sc, err := c.scenario(port)
	if err != nil {
		return err
	}
	debug.SetGCPercent(400) // the generator must not be the bottleneck
	rec, err := c.record(con, sc.Streams, expectedTime(sc))
	if err != nil {
		return err
	}
	rec.watch(sc)
	res, err := c.storm(sc).Run(ctx)
	return rec.finish(res, err)
}

// scenario makes the scenario that the flags describe.
func (c *stormCommand) scenario(port portOf) (*scenario.Scenario, error) {
	sc := &scenario.Scenario{Command: "storm", Flags: flagsOf(c)}
	if err := c.streamFlags.fill(sc, port); err != nil {
		return nil, err
	}
	if err := c.publishFlags.fill(sc, port); err != nil {
		return nil, err
	}
	if sc.Publish == nil {
		return nil, errors.New("storm: nothing is published, so clients cannot miss anything; give -publish-url or -publish-command")
	}
	c.serverFlags.fill(sc, port)
	return sc, nil
}

// storm makes the storm that ends the streams as -by says.
func (c *stormCommand) storm(sc *scenario.Scenario) storm {
	if c.By == "drain" {
		return &scenario.Drain{Scenario: *sc, Last: c.Missed, Server: c.started}
	}
	s := &scenario.Storm{Scenario: *sc, Missed: c.Missed}
	if c.Back == "browser" {
		s.Back = -1
	}
	return s
}
