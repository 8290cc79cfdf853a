package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"runtime/debug"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/fastsse/fastsse/bench/internal/compare"
	"github.com/fastsse/fastsse/bench/internal/launch"
	"github.com/fastsse/fastsse/bench/internal/result"
	"github.com/fastsse/fastsse/bench/internal/scenario"
)

// targetFlags say which servers are measured in turn, and how.
type targetFlags struct {
	Targets []string `name:"target" sep:"none" placeholder:"NAME='COMMAND'" group:"Servers" help:"A server to measure, by the command that starts it: words separated by spaces. {{.Port}} in it and in URLs stands for a free port, which is also PORT in its environment. Repeat it for each server."`
	With    []string `sep:"none" placeholder:"NAME.FLAG=VALUE" group:"Servers" help:"A flag of streams or publishing for one server alone, in place of what is given for all, such as mine.publish-url=http://127.0.0.1:{{.Port}}/news. May be repeated: a flag such as -header then has several values."`

	serverLoad `kong:"set='streams=10000',set='ramp=0',set='settle=500ms',set='rate=5'"`
	Duration   time.Duration `default:"4s" group:"Publishing" help:"How long to publish at -rate, a pace that every server should sustain."`

	compare.Config `embed:""`

	JSON string `name:"json" placeholder:"FILE" group:"Output" help:"Write all results of all rounds as JSON."`
}

// serverLoad is what -with can change for one server.
type serverLoad struct {
	streamFlags
	publishFlags
}

// Help is shown below the command's description.
func (*compareCommand) Help() string {
	return `Example, of two servers that differ in how they are published to:

    ssebench compare -url 'http://127.0.0.1:{{.Port}}/events?topic=a' -publish-url 'http://127.0.0.1:{{.Port}}/publish?topic=a' \
        -target ours='./ours -addr 127.0.0.1:{{.Port}}' -target theirs='./theirs --port {{.Port}}' \
        -with 'theirs.publish-body={"text":"{{.Message}}"}'

The table is in Markdown: the median of each figure over the rounds, and in brackets the least and the most.`
}

// measure measures the servers in turn.
func (f *targetFlags) measure(ctx context.Context, con *console, html string) error {
	for _, path := range []string{f.JSON, html} {
		if err := writable(path); err != nil {
			return err
		}
	}
	targets, err := f.targets()
	if err != nil {
		return err
	}
	debug.SetGCPercent(400) // the generator must not be the bottleneck
	begun := time.Now()
	f.Load = fmt.Sprintf("%d streams, %s events/s of %s B for %v", f.Streams, f.Rate, strings.Join(f.Size, ","), f.Duration)
	f.Note = func(text string) { fmt.Fprintf(con.err, "%4.0fs %s\n", time.Since(begun).Seconds(), text) }
	out, failed := compare.Run(ctx, f.Config, targets)
	failed = errors.Join(failed, out.Table(con.out, &f.Config), out.Failed(), con.save(f.JSON, os.O_TRUNC, func(w io.Writer) error { return result.Indented(w, out) }))
	if typical := out.Typical(); len(typical) > 0 {
		failed = errors.Join(failed, con.saveReport(html, typical[0].Name, typical...))
	}
	return failed
}

// targets are the servers of -target, once all of their flags are known to be good.
func (f *targetFlags) targets() (targets []compare.Target, err error) {
	known := map[string]bool{}
	for _, text := range f.Targets {
		name, command, _ := strings.Cut(text, "=")
		words := strings.Fields(command)
		if name == "" || strings.Contains(name, ".") || len(words) == 0 || known[name] {
			return nil, fmt.Errorf("-target %q: give a name of its own without a dot, and the command that starts the server, as NAME='COMMAND'", text)
		}
		known[name] = true
		t := compare.Target{Name: name, Command: words, Paced: func(port int) (*scenario.Scenario, error) { return f.paced(name, port) }}
		if _, err := t.Paced(0); err != nil {
			return nil, fmt.Errorf("-target %s: %w", name, err)
		}
		targets = append(targets, t)
	}
	for _, with := range f.With {
		if name, _, dotted := strings.Cut(with, "."); !dotted || !known[name] {
			return nil, fmt.Errorf("-with %q: give NAME.FLAG=VALUE, with the name of a -target", with)
		}
	}
	if f.Base != "" && !known[f.Base] {
		return nil, fmt.Errorf("-base %q: there is no -target of that name", f.Base)
	}
	return targets, nil
}

// paced makes the scenario of a server that listens at port.
func (f *targetFlags) paced(name string, port int) (*scenario.Scenario, error) {
	load, err := f.loadOf(name)
	if err != nil {
		return nil, err
	}
	fill := func(text string) string { return launch.Fill(text, port) }
	flags := flagsOf(load)
	flags["duration"] = f.Duration.String()
	sc, err := (&measuring{}).fill(&scenario.Scenario{Duration: f.Duration, Flags: flags}, fill, load.streamFlags.fill, load.publishFlags.fill)
	if err != nil {
		return nil, err
	}
	if sc.Publish == nil {
		return nil, errors.New("nothing is published, so there is nothing to compare; give -publish-url or -publish-command")
	}
	return sc, nil
}

// loadOf is the load of one server: that of all, with what -with changes in it. A flag that may
// be repeated has what -with says alone, and nothing of what it says for all.
func (f *targetFlags) loadOf(name string) (*serverLoad, error) {
	load := f.serverLoad
	parser, err := kong.New(&load)
	if err != nil {
		return nil, err
	}
	flags := map[string]*kong.Flag{}
	for _, flag := range parser.Model.Flags {
		flags[flag.Name], flags[string(flag.Short)] = flag, flag
	}
	own := map[*kong.Flag]bool{} // lists that have values of this server
	for _, with := range f.With {
		of, isOf := strings.CutPrefix(with, name+".")
		if !isOf {
			continue
		}
		key, value, _ := strings.Cut(of, "=")
		flag := flags[key]
		if flag == nil {
			return nil, fmt.Errorf("-with %q: there is no flag -%s of streams or publishing", with, key)
		}
		if flag.Target.Kind() == reflect.Slice && !own[flag] {
			flag.Target.SetZero() // or kong would add to what is said for all
			own[flag] = true
		}
		if err := flag.Parse(kong.Scan(value), flag.Target); err != nil {
			return nil, fmt.Errorf("-with %q: %w", with, err)
		}
	}
	return &load, nil
}
