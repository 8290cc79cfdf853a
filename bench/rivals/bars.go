package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// barsCommand measures the target parked against the project's bars, with a new server
// for each run. Where two things are compared their runs take turns.
type barsCommand struct {
	Only string `help:"Measure only the bars whose name contains this."`
	Runs int    `default:"5" help:"Runs per bar; the median counts."`
}

// bar is a scenario, as ssebench is told it, and the limits that its figures have to keep.
type bar struct {
	name    string
	command string
	against string // what limits in "x" are the ratio to: the floor, or the command without these flags
	limits  []limit
}

// limit is a line of the table.
type limit struct {
	what   string
	figure string // path in the JSON of the result; with + the sum of several, with | the first that was measured
	unit   string
	op     string // "≤" or "≥"
	bound  float64
}

// wrong is how many events did not arrive as they should have.
const wrong = "lost+duplicated+out_of_order"

// The bars. What would make them lie: a machine that does something else, a generator that
// is late (its runs say so), a server that is not fresh.
var bars = []bar{
	{"memory", "connect -c 15000 -settle 5s -hold 1ms", "", []limit{
		{"memory per idle stream, slope of RSS, up to 15,000 (or its error, if that is more)", "server.bytes_per_stream|server.bytes_per_stream_error", "B", "≤", 256},
		{"memory per idle stream, RSS over the empty server's, 15,000", "server.bytes_per_stream_total", "B", "≤", 640},
	}},
	{"open", "connect -c 15000 -ramp 0 -settle 1s -hold 1ms", "", []limit{
		{"CPU to open a stream, 15,000 as fast as possible", "server.cpu_us_to_open", "µs", "≤", 28},
	}},
	{"floor", "run -c 10000 -rate 5 -duration 6s", "floor", []limit{
		{"CPU per delivery, 10,000 streams x 5/s x 100 B, against a bare write(2) loop", "server.cpu_us_per_delivery", "x", "≤", 1.10},
	}},
	{"million", "run -c 10000 -rate 100 -duration 8s", "", []limit{
		{"10,000 streams x 100/s: p99", "latency_ms.p99", "ms", "≤", 120},
		{"10,000 streams x 100/s: CPU per delivery", "server.cpu_us_per_delivery", "µs", "≤", 1.1},
		{"10,000 streams x 100/s: lost, twice or out of order", wrong, "", "≤", 0},
	}},
	{"sustained", "run -c 10000 -rate 500 -duration 8s", "", []limit{
		{"10,000 streams x 500/s: deliveries per second", "delivered_per_second", "", "≥", 4.5e6},
		{"10,000 streams x 500/s: p99", "latency_ms.p99", "ms", "≤", 300},
		{"10,000 streams x 500/s: lost, twice or out of order", wrong, "", "≤", 0},
	}},
	{"stalled-500", "run -c 495 -rate 50 -size 20000 -duration 8s -stalled 5", "-stalled 5", []limit{
		{"5 of 500 never read, 50/s x 20 KB: the others' p99, against a run without them", "latency_ms.p99", "x", "≤", 1.25},
		{"… lost, twice or out of order", wrong, "", "≤", 0},
	}},
	{"stalled-10000", "run -c 9900 -rate 20 -duration 8s -stalled 100", "-stalled 100", []limit{
		{"100 of 10,000 never read, 20/s x 100 B: the others' p99, against a run without them", "latency_ms.p99", "x", "≤", 1.25},
		{"… lost, twice or out of order", wrong, "", "≤", 0},
	}},
	{"quiet", "run -c 10000 -rate 500 -duration 10s -beside-c 100 -beside-rate 1 -beside-url " + events + "quiet -beside-publish-url " + publish + "quiet", "", []limit{
		{"a topic at 1/s beside one at 500/s with 10,000 readers: its p99", "lanes.1.latency_ms.p99", "ms", "≤", 50},
		{"… lost, twice or out of order on it", "lanes.1.lost+lanes.1.duplicated+lanes.1.out_of_order", "", "≤", 0},
	}},
	{"storm", "storm -c 15000 -rate 1 -missed 100 -back now -settle 1ms", "", []limit{
		{"15,000 reset, 100 events missed, back at once: the last caught up", "storm.caught_up_last_s", "s", "≤", 1.5},
		{"… lost, twice or out of order", wrong, "", "≤", 0},
	}},
	{"churn", "run -c 10000 -rate 5 -duration 8s -churn 2000", "-churn 2000", []limit{
		{"2,000 per second come and leave, 10,000 x 5/s: the others' p99, against a run without them", "latency_ms.p99", "x", "≤", 1.5},
		{"… lost, twice or out of order", wrong, "", "≤", 0},
	}},
}

const (
	events  = "http://127.0.0.1:{{.Port}}/events?topic="
	publish = "http://127.0.0.1:{{.Port}}/publish?topic="
)

// Run measures and prints the table, in Markdown.
func (b *barsCommand) Run(ctx context.Context) (err error) {
	t, err := buildTools(ctx)
	defer os.RemoveAll(t.dir)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', tabwriter.Debug)
	fmt.Fprintf(w, "| what\t median (least–most) of %d runs\t bar\t\t\n|---\t---:\t---:\t---\t\n", b.Runs)
	for i := range bars {
		if strings.Contains(bars[i].name, b.Only) {
			err = errors.Join(err, bars[i].measure(ctx, w, &t, b.Runs))
		}
	}
	return errors.Join(w.Flush(), err)
}

// measure prints the lines of a bar. It is an error if a limit is not kept.
func (b *bar) measure(ctx context.Context, w io.Writer, t *tools, runs int) (missed error) {
	values := make([][]float64, len(b.limits))
	for run := range runs {
		fmt.Fprintf(os.Stderr, "%s, run %d of %d\n", b.name, run+1, runs)
		r, err := t.result(ctx, b.command, "parked")
		other := r
		switch {
		case err != nil:
		case b.against == "floor":
			other, err = t.result(ctx, b.command, "floor")
		case b.against != "":
			other, err = t.result(ctx, strings.Replace(b.command, b.against, "", 1), "parked")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
		for i, l := range b.limits {
			v := l.of(r)
			if l.unit == "x" {
				v /= l.of(other)
			}
			values[i] = append(values[i], v)
		}
	}
	for i, l := range b.limits {
		v, verdict := result.RangeOf(values[i]), "held"
		if held := l.op == "≤" && v.Median <= l.bound || l.op == "≥" && v.Median >= l.bound; !held {
			verdict, missed = "MISSED", errors.Join(missed, fmt.Errorf("%s: a bar was missed", b.name))
		}
		fmt.Fprintf(w, "| %s\t %v %s\t %s %g %s\t %s\t\n", l.what, v, l.unit, l.op, l.bound, l.unit, verdict)
	}
	return missed
}

// of is the limit's figure in a result; what was not measured keeps no limit.
func (l *limit) of(r *result.Result) (sum float64) {
	for paths := range strings.SplitSeq(l.figure, "+") {
		v, measured := 0.0, false
		for path := range strings.SplitSeq(paths, "|") {
			if !measured {
				v, measured = r.Number(path)
			}
		}
		if !measured {
			return math.NaN()
		}
		sum += v
	}
	return sum
}

// result is that of a command of ssebench on a fresh server.
func (t *tools) result(ctx context.Context, command, target string) (*result.Result, error) {
	args := append(strings.Fields(command), "-q", "-json", "-", "-header", "Accept: text/event-stream", "-url", events+"bars")
	if !strings.HasPrefix(command, "connect") {
		args = append(args, "-publish-url", publish+"bars")
	}
	var out, said bytes.Buffer
	cmd := t.run(ctx, append(append(args, "--"), strings.Fields(t.own(target))...)...)
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("ssebench %s: %w\n%s", command, err, said.String())
	}
	r, err := result.Decode(&out)
	if err == nil && r.Suspect {
		fmt.Fprintf(os.Stderr, "SUSPECT: %s\n", strings.Join(r.SuspectOf, "; "))
	}
	return r, err
}
