package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fastsse/fastsse/bench/rivals/build"
)

// compareCommand has ssebench compare the servers of bench/rivals/targets, and Mercure.
type compareCommand struct {
	Targets []string `default:"parked,streamed,floor,nchan,mercure,r3labs,gosse,naivenethttp,naivefasthttp" help:"Servers to measure."`
	Flags   []string `arg:"" optional:"" passthrough:"" help:"Further flags of ssebench compare, such as -rounds 1 or -json all.json, after --."`
}

// forAll are the flags of ssebench that all servers have, unless their own take the place of one.
var forAll = []string{"compare", "-header", "Accept: text/event-stream",
	"-url", "http://127.0.0.1:{{.Port}}/events?topic=compare", "-publish-url", "http://127.0.0.1:{{.Port}}/publish?topic=compare"}

// Run builds the servers and measures them.
func (c *compareCommand) Run(ctx context.Context) error {
	t, err := buildTools(ctx)
	defer os.RemoveAll(t.dir)
	if err != nil {
		return err
	}
	args := slices.Clone(forAll)
	for _, name := range c.Targets {
		add, err := t.target(ctx, name)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "LEFT OUT: %s: %v\n", name, err)
		}
		args = append(args, add...)
	}
	if slices.Contains(c.Targets, "floor") {
		args = append(args, "-base", "floor")
	}
	if len(c.Flags) > 0 && c.Flags[0] == "--" {
		c.Flags = c.Flags[1:]
	}
	err = t.run(ctx, append(args, c.Flags...)...).Run()
	fmt.Println("floor is a bare loop of write(2), one system call per event and stream: no topics, no ids to resume from, no care for slow readers.")
	return err
}

// target is what ssebench is told of a server.
func (t *tools) target(ctx context.Context, name string) (args []string, err error) {
	if name == "mercure" {
		return t.mercure(ctx)
	}
	return []string{"-target", name + "=" + t.own(name)}, nil
}

// mostBuilding is how long building Mercure may take: later it is built faster, of what Go has kept.
const mostBuilding = 2 * time.Minute

// mercure is Mercure's own program, built from source: a Caddy.
func (t *tools) mercure(ctx context.Context) ([]string, error) {
	folder := filepath.Join(t.source, "bench", "rivals", "mercure")
	fmt.Fprintln(os.Stderr, "build mercure")
	building, cancel := context.WithTimeoutCause(ctx, mostBuilding, fmt.Errorf("building it took more than %v; GOWORK=off go tool mercure version in %s builds it without that limit", mostBuilding, folder))
	defer cancel()
	program, err := build.Program(building, folder, "github.com/dunglas/mercure/caddy/mercure", t.dir, "mercure")
	if err != nil {
		return nil, err
	}
	// Signed with the key of the Caddyfile: {"mercure":{"publish":["*"]}}
	const mayPublish = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJtZXJjdXJlIjp7InB1Ymxpc2giOlsiKiJdfX0.ClCVvcGzzPRXTWU6HiKQg4-NuhK-A7GoQ-URv85m25k"
	const hub = "http://127.0.0.1:{{.Port}}/.well-known/mercure"
	return []string{
		"-target", "mercure=" + program + " run --adapter caddyfile --config " + filepath.Join(folder, "Caddyfile"),
		"-with", "mercure.url=" + hub + "?topic=compare",
		"-with", "mercure.publish-url=" + hub,
		"-with", "mercure.publish-header=Content-Type: application/x-www-form-urlencoded",
		"-with", "mercure.publish-header=Authorization: Bearer " + mayPublish,
		"-with", "mercure.publish-body=topic=compare&data={{.Message}}",
	}, nil
}
