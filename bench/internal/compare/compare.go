// Package compare measures several servers in turn, and puts their figures side by side.
//
// In each round every server has its turn, so that a machine that gets slower or faster does
// so for all of them. Figures are medians over the rounds with their spread, and ratios are
// taken within a round.
package compare

import (
	"context"
	"fmt"
	"time"

	"github.com/fastsse/fastsse/bench/internal/launch"
	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/result"
	"github.com/fastsse/fastsse/bench/internal/scenario"
)

// Target is a server to measure.
type Target struct {
	Name    string
	Command []string // as launch.Command takes it

	// Paced makes the scenario that every server should keep up with, for a server that
	// listens at port: memory, CPU and latency come from it.
	Paced func(port int) (*scenario.Scenario, error)
}

// Config says how to measure. The fields with tags are flags.
type Config struct {
	Rounds int    `default:"3" group:"Servers" help:"Rounds to run. Each measures every server once, on fresh processes; the medians are compared."`
	Base   string `placeholder:"NAME" group:"Servers" help:"Server that the others' CPU is compared with; by default the first."`

	// The flood ends Rest after the last event was due, even if events are still on their way.
	Flood         float64       `default:"500" group:"Flood" help:"Events to publish per second to find the most that a server can deliver…"`
	FloodDuration time.Duration `name:"flood-duration" default:"2s" group:"Flood" help:"…for this long…"`
	Rest          time.Duration `default:"3s" group:"Flood" help:"…and how long the server may go on delivering afterwards."`

	Load string            `kong:"-"` // what the paced part is, for the table
	Note func(text string) `kong:"-"` // is told what is being done
}

// Comparison is the outcome of Run. It is written as JSON.
type Comparison struct {
	Schema  string         `json:"schema"`
	Begun   time.Time      `json:"begun"`
	Machine result.Machine `json:"machine"`
	Rounds  int            `json:"rounds"` // that were finished
	Servers []*Server      `json:"servers"`
}

// Schema is the version of a comparison's JSON.
const Schema = "fastsse-bench-compare/1"

// Server is one server's results: for each round, one of each part.
type Server struct {
	Name   string           `json:"name"`
	Paced  []*result.Result `json:"paced"`
	Flood  []*result.Result `json:"flood"`
	Failed string           `json:"failed,omitempty"` // why it was not measured any more
}

// Run measures the targets. One that fails is not measured again, and the others are. When
// ctx ends, what was measured until then is returned with the error.
func Run(ctx context.Context, c Config, targets []Target) (*Comparison, error) {
	out := &Comparison{Schema: Schema, Begun: time.Now(), Machine: scenario.Machine()}
	for _, t := range targets {
		out.Servers = append(out.Servers, &Server{Name: t.Name})
	}
	for round := range c.Rounds {
		for i := range targets {
			s := out.Servers[i]
			if s.Failed != "" {
				continue
			}
			c.Note(fmt.Sprintf("round %d of %d: %s", round+1, c.Rounds, s.Name))
			err := c.measure(ctx, &targets[i], s)
			if ctx.Err() != nil {
				return out, ctx.Err()
			}
			if err != nil {
				s.Failed = fmt.Sprintf("round %d: %v", round+1, err)
			}
		}
		out.Rounds = round + 1
	}
	return out, nil
}

// Failed is an error if a server could not be measured in all rounds.
func (out *Comparison) Failed() error {
	for _, s := range out.Servers {
		if s.Failed != "" {
			return fmt.Errorf("compare: %s could not be measured: %s", s.Name, s.Failed)
		}
	}
	return nil
}

// measure has one round of a target: each part on a server of its own.
func (c *Config) measure(ctx context.Context, t *Target, into *Server) error {
	paced, err := part(ctx, t, func(*scenario.Scenario) {})
	if err != nil {
		return err
	}
	flood, err := part(ctx, t, func(sc *scenario.Scenario) {
		sc.Rate, sc.Profile, sc.Duration, sc.Longest = c.Flood, load.Profile{}, c.FloodDuration, c.Rest
	})
	if err != nil {
		return fmt.Errorf("flood: %w", err)
	}
	into.Paced, into.Flood = append(into.Paced, paced), append(into.Flood, flood)
	return nil
}

// part runs a scenario on a fresh server.
func part(ctx context.Context, t *Target, change func(*scenario.Scenario)) (*result.Result, error) {
	s, err := launch.Command(ctx, t.Command, nil)
	if err != nil {
		return nil, err
	}
	defer s.Stop()
	sc, err := t.Paced(s.Port())
	if err != nil {
		return nil, err
	}
	change(sc)
	sc.Command, sc.Name, sc.PIDs = "run", t.Name, []int{s.PID()}
	r, err := scenario.Run(ctx, sc)
	if err == nil {
		err = s.Err()
	}
	return r, err
}
