package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/result"
	"github.com/fastsse/fastsse/bench/internal/scenario"
)

// searchCommand finds the highest rate at which no gate breaks.
type searchCommand struct {
	From   float64 `default:"10" group:"Publishing" help:"Rate to begin with; it is doubled until a -fail-if holds. -rate is not used."`
	To     float64 `default:"100000" group:"Publishing" help:"Highest rate to try."`
	Within float64 `default:"0.1" group:"Publishing" help:"End when the rate at which a gate breaks is at most by this share above one at which none does."`
	runCommand

	highest, breaks float64 // rates; zero: none yet
}

// Run measures at one rate after the other, each time for -duration with streams of its own
// and, if it is started here, a server of its own.
func (c *searchCommand) Run(ctx context.Context, con *console) error {
	if len(c.FailIf) == 0 || !(c.From > 0 && c.From <= c.To && c.Within >= 0.01) {
		return fmt.Errorf("search -from %v -to %v -within %v: give a -fail-if such as 'p99>50ms', rates above zero in that order, and at least 0.01", c.From, c.To, c.Within)
	}
	if c.Processes != 1 {
		return fmt.Errorf("-processes %d: search reads in one process", c.Processes)
	}
	if c.HTML+c.NDJSON+c.HDR+c.JUnit+c.Summary != "" {
		return errors.New("search writes its results with -json alone; leave out the other files")
	}
	if err := writable(c.JSON); err != nil {
		return err
	}
	var tries []*result.Result
	for rate := c.From; rate > 0; rate = c.next() {
		r, err := c.try(ctx, con, rate)
		if r == nil || ctx.Err() != nil {
			return cmp.Or(ctx.Err(), err)
		}
		if tries = append(tries, r); err == nil {
			c.highest = rate
		} else {
			c.breaks = rate
		}
	}
	fmt.Fprintf(con.err, "the highest rate at which no gate broke: %s per second; the lowest at which one did: %s (0: none)\n", result.Digits(c.highest), result.Digits(c.breaks))
	err := con.save(c.JSON, os.O_TRUNC, func(w io.Writer) error {
		return json.NewEncoder(w).Encode(map[string]any{"highest_rate": c.highest, "breaks_at": c.breaks, "tries": tries})
	})
	if c.highest == 0 {
		err = errors.Join(err, fmt.Errorf("%w at %v events per second already; begin with less, by -from", errGate, c.From))
	}
	return err
}

// next is the rate to try next, or zero.
func (c *searchCommand) next() float64 {
	switch {
	case c.highest == 0, c.highest == c.To, c.breaks > 0 && c.breaks <= c.highest*(1+c.Within):
		return 0
	case c.breaks == 0:
		return min(2*c.highest, c.To)
	}
	return math.Sqrt(c.highest * c.breaks)
}

// try measures at a rate. It is an error if a gate breaks, or the measurement fails.
func (c *searchCommand) try(ctx context.Context, con *console, rate float64) (*result.Result, error) {
	one, said := c.runCommand, "no gate breaks"
	one.Rate = load.Steady(rate)
	port, stop, err := one.start(ctx, con.err)
	if err != nil {
		return nil, err
	}
	defer stop()
	sc, err := one.scenario(port)
	if err != nil {
		return nil, err
	}
	r, err := scenario.Run(ctx, sc)
	if r == nil {
		return nil, err
	}
	if err = errors.Join(err, (&recorder{outputFlags: &one.outputFlags}).gates(r)); err != nil {
		said = strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	fmt.Fprintf(con.err, "%8s per second: %s%s\n", result.Digits(rate), said, map[bool]string{true: "; SUSPECT: " + strings.Join(r.SuspectOf, "; ")}[r.Suspect])
	return r, err
}
