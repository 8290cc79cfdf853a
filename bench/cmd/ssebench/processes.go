package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"

	"github.com/fastsse/fastsse/bench/internal/fleet"
	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/scenario"
)

// sharing is what the commands have in common whose streams several processes may share.
type sharing struct {
	Processes int `default:"1" group:"Streams" help:"Processes of ssebench to share the streams out to, as each may only have so many open. They publish once, and make one result."`
	Process   int `hidden:"" help:"Number of this process, of those that another has started."`
	measuring
}

// measure starts the server if it is to, runs the scenario that is made for it, in several
// processes if asked for, and writes its result.
func (f *sharing) measure(ctx context.Context, con *console, scenarioOf func(portOf) (*scenario.Scenario, error), run runner) error {
	port, stop, err := f.start(ctx, con.err)
	if err != nil {
		return err
	}
	defer stop()
	sc, err := scenarioOf(port)
	if err != nil {
		return err
	}
	sc.Process, sc.Processes = f.Process, f.Processes
	switch {
	case f.Process > 0:
		signal.Ignore(os.Interrupt) // the process that has started this one says when to end
		ctx, sc.Crew = fleet.Join(ctx, os.Stdin, con.out)
		_, err := scenario.Run(ctx, sc)
		return err
	case f.Processes == 1:
		return f.outputFlags.measure(ctx, con, sc, run)
	case f.Processes < 1 || f.Processes > sc.Streams:
		return fmt.Errorf("-processes %d of %d streams: give at least one, and no more than there are streams", f.Processes, sc.Streams)
	case sc.Beside != nil || f.HDR != "":
		return errors.New("-processes does not go with -beside-url or -hdr: leave one of them out")
	}
	args := slices.DeleteFunc(singleDashes(con.args), func(arg string) bool { return strings.HasPrefix(arg, "--command=") })
	for i := range args {
		args[i] = port(args[i])
	}
	ctx, crew, err := fleet.Start(ctx, f.Processes, func(i int) []string {
		return append([]string{args[0], "-run-id", load.Run(), "-process", strconv.Itoa(i)}, args[1:]...)
	})
	if err != nil {
		return err
	}
	defer crew.Close()
	sc.Crew, sc.Process = crew, f.Processes
	return f.outputFlags.measure(ctx, con, sc, run)
}
