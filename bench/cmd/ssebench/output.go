package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fastsse/fastsse/bench/internal/result"
	"github.com/fastsse/fastsse/bench/internal/scenario"
	"github.com/fastsse/fastsse/bench/internal/status"
	"golang.org/x/term"
)

// outputFlags say what becomes of the result.
type outputFlags struct {
	Name    string        `placeholder:"NAME" group:"Output" help:"Name of what is measured, for results and reports; by default its URL, and for deploys the broker and the proxy."`
	JSON    string        `name:"json" placeholder:"FILE" group:"Output" help:"Write the result as JSON, as in: -json result.json. - writes it to standard output, and nothing else there. ssebench schema prints its schema."`
	NDJSON  string        `name:"ndjson" placeholder:"FILE" group:"Output" help:"Write a line of JSON for each second as it ends, {\"sample\": …}, and at last {\"result\": …}. - writes to standard output, as in: -ndjson - | jq .sample.delivered"`
	HTML    string        `name:"html" placeholder:"FILE" group:"Output" help:"Write a report with charts, as one self-contained file."`
	HDR     string        `name:"hdr" placeholder:"FILE" group:"Output" help:"Write the latencies of each second as an HdrHistogram log."`
	JUnit   string        `name:"junit" placeholder:"FILE" group:"Output" help:"Write JUnit's XML for CI: the measurement and each -fail-if are a test case."`
	Summary string        `placeholder:"FILE" group:"Output" help:"Append the result in Markdown, as in GitHub's jobs: -summary \"$$GITHUB_STEP_SUMMARY\""`
	FailIf  []result.Gate `name:"fail-if" sep:"none" placeholder:"'p99>50ms'" group:"Output" help:"Exit with status 2 if this condition holds. Names are those of the JSON result; p50 to max are delivery latencies. It may be held against saved results, of which the median counts: 'p99 > 1.2x base*.json'. May be repeated."`
	Quiet   bool          `short:"q" group:"Output" help:"Print nothing while it runs."`
}

// errGate is the failure that a gate asked for. The program ends with status 2.
var errGate = errors.New("a gate has failed")

// recorder takes what a measurement reports, while it runs and at its end.
type recorder struct {
	*outputFlags
	con    *console
	status *status.Line
	lines  io.Writer   // of JSON; nil: not asked for
	files  []io.Closer // that are written while it runs
	failed error       // to write a line
}

// record prepares the outputs, so that a file that cannot be written is an error
// before anything is measured, and makes the scenario report to the recorder.
func (o *outputFlags) record(con *console, sc *scenario.Scenario) (*recorder, error) {
	r := &recorder{outputFlags: o, con: con}
	for _, path := range []string{o.JSON, o.HTML, o.JUnit, o.Summary} {
		if err := writable(path); err != nil {
			return nil, err
		}
	}
	if o.JSON == "-" && o.NDJSON == "-" {
		return nil, errors.New("-json - and -ndjson -: only one can have standard output; give the other a file")
	}
	hdr, err := r.create(o.HDR)
	if err != nil {
		return nil, err
	}
	if hdr != nil {
		sc.Log = result.NewHDRLog(hdr, time.Now()).Interval
	}
	if r.lines, err = r.create(o.NDJSON); err != nil {
		return nil, err
	}
	shown := con.err
	if o.Quiet {
		shown = io.Discard
	}
	r.status = status.New(shown, sc.Streams, expectedTime(sc))
	sc.Name = cmp.Or(r.Name, sc.Name)
	sc.Watch = func(v result.Sample) {
		r.status.Sample(v)
		r.line("sample", &v)
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

// create makes a file that is closed at the end; - is standard output, and an empty path nil.
func (r *recorder) create(path string) (io.Writer, error) {
	switch path {
	case "":
		return nil, nil
	case "-":
		return r.con.out, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("write %q: %w", path, err)
	}
	r.files = append(r.files, f)
	return f, nil
}

// line writes a line of JSON, unless one before could not be written.
func (r *recorder) line(name string, v any) {
	if r.lines != nil && r.failed == nil {
		r.failed = result.Line(r.lines, name, v)
	}
}

// errInterrupted is the failure of a measurement that was stopped: what the result says is
// true, but not what was asked for.
var errInterrupted = errors.New("interrupted: the result covers only the time until then")

// finish checks the gates and writes the result to all outputs. A failure of the
// measurement itself comes first in its error.
func (r *recorder) finish(res *result.Result, failed error) error {
	r.status.Done()
	var gates error
	if res != nil {
		if res.Partial && (failed == nil || errors.Is(failed, context.Canceled)) {
			failed = errInterrupted
		}
		gates = r.gates(res)
		failed = errors.Join(failed, r.write(res))
	}
	return errors.Join(failed, r.con.save(r.JUnit, os.O_TRUNC, func(w io.Writer) error {
		return result.JUnit(w, cmp.Or(r.Name, "measurement"), res, failed)
	}), gates)
}

// gates checks all of them.
func (r *recorder) gates(res *result.Result) (failed error) {
	for _, g := range r.FailIf {
		v := g.Check(res)
		res.Gates = append(res.Gates, v)
		if v.Failed {
			failed = errors.Join(failed, fmt.Errorf("%w: %s", errGate, v.Text))
		}
	}
	return failed
}

func (r *recorder) write(res *result.Result) error {
	table, columns := r.con.out, 0
	if slices.Contains([]string{r.JSON, r.NDJSON, r.HTML, r.JUnit, r.Summary}, "-") {
		table = r.con.err
	}
	if f, ok := table.(*os.File); ok {
		columns, _, _ = term.GetSize(int(f.Fd())) // 0 if it is no terminal
	}
	err := res.Table(table, columns)
	r.line("result", res)
	err = errors.Join(err, r.failed)
	for _, f := range r.files {
		err = errors.Join(err, f.Close())
	}
	return errors.Join(err, r.con.save(r.JSON, os.O_TRUNC, res.Encode), r.con.saveReport(r.HTML, res.Name, res),
		r.con.save(r.Summary, os.O_APPEND, res.Markdown))
}
