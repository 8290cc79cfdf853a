// Package compare measures several servers in turn, and puts their figures side
// by side.
//
// It compares medians over rounds. In each round every server has its turn, so that
// a machine that gets slower or faster does so for all of them, and ratios are
// taken within a round.
package compare

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/fastsse/fastsse/bench/internal/launch"
	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/result"
	"github.com/fastsse/fastsse/bench/internal/scenario"
)

// Target is a server to measure.
type Target struct {
	Name  string
	Start func(ctx context.Context, stderr io.Writer) (*launch.Server, error)
}

// Config says how to measure.
type Config struct {
	Streams int
	Size    int // bytes of an event's data
	Settle  time.Duration
	Rounds  int

	// The paced part, which every server should keep up with: memory, CPU and
	// latency come from it.
	Rate     float64 // events per second
	Duration time.Duration

	// The flood: more events than a server may be able to deliver. It ends Rest
	// after the last event was due, even if events are still on their way.
	FloodRate     float64
	FloodDuration time.Duration
	Rest          time.Duration

	Note func(text string) // is told what is being done
}

// Comparison is the outcome of Run. It is written as JSON.
type Comparison struct {
	Schema  string         `json:"schema"`
	Begun   time.Time      `json:"begun"`
	Machine result.Machine `json:"machine"`
	Rounds  int            `json:"rounds"`
	Servers []Server       `json:"servers"`
	Left    []Left         `json:"left_out"`
}

// Schema is the version of a comparison's JSON.
const Schema = "fastsse-bench-compare/1"

// Server is one server's results: for each round, one of each part.
type Server struct {
	Name  string           `json:"name"`
	Paced []*result.Result `json:"paced"`
	Flood []*result.Result `json:"flood"`
}

// Left is a server that could not be measured.
type Left struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// Run measures the targets. A target that is not installed is left out; when ctx
// ends, what was measured until then is returned with the error.
func Run(ctx context.Context, c Config, targets []Target) (*Comparison, error) {
	out := &Comparison{Schema: Schema, Begun: time.Now(), Machine: scenario.Machine(), Left: []Left{}}
	for _, t := range targets {
		out.Servers = append(out.Servers, Server{Name: t.Name})
	}
	for round := range c.Rounds {
		for i := 0; i < len(targets); i++ {
			c.note(fmt.Sprintf("round %d of %d: %s", round+1, c.Rounds, targets[i].Name))
			err := c.measure(ctx, &targets[i], &out.Servers[i])
			if errors.Is(err, launch.ErrNotInstalled) {
				out.leave(i, err)
				targets = append(targets[:i:i], targets[i+1:]...)
				i--
				continue
			}
			if err != nil {
				return out, fmt.Errorf("measure %s in round %d: %w", targets[i].Name, round+1, err)
			}
		}
		out.Rounds = round + 1
	}
	return out, nil
}

func (c *Config) note(text string) {
	if c.Note != nil {
		c.Note(text)
	}
}

func (out *Comparison) leave(i int, why error) {
	out.Left = append(out.Left, Left{Name: out.Servers[i].Name, Why: why.Error()})
	out.Servers = append(out.Servers[:i:i], out.Servers[i+1:]...)
}

// measure has one round of a target: each part on a server of its own.
func (c *Config) measure(ctx context.Context, t *Target, into *Server) error {
	paced, err := c.part(ctx, t, scenario.Scenario{Rate: c.Rate, Duration: c.Duration})
	if err != nil {
		return err
	}
	flood, err := c.part(ctx, t, scenario.Scenario{Rate: c.FloodRate, Duration: c.FloodDuration, Longest: c.Rest})
	if err != nil {
		return fmt.Errorf("flood: %w", err)
	}
	into.Paced, into.Flood = append(into.Paced, paced), append(into.Flood, flood)
	return nil
}

// part runs a scenario on a fresh server.
func (c *Config) part(ctx context.Context, t *Target, sc scenario.Scenario) (*result.Result, error) {
	s, err := t.Start(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer s.Stop()
	sc.Command, sc.Name, sc.PID = "run", t.Name, s.PID()
	sc.Streams, sc.Settle = c.Streams, c.Settle
	sc.Request = load.Request{URL: s.URL() + "/events?topic=compare", Header: eventStream}
	sc.Publish = &load.Publishing{URL: s.URL() + "/publish?topic=compare", Size: c.Size}
	sc.Flags = map[string]string{
		"c": fmt.Sprint(c.Streams), "rate": fmt.Sprint(sc.Rate), "duration": sc.Duration.String(), "size": fmt.Sprint(c.Size),
	}
	r, err := scenario.Run(ctx, &sc)
	if err == nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	if err == nil && s.Err() != nil {
		err = s.Err()
	}
	return r, err
}

// eventStream is sent to all servers, because some require it.
var eventStream = map[string][]string{"Accept": {"text/event-stream"}}
