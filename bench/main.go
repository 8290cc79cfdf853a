// Command bench measures what a server of Server-Sent Events does under load.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// commands are the subcommands, one file each.
type commands struct {
	Run   runCommand   `cmd:"" help:"Open streams, publish on a fixed schedule, and say what arrived when."`
	Storm stormCommand `cmd:"" help:"Reset all clients at once, and have them all back with what they missed."`
	Bars  barsCommand  `cmd:"" help:"Measure bench serve against each of the project's bars."`
	Floor floorCommand `cmd:"" help:"Serve with a bare loop of write(2): the limit to compare with."`
	Serve serveCommand `cmd:"" help:"Serve a hub with its defaults, for load tests by any tool."`
}

// console is where a command writes.
type console struct {
	out, err io.Writer
}

// run is main with everything it touches passed in. The status is 0, 1 for a
// failure, 2 for arguments that cannot be used.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c commands
	exit := -1
	parser, err := kong.New(&c,
		kong.Name("bench"),
		kong.Description("Measures what a server of Server-Sent Events does under load."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exit = code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(&console{stdout, stderr}),
		kong.UsageOnError(),
	)
	if err != nil {
		fmt.Fprintf(stderr, "bench: %v\n", err)
		return 1
	}
	command, err := parser.Parse(singleDashes(args))
	if exit >= 0 { // --help
		return exit
	}
	if err != nil {
		fmt.Fprintf(stderr, "bench: %v; bench --help lists the commands\n", err)
		return 2
	}
	if err := command.Run(); err != nil {
		fmt.Fprintf(stderr, "bench: %v\n", err)
		return 1
	}
	return 0
}

// singleDashes lets flags be written with one dash, as Go programs do.
func singleDashes(args []string) []string {
	out := make([]string, len(args))
	for i, a := range args {
		if len(a) > 1 && a[0] == '-' && a[1] >= 'a' && a != "-h" {
			a = "-" + a
		}
		out[i] = a
	}
	return out
}
