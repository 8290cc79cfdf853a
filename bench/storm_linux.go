package main

import (
	"context"
	"fmt"
	"math"
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

// stormResult is what became of a storm.
type stormResult struct {
	connected time.Duration   // until the last was connected again
	caught    []time.Duration // until each had caught up, sorted
	lost      int64
	count     load.Count
	cpu       time.Duration // of the server
}

// Run runs the storm and prints how long it took.
func (c *stormCommand) Run(ctx context.Context, con *console) error {
	r, err := c.run(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "streams\t%d, each with %d events missed\n", c.C, c.Missed)
	fmt.Fprintf(w, "connected again\t%.3f s\n", r.connected.Seconds())
	fmt.Fprintf(w, "caught up s\t50%% %.3f  95%% %.3f  99%% %.3f  last %.3f  (%d streams)\n", r.at(.5), r.at(.95), r.at(.99), r.at(1), len(r.caught))
	fmt.Fprintf(w, "lost, twice, out of order\t%d, %d, %d\n", r.lost, r.count.Duplicated, r.count.OutOfOrder)
	if c.PID != 0 {
		fmt.Fprintf(w, "server CPU\t%.3f s\n", r.cpu.Seconds())
	}
	return w.Flush()
}

// at is when a share of the streams had caught up, in seconds.
func (r *stormResult) at(share float64) float64 {
	n := len(r.caught)
	if n == 0 {
		return math.NaN()
	}
	return r.caught[min(int(share*float64(n)), n-1)].Seconds()
}

// run opens the streams, resets them all, and has them all back.
func (c *stormCommand) run(ctx context.Context) (*stormResult, error) {
	swarm, err := load.NewSwarm(c.URL, c.Readers)
	if err != nil {
		return nil, err
	}
	defer swarm.Close()
	s := &session{runCommand: &runCommand{C: c.C}}
	if err := s.openSome(ctx, swarm, c.C, 5000, false); err != nil {
		return nil, err
	}
	p, err := load.NewPublisher(c.PublishURL, 0, c.Size)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	if err := p.Once(1); err != nil { // so that everybody has an id
		return nil, err
	}
	if err := c.until(ctx, swarm, uint64(c.C)); err != nil {
		return nil, fmt.Errorf("first event: %w", err)
	}
	swarm.ResetAll()
	for i := range c.Missed {
		if err := p.Once(uint64(i) + 2); err != nil {
			return nil, err
		}
	}
	if c.PID != 0 {
		if s.proc, err = load.NewProcess(c.PID); err != nil {
			return nil, err
		}
	}
	return c.comeBack(ctx, swarm, s)
}

// comeBack reopens all streams at once and waits until they have caught up.
func (c *stormCommand) comeBack(ctx context.Context, swarm *load.Swarm, s *session) (*stormResult, error) {
	if err := s.look(&s.usage.before); err != nil {
		return nil, err
	}
	begin := load.Now()
	if err := swarm.ReopenAll(); err != nil {
		return nil, err
	}
	r := &stormResult{connected: load.Now() - begin}
	all := uint64(c.C) * uint64(c.Missed+1)
	if err := c.until(ctx, swarm, all); ctx.Err() != nil { // what is missing is counted
		return nil, err
	}
	if err := s.look(&s.usage.after); err != nil {
		return nil, err
	}
	r.cpu = s.usage.after.CPU - s.usage.before.CPU
	r.count = swarm.Count(0)
	r.lost = int64(all) - int64(r.count.Delivered)
	for _, at := range swarm.CaughtUp(0, uint64(c.Missed+1)) {
		r.caught = append(r.caught, at-begin)
	}
	slices.Sort(r.caught)
	return r, nil
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
