package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/fastsse/fastsse/bench/internal/report"
	"github.com/fastsse/fastsse/bench/internal/result"
	"github.com/fastsse/fastsse/bench/internal/scenario"
	"github.com/fastsse/fastsse/bench/internal/screen"
)

// outputFlags say what becomes of the result.
type outputFlags struct {
	Name   string        `placeholder:"NAME" group:"Output" help:"Name of what is measured, for results and reports; by default its URL, and for deploys the broker and the proxy."`
	JSON   string        `name:"json" placeholder:"FILE" group:"Output" help:"Write the result as JSON; - writes it to standard output, and nothing else there. bench schema prints its schema."`
	HTML   string        `name:"html" placeholder:"FILE" group:"Output" help:"Write a report with charts, as one self-contained file."`
	HDR    string        `name:"hdr" placeholder:"FILE" group:"Output" help:"Write the latencies of each second as an HdrHistogram log."`
	FailIf []result.Gate `name:"fail-if" sep:"none" placeholder:"'p99>50ms'" group:"Output" help:"Exit with status 2 if this condition holds. Names are those of the JSON result; p50 to max are delivery latencies. May be repeated."`
	Quiet  bool          `short:"q" group:"Output" help:"Print nothing while it runs."`
}

// errGate is the failure that a gate asked for. The program ends with status 2.
var errGate = errors.New("a gate has failed")

// recorder takes what a measurement reports, while it runs and at its end.
type recorder struct {
	*outputFlags
	con      *console
	progress screen.Progress // nil: quiet
	hdr      *os.File
	log      *result.HDRLog
}

// record prepares the outputs, so that a file that cannot be written is an error
// before anything is measured.
func (o *outputFlags) record(con *console, asked int, total time.Duration) (*recorder, error) {
	r := &recorder{outputFlags: o, con: con}
	for _, path := range []string{o.JSON, o.HTML, o.HDR} {
		if err := writable(path); err != nil {
			return nil, err
		}
	}
	if o.HDR != "" {
		var err error
		if r.hdr, err = os.Create(o.HDR); err != nil {
			return nil, fmt.Errorf("write the log of latencies: %w", err)
		}
		r.log = result.NewHDRLog(r.hdr, time.Now())
	}
	if !o.Quiet {
		r.progress = screen.New(con.err, asked, total)
	}
	return r, nil
}

// writable is an error if a file cannot be made at path.
func writable(path string) error {
	if path == "" || path == "-" {
		return nil
	}
	if at, err := os.Stat(filepath.Dir(path)); err != nil || !at.IsDir() {
		return fmt.Errorf("write %q: there is no folder %q; make it first", path, filepath.Dir(path))
	}
	return nil
}

// watch makes the scenario report to the recorder.
func (r *recorder) watch(sc *scenario.Scenario) {
	if r.Name != "" {
		sc.Name = r.Name
	}
	if r.progress != nil {
		sc.Watch = r.progress.Sample
	}
	if r.log != nil {
		sc.Log = func(from, to time.Duration, latency *hdrhistogram.Histogram) error {
			return r.log.Interval(from, to, latency)
		}
	}
}

// done ends the progress.
func (r *recorder) done() {
	if r.progress != nil {
		r.progress.Done()
	}
}

// finish writes the result to all outputs and checks the gates. A failure of the
// measurement itself comes first in its error.
func (r *recorder) finish(res *result.Result, failed error) error {
	r.done()
	if res == nil {
		return failed
	}
	if res.Partial && errors.Is(failed, context.Canceled) {
		failed = nil // it was stopped: that is what Partial says
	}
	return errors.Join(failed, r.write(res), r.gates(res))
}

func (r *recorder) write(res *result.Result) error {
	table := r.con.out
	if r.JSON == "-" {
		table = r.con.err
	}
	err := res.Table(table, 0)
	if r.hdr != nil {
		err = errors.Join(err, r.hdr.Close())
	}
	switch r.JSON {
	case "":
	case "-":
		err = errors.Join(err, res.Encode(r.con.out))
	default:
		err = errors.Join(err, res.WriteFile(r.JSON))
	}
	if r.HTML != "" {
		err = errors.Join(err, saveReport(r.HTML, res))
	}
	return err
}

// saveReport writes the report of results, overlaid if there are several.
func saveReport(path string, results ...*result.Result) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return errors.Join(report.Write(f, results[0].Name, results...), f.Close())
}

// gates checks all of them.
func (r *recorder) gates(res *result.Result) error {
	var failed error
	for _, g := range r.FailIf {
		if v := g.Check(res); v.Failed {
			failed = errors.Join(failed, fmt.Errorf("%w: %s", errGate, v.Text))
		}
	}
	return failed
}
