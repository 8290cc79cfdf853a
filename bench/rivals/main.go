// Command rivals measures what this project compares itself with, and holds itself to:
//
//	go run ./bench/rivals            other servers beside this one: the table of the README
//	go run ./bench/rivals bars       this server against the project's own limits
//	go run ./bench/rivals deploys    instances that are replaced under load
//	go test -run '^$' -bench Decode ./bench/rivals    other decoders beside this one
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/fastsse/fastsse/bench/rivals/build"
)

// commands are the subcommands, one file each.
type commands struct {
	Compare compareCommand `cmd:"" default:"withargs" help:"Measure this server and others in turn."`
	Bars    barsCommand    `cmd:"" help:"Measure this server against the limits that the project sets itself."`
	Deploys deploysCommand `cmd:"" help:"Start a broker, two instances and a proxy, replace the instances under load, and check that nobody noticed."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := rivals(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "rivals: %v\n", err)
		os.Exit(1)
	}
}

// rivals runs a command.
func rivals(ctx context.Context, args []string) error {
	parser := kong.Must(&commands{}, kong.Name("rivals"), kong.BindTo(ctx, (*context.Context)(nil)))
	command, err := parser.Parse(doubleDashes(args))
	if err != nil {
		return err
	}
	return command.Run()
}

// doubleDashes lets flags be written with one dash, as in other Go programs.
func doubleDashes(args []string) []string {
	args = slices.Clone(args)
	for i, a := range args {
		if a == "--" { // what follows is for ssebench
			break
		}
		if len(a) > 2 && a[0] == '-' && a[1] != '-' {
			args[i] = "-" + a
		}
	}
	return args
}

// tools are the programs that the commands run.
type tools struct {
	source   string
	dir      string // where they are
	ssebench string
	targets  string
}

// buildTools builds them into a folder that the caller removes.
func buildTools(ctx context.Context) (t tools, err error) {
	if t.source, err = build.Source(); err != nil {
		return t, err
	}
	if t.dir, err = os.MkdirTemp("", "rivals-"); err != nil {
		return t, fmt.Errorf("make a folder for programs: %w", err)
	}
	bench := filepath.Join(t.source, "bench")
	if t.ssebench, err = build.Program(ctx, bench, "./cmd/ssebench", t.dir, "ssebench"); err == nil {
		t.targets, err = build.Program(ctx, filepath.Join(bench, "rivals"), "./targets", t.dir, "targets")
	}
	return t, err
}

// run runs ssebench, which is asked to end when ctx is done.
func (t *tools) run(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, t.ssebench, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd
}

// own is the command of one of the targets.
func (t *tools) own(name string) string { return t.targets + " -addr 127.0.0.1:{{.Port}} " + name }
