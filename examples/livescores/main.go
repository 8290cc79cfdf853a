// Command livescores shows a match day live, to as many as want to watch: it
// simulates one, or plays a feed of real matches.
//
//	go run ./examples/livescores
//	curl -N 'http://localhost:8080/events?topic=scores/*'
//
// Each match is a topic, scores/<match>, and each thing that happens in it an
// event there. GET /scores is the table as it stands, with the id of the event
// it is true at: a stream that is opened from that id misses nothing.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run serves until ctx is done, and returns the exit code: 0; 1 if it could not
// serve or the feed had faults; 2 if it was asked for what it cannot do.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c, err := parseConfig(args, stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "livescores: %v\n", err)
		return 2
	}
	if err := serve(ctx, c, stdin, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "livescores: %v\n", err)
		return 1
	}
	return 0
}

// config is what the command line asks for.
type config struct {
	addr  string
	feed  string  // a file, "-" for standard input, or empty for the simulation
	speed float64 // times real time; 0 means without waiting
	wait  int     // readers to wait for
	seed  uint64  // of the simulation
}

// simulationSpeed makes 90 minutes of football last three.
const simulationSpeed = 30

func parseConfig(args []string, help io.Writer) (config, error) {
	c := config{seed: rand.Uint64()}
	fs := flag.NewFlagSet("livescores", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // the caller prints the error; help is printed below
	fs.StringVar(&c.addr, "addr", "", "`address` to listen on (default \":8080\", or the port in PORT)")
	fs.StringVar(&c.feed, "feed", "", "play the NDJSON `file` instead of a simulation; - reads standard input")
	fs.Float64Var(&c.speed, "speed", 1, "play at this many `times` real time, 0 for as fast as it comes\n(default 1 for a feed, 30 for the simulation)")
	fs.IntVar(&c.wait, "wait", 0, "start at the first kick-off, once `n` streams are open")
	fs.Uint64Var(&c.seed, "seed", c.seed, "`number` that the simulated scores are drawn from (default random)")
	err := fs.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fs.SetOutput(help)
		fmt.Fprintln(help, "Usage: livescores [flags]")
		fs.VisitAll(func(f *flag.Flag) { // the texts say it better: a default of zero is not printed
			if f.DefValue != "" {
				f.DefValue = "0"
			}
		})
		fs.PrintDefaults()
		return c, err
	}
	if err != nil {
		return c, fmt.Errorf("%w; livescores -help lists the flags", err)
	}
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	return c.complete(given, fs.Args())
}

// complete fills in the defaults that depend on others, and says what does not
// fit together.
func (c config) complete(given map[string]bool, rest []string) (config, error) {
	if c.feed == "" && !given["speed"] {
		c.speed = simulationSpeed
	}
	switch {
	case len(rest) > 0:
		return c, fmt.Errorf("unexpected argument %q; flags are all it takes, see livescores -help", rest[0])
	case given["feed"] && c.feed == "":
		return c, errors.New("-feed is empty; name a file, or - for standard input, or leave it out for a simulation")
	case math.IsNaN(c.speed) || math.IsInf(c.speed, 0) || c.speed < 0:
		return c, fmt.Errorf("-speed %v is not a speed; give 1 for real time, 60 for a minute a second, 0 for as fast as it comes", c.speed)
	case c.feed == "" && c.speed == 0:
		return c, errors.New("-speed 0 would play simulated matches without end or pause; give a -feed with it, or a speed above 0")
	case c.wait < 0:
		return c, fmt.Errorf("-wait %d is not a number of readers; give 0 or more", c.wait)
	case c.feed != "" && given["seed"]:
		return c, errors.New("-seed is for the simulation; leave it out with -feed")
	}
	return c.withAddr(os.Getenv("PORT"))
}

func (c config) withAddr(port string) (config, error) {
	switch {
	case c.addr == "" && port == "":
		c.addr = ":8080"
	case c.addr == "":
		if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
			return c, fmt.Errorf("PORT is %q; set it to a number up to 65535, or give -addr", port)
		}
		c.addr = ":" + port
	}
	if _, _, err := net.SplitHostPort(c.addr); err != nil {
		return c, fmt.Errorf("-addr %q is not an address: %w; give one like :8080 or 127.0.0.1:8080", c.addr, err)
	}
	return c, nil
}
