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
	Hold time.Duration `default:"10s" help:"How long to hold the streams open."`
	sharing
}

// Run opens the streams, holds them, and says what they cost.
func (c *connectCommand) Run(ctx context.Context, con *console) error {
	return c.measure(ctx, con, c.scenario, scenario.Run)
}

func (c *connectCommand) scenario(port portOf) (*scenario.Scenario, error) {
	sc := &scenario.Scenario{Command: "connect", Duration: c.Hold, Flags: flagsOf(c)}
	return c.measuring.fill(sc, port, c.streamFlags.fill)
}
