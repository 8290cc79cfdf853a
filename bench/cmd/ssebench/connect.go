package main

import (
	"context"
	"time"

	"github.com/fastsse/fastsse/bench/internal/scenario"
)

// connectCommand opens streams and holds them: how many, how fast, and the cost per
// stream.
type connectCommand struct {
	addressedStreams
	processFlags
	Hold time.Duration `default:"10s" help:"How long to hold the streams open."`
	serverFlags
	outputFlags
}

// Run opens the streams, holds them, and says what they cost.
func (c *connectCommand) Run(ctx context.Context, con *console) error {
	port, stop, err := c.start(ctx, con.err)
	if err != nil {
		return err
	}
	defer stop()
	sc := &scenario.Scenario{Command: "connect", Duration: c.Hold, Flags: flagsOf(c)}
	if err := c.streamFlags.fill(sc, port); err != nil {
		return err
	}
	c.serverFlags.fill(sc, port)
	return c.processFlags.measure(ctx, con, sc, port, &c.outputFlags)
}
