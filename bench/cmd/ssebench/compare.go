package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/fastsse/fastsse/bench/internal/compare"
	"github.com/fastsse/fastsse/bench/internal/launch"
)

// compareCommand measures the servers of bench/rivals/targets in turn or, given the results
// of two measurements, puts these side by side.
type compareCommand struct {
	Results []string `arg:"" optional:"" help:"Two saved results to compare, base.json and new.json, instead of measuring; or several of each, as two patterns in quotes, 'base*.json' 'new*.json'."`

	Targets  []string      `default:"parked,streamed,floor,nchan,r3labs,gosse,naivenethttp,naivefasthttp" help:"Servers to measure, by their folder names in bench/rivals/targets; floor stands for bench floor."`
	C        int           `name:"c" short:"c" default:"10000" help:"Streams to open."`
	Rounds   int           `default:"3" help:"Rounds to run. Each measures every server once; the medians are compared."`
	Rate     float64       `default:"5" help:"Events to publish per second at a pace that every server should sustain…"`
	Duration time.Duration `default:"4s" help:"…for this long."`
	Size     int           `default:"100" help:"Bytes of data per event."`
	Settle   time.Duration `default:"500ms" help:"How long to wait after opening the streams, before events are published."`

	Flood         float64       `default:"500" help:"Events to publish per second to find the most that a server can deliver…"`
	FloodDuration time.Duration `name:"flood-duration" default:"2s" help:"…for this long…"`
	Rest          time.Duration `default:"3s" help:"…and how long the server may go on delivering afterwards."`

	Source string `placeholder:"DIR" help:"Folder of the project's source, to build the targets from. By default it is looked for from the working directory upwards."`
	JSON   string `name:"json" placeholder:"FILE" help:"Write all results as JSON."`
	HTML   string `name:"html" placeholder:"FILE" help:"Write a report that overlays the median round of each server."`
}

// Run compares results, or measures the targets.
func (c *compareCommand) Run(ctx context.Context, con *console) error {
	switch len(c.Results) {
	case 0:
		return c.measure(ctx, con)
	case 2:
		return compareSaved(con, c.Results[0], c.Results[1], c.HTML)
	}
	return fmt.Errorf("compare %s: give two results, base.json and new.json, or two patterns in quotes, 'base*.json' 'new*.json'; or none, to measure the targets", strings.Join(c.Results, " "))
}

func (c *compareCommand) measure(ctx context.Context, con *console) error {
	for _, path := range []string{c.JSON, c.HTML} {
		if err := writable(path); err != nil {
			return err
		}
	}
	binaries, err := os.MkdirTemp("", "bench-targets-")
	if err != nil {
		return fmt.Errorf("make a folder for the targets: %w", err)
	}
	defer os.RemoveAll(binaries)
	targets, err := c.build(ctx, con.err, binaries)
	if err != nil {
		return err
	}
	debug.SetGCPercent(400) // the generator must not be the bottleneck
	begun := time.Now()
	config := c.config()
	config.Note = func(text string) { fmt.Fprintf(con.err, "%4.0fs %s\n", time.Since(begun).Seconds(), text) }
	out, failed := compare.Run(ctx, config, targets)
	return errors.Join(failed, out.Table(con.out, &config), c.save(out))
}

func (c *compareCommand) config() compare.Config {
	return compare.Config{
		Streams: c.C, Size: c.Size, Settle: c.Settle, Rounds: c.Rounds, Rate: c.Rate, Duration: c.Duration,
		FloodRate: c.Flood, FloodDuration: c.FloodDuration, Rest: c.Rest,
	}
}

// build builds the targets that were asked for.
func (c *compareCommand) build(ctx context.Context, stderr io.Writer, dir string) ([]compare.Target, error) {
	source := c.Source
	if source == "" {
		var err error
		if source, err = launch.Source(); err != nil {
			return nil, err
		}
	}
	known, err := launch.Targets(source)
	if err != nil {
		return nil, err
	}
	var targets []compare.Target
	for _, name := range c.Targets {
		if name == compare.Floor {
			targets = append(targets, self(name))
			continue
		}
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("-targets %q: there is no such target; there are floor, %s", name, strings.Join(known, ", "))
		}
		fmt.Fprintf(stderr, "build %s\n", name)
		binary, err := launch.Build(ctx, source, dir, name)
		if err != nil {
			return nil, err
		}
		targets = append(targets, program(name, binary))
	}
	return targets, nil
}

// self is a target that is a subcommand of this program.
func self(name string) compare.Target {
	return compare.Target{Name: name, Start: func(ctx context.Context, stderr io.Writer) (*launch.Server, error) {
		return launch.Self(ctx, []string{name, "-addr", "127.0.0.1:0"}, stderr)
	}}
}

// program is a target that was built.
func program(name, binary string) compare.Target {
	return compare.Target{Name: name, Start: func(ctx context.Context, stderr io.Writer) (*launch.Server, error) {
		return launch.Start(ctx, []string{binary, "-addr", "127.0.0.1:0"}, stderr)
	}}
}

// save writes the outputs that were asked for.
func (c *compareCommand) save(out *compare.Comparison) (err error) {
	if c.JSON != "" {
		b, failed := json.MarshalIndent(out, "", "  ")
		if failed == nil {
			failed = os.WriteFile(c.JSON, append(b, '\n'), 0o666)
		}
		err = errors.Join(err, failed)
	}
	if c.HTML != "" && out.Rounds > 0 {
		err = errors.Join(err, saveReport(c.HTML, out.Typical()...))
	}
	return err
}
