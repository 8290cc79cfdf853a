package main

import (
	"context"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/fastsse/fastsse/bench/load"
)

// stormCommand has all clients reset at once, lets them miss events, and has
// them all back at once with their Last-Event-ID.
type stormCommand struct {
	URL        string `required:"" name:"url" help:"Stream to open."`
	PublishURL string `required:"" name:"publish-url" help:"Where an event is posted as the raw body."`
	C          int    `name:"c" default:"1000" help:"Streams."`
	Missed     int    `default:"100" help:"Events that are published while they are away."`
	Size       int    `default:"100" help:"Bytes of an event's data."`
	Readers    int    `default:"1" help:"Goroutines that read."`
	PID        int    `name:"pid" help:"The server's process: its CPU is measured."`
}

// Run runs the storm and prints how long it took.
func (c *stormCommand) Run(ctx context.Context, con *console) error {
	swarm, err := load.NewSwarm(c.URL, c.Readers)
	if err != nil {
		return err
	}
	defer swarm.Close()
	s := &session{runCommand: &runCommand{C: c.C}}
	if err := s.openSome(ctx, swarm, c.C, 5000, false); err != nil {
		return err
	}
	p, err := load.NewPublisher(c.PublishURL, 0, c.Size)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := p.Once(1); err != nil { // so that everybody has an id
		return err
	}
	if err := c.until(ctx, swarm, uint64(c.C)); err != nil {
		return fmt.Errorf("first event: %w", err)
	}
	swarm.ResetAll()
	for i := range c.Missed {
		if err := p.Once(uint64(i) + 2); err != nil {
			return err
		}
	}
	var proc *load.Process
	var before, after load.Usage
	if c.PID != 0 {
		if proc, err = load.NewProcess(c.PID); err != nil {
			return err
		}
		if before, err = proc.Usage(); err != nil {
			return err
		}
	}
	begin := load.Now()
	if err := swarm.ReopenAll(); err != nil {
		return err
	}
	connected := load.Now() - begin
	all := uint64(c.C) * uint64(c.Missed+1)
	if err := c.until(ctx, swarm, all); err != nil {
		fmt.Fprintf(con.err, "bench: storm: %v\n", err)
	}
	if proc != nil {
		if after, err = proc.Usage(); err != nil {
			return err
		}
	}
	count := swarm.Count(0)
	caught := swarm.CaughtUp(0, uint64(c.Missed+1))
	slices.Sort(caught)
	w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "streams\t%d, each with %d events missed\n", c.C, c.Missed)
	fmt.Fprintf(w, "connected again\t%.3f s\n", connected.Seconds())
	if n := len(caught); n > 0 {
		at := func(q float64) float64 { return (caught[min(int(q*float64(n)), n-1)] - begin).Seconds() }
		fmt.Fprintf(w, "caught up s\t50%% %.3f  95%% %.3f  99%% %.3f  last %.3f  (%d streams)\n", at(.5), at(.95), at(.99), at(1), n)
	}
	fmt.Fprintf(w, "lost, twice, out of order\t%d, %d, %d\n", int64(all)-int64(count.Delivered), count.Duplicated, count.OutOfOrder)
	if proc != nil {
		fmt.Fprintf(w, "server CPU\t%.3f s\n", (after.CPU - before.CPU).Seconds())
	}
	return w.Flush()
}

// until waits for n deliveries in all.
func (c *stormCommand) until(ctx context.Context, s *load.Swarm, n uint64) error {
	const patience = 10 * time.Second
	last, since := uint64(0), load.Now()
	for s.Delivered() < n {
		if got := s.Delivered(); got != last {
			last, since = got, load.Now()
		}
		if load.Now()-since > patience {
			return fmt.Errorf("%d of %d events came, and none for %v", last, n, patience)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		wait(ctx, time.Millisecond)
	}
	return nil
}
