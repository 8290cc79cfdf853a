// Command ssebench measures how a server of Server-Sent Events behaves under load.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/fastsse/fastsse/bench/internal/check"
	"github.com/fastsse/fastsse/bench/internal/report"
	"github.com/fastsse/fastsse/bench/internal/result"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// commands are the subcommands, one file each.
type commands struct {
	Version kong.VersionFlag `help:"Print the version and the revision it was built from."`

	Run     runCommand     `cmd:"" help:"Open streams, publish on a fixed schedule, and report what arrived and when."`
	Search  searchCommand  `cmd:"" help:"Find the highest rate of events at which no -fail-if holds."`
	Connect connectCommand `cmd:"" help:"Open streams and hold them, and report how many, how fast, and the cost per stream."`
	Storm   stormCommand   `cmd:"" help:"End all streams at once, by a reset or a deploy, and measure how clients reconnect and catch up."`
	Answers answersCommand `cmd:"" help:"Have clients make one request after the other, as of a language model, and measure the time to the first event and the gaps between events."`
	Soak    soakCommand    `cmd:"" help:"Run for a long time, and report whether memory, descriptors, goroutines and latency stay flat."`
	Check   checkCommand   `cmd:"" help:"Check that a URL serves a correct event stream, and that no proxy buffers or cuts it."`
	Report  reportCommand  `cmd:"" help:"Render saved results as one HTML page with charts; several results are compared."`
	Compare compareCommand `cmd:"" help:"Measure several servers in turn, or compare two saved results."`
	Schema  schemaCommand  `cmd:"" help:"Print the JSON Schema of the results that -json writes."`
	Serve   serveCommand   `cmd:"" help:"Serve a hub with its defaults, for load tests by any tool."`
}

// console is where a command writes.
type console struct {
	out, err io.Writer
	args     []string // of the program
}

// save writes a file whole, or not at all if what is to be in it cannot be made. - is
// standard output, and an empty path is no file. how is os.O_TRUNC or os.O_APPEND.
func (c *console) save(path string, how int, write func(io.Writer) error) error {
	if path == "" {
		return nil
	}
	var text bytes.Buffer
	if err := write(&text); err != nil {
		return err
	}
	if path == "-" {
		_, err := text.WriteTo(c.out)
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|how, 0o666)
	if err != nil {
		return fmt.Errorf("write %q: %w; choose another file", path, err)
	}
	_, err = text.WriteTo(f)
	return errors.Join(err, f.Close())
}

// saveReport writes the report of results, overlaid if there are several.
func (c *console) saveReport(path, title string, results ...*result.Result) error {
	return c.save(path, os.O_TRUNC, func(w io.Writer) error { return report.Write(w, title, results...) })
}

// run is main with everything that it touches passed in. It returns the status: 0
// for success, 1 for a failure or bad arguments, 2 when a gate or a check failed.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c commands
	exit := -1
	parser, err := kong.New(&c,
		kong.Name("ssebench"),
		kong.Description("Measures how a server of Server-Sent Events behaves under load."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exit = code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(&console{stdout, stderr, args}),
		kong.Help(help),
		kong.UsageOnError(),
		kong.Vars{"version": version()},
	)
	if err != nil {
		fmt.Fprintf(stderr, "ssebench: %v\n", err)
		return 1
	}
	command, err := parser.Parse(singleDashes(args))
	if exit >= 0 { // -help
		return exit
	}
	if err != nil {
		fmt.Fprintf(stderr, "ssebench: %s; ssebench -help lists the commands\n", oneDash(err.Error()))
		return 1
	}
	err = command.Run()
	if err != nil {
		fmt.Fprintf(stderr, "ssebench: %v\n", err)
	}
	return statusOf(err)
}

func statusOf(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errGate), errors.Is(err, errNotFlat), errors.Is(err, check.ErrFailed):
		return 2
	}
	return 1
}

// singleDashes lets flags be written with one dash, as in other Go programs. What follows
// -- is the command of a server, word by word.
func singleDashes(args []string) []string {
	var out []string
	for i, a := range args {
		if a == "--" {
			for _, word := range args[i+1:] {
				out = append(out, "--command="+word)
			}
			break
		}
		if len(a) > 2 && a[0] == '-' && a[1] >= 'a' {
			a = "-" + a
		}
		out = append(out, a)
	}
	return out
}
