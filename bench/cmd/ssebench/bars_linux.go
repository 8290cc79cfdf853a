package main

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/fastsse/fastsse/bench/internal/launch"
	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/result"
	"github.com/fastsse/fastsse/bench/internal/scenario"
)

// barsCommand measures bench serve against the project's bars, with a new server
// for each run. Where two things are compared their runs take turns.
type barsCommand struct {
	Only string `help:"Measure only the bars whose name contains this."`
	Runs int    `default:"5" help:"Runs per bar; the median counts."`
}

// bar is one line of the table.
type bar struct {
	name   string
	figure string  // of the measurement's figures
	unit   string  // how it is written
	most   float64 // the bar; negative: at least that much, without the sign
}

// measurement is one set-up, and the bars that it has to meet.
type measurement struct {
	name string
	bars []bar
	once func(ctx context.Context, m *measurer) (map[string]float64, error)
}

// The bars. What would make them lie: a machine that does something else, a
// generator that is late (its runs say so), a server that is not fresh.
var measurements = []measurement{
	{"memory", []bar{
		{"memory per idle stream, slope of RSS from 5,000 to 15,000", "slope_bytes", "B", 256},
		{"memory per idle stream, RSS over the empty server's, 15,000", "total_bytes", "B", 640},
	}, func(ctx context.Context, m *measurer) (map[string]float64, error) {
		return m.run(ctx, "serve", benchScenario{Streams: 15_000, Ramp: 5000, Settle: 5 * time.Second, Duration: time.Millisecond})
	}},
	{"open", []bar{
		{"CPU to open a stream, 15,000 as fast as possible", "open_cpu_us", "µs", 28},
	}, func(ctx context.Context, m *measurer) (map[string]float64, error) {
		return m.run(ctx, "serve", benchScenario{Streams: 15_000, Settle: time.Second, Duration: time.Millisecond})
	}},
	{"floor", []bar{
		{"CPU per delivery, 10,000 streams x 5/s x 100 B, against a bare write(2) loop", "ratio", "x", 1.10},
		{"… ours", "cpu_us", "µs", 0},
		{"… the loop's", "floor_us", "µs", 0},
	}, func(ctx context.Context, m *measurer) (map[string]float64, error) {
		return m.against(ctx, benchScenario{Streams: 10_000, Rate: 5, Duration: 6 * time.Second})
	}},
	{"million", []bar{
		{"10,000 streams x 100/s: p99", "p99_ms", "ms", 120},
		{"10,000 streams x 100/s: CPU per delivery", "cpu_us", "µs", 1.1},
		{"10,000 streams x 100/s: lost, twice or out of order", "missing", "", 0.5},
	}, func(ctx context.Context, m *measurer) (map[string]float64, error) {
		return m.run(ctx, "serve", benchScenario{Streams: 10_000, Rate: 100, Duration: 8 * time.Second})
	}},
	{"sustained", []bar{
		{"10,000 streams x 500/s: deliveries per second", "rate", "/s", -4.5e6},
		{"10,000 streams x 500/s: p99", "p99_ms", "ms", 300},
		{"10,000 streams x 500/s: lost, twice or out of order", "missing", "", 0.5},
	}, func(ctx context.Context, m *measurer) (map[string]float64, error) {
		return m.run(ctx, "serve", benchScenario{Streams: 10_000, Rate: 500, Duration: 8 * time.Second})
	}},
	{"stalled-500", []bar{
		{"5 of 500 never read, 50/s x 20 KB: the others' p99, against a run without them", "ratio", "x", 1.25},
		{"… lost, twice or out of order", "missing", "", 0.5},
	}, func(ctx context.Context, m *measurer) (map[string]float64, error) {
		c := benchScenario{Streams: 495, Rate: 50, Duration: 8 * time.Second, Publish: &load.Publishing{Size: 20_000}}
		return m.withAndWithout(ctx, c, func(c *benchScenario) { c.Stalled = 5 })
	}},
	{"stalled-10000", []bar{
		{"100 of 10,000 never read, 20/s x 100 B: the others' p99, against a run without them", "ratio", "x", 1.25},
		{"… lost, twice or out of order", "missing", "", 0.5},
	}, func(ctx context.Context, m *measurer) (map[string]float64, error) {
		c := benchScenario{Streams: 9900, Rate: 20, Duration: 8 * time.Second}
		return m.withAndWithout(ctx, c, func(c *benchScenario) { c.Stalled = 100 })
	}},
	{"quiet", []bar{
		{"a topic at 1/s beside one at 500/s with 10,000 readers: its p99", "beside_p99_ms", "ms", 50},
		{"… lost, twice or out of order on it", "beside_missing", "", 0.5},
	}, func(ctx context.Context, m *measurer) (map[string]float64, error) {
		return m.run(ctx, "serve", benchScenario{Streams: 10_000, Rate: 500, Duration: 10 * time.Second, Beside: &scenario.Beside{Streams: 100, Rate: 1}})
	}},
	{"storm", []bar{
		{"15,000 reset, 100 events missed, back at once: the last caught up", "last_s", "s", 1.5},
		{"… lost, twice or out of order", "missing", "", 0.5},
	}, func(ctx context.Context, m *measurer) (map[string]float64, error) { return m.storm(ctx) }},
	{"churn", []bar{
		{"2,000 per second come and leave, 10,000 x 5/s: the others' p99, against a run without them", "ratio", "x", 1.5},
		{"… lost, twice or out of order", "missing", "", 0.5},
	}, func(ctx context.Context, m *measurer) (map[string]float64, error) {
		c := benchScenario{Streams: 10_000, Rate: 5, Duration: 8 * time.Second}
		return m.withAndWithout(ctx, c, func(c *benchScenario) { c.Churn = 2000 })
	}},
}

// Run measures and prints the table, in Markdown.
func (b *barsCommand) Run(ctx context.Context, con *console) error {
	debug.SetGCPercent(400)
	m := &measurer{err: con.err}
	on := scenario.Machine()
	fmt.Fprintf(con.out, "Linux %s, %d processors, %s, %d runs each\n\n", on.Kernel, on.Processors, on.Go, b.Runs)
	w := tabwriter.NewWriter(con.out, 0, 0, 1, ' ', tabwriter.Debug)
	fmt.Fprintf(w, "| what\t median\t min\t max\t bar\t \n|---\t---\t---\t---\t---\t---\n")
	for _, ms := range measurements {
		if !strings.Contains(ms.name, b.Only) {
			continue
		}
		var runs []map[string]float64
		for range b.Runs {
			f, err := ms.once(ctx, m)
			if err != nil {
				return fmt.Errorf("measure %s: %w", ms.name, err)
			}
			runs = append(runs, f)
			fmt.Fprintf(con.err, "%s: %v\n", ms.name, f)
		}
		for _, bar := range ms.bars {
			bar.print(w, runs)
		}
	}
	return w.Flush()
}

// print prints the bar's line.
func (b *bar) print(w io.Writer, runs []map[string]float64) {
	var values []float64
	for _, r := range runs {
		values = append(values, r[b.figure])
	}
	slices.Sort(values)
	median := values[len(values)/2]
	limit, verdict := "", ""
	switch {
	case b.most > 0:
		limit, verdict = "≤ "+number(b.most, b.unit), verdictOf(median <= b.most)
	case b.most < 0:
		limit, verdict = "≥ "+number(-b.most, b.unit), verdictOf(median >= -b.most)
	}
	if b.most == 0.5 { // a count
		limit = "0"
	}
	fmt.Fprintf(w, "| %s\t %s\t %s\t %s\t %s\t %s\n", b.name,
		number(median, b.unit), number(values[0], b.unit), number(values[len(values)-1], b.unit), limit, verdict)
}

func verdictOf(held bool) string {
	if held {
		return "held"
	}
	return "MISSED"
}

func number(v float64, unit string) string {
	switch {
	case unit == "":
		return fmt.Sprintf("%.0f", v)
	case v >= 1e5:
		return fmt.Sprintf("%.2f M%s", v/1e6, unit)
	case v >= 100:
		return fmt.Sprintf("%.0f %s", v, unit)
	}
	return fmt.Sprintf("%.2f %s", v, unit)
}

// measurer starts servers and runs scenarios on them.
type measurer struct {
	err io.Writer
}

// benchScenario is one of the bars' set-ups.
type benchScenario = scenario.Scenario

// run runs a scenario on a fresh server of that kind.
func (m *measurer) run(ctx context.Context, kind string, sc benchScenario) (map[string]float64, error) {
	s, err := launch.Self(ctx, []string{kind, "-addr", "127.0.0.1:0"}, m.err)
	if err != nil {
		return nil, err
	}
	defer s.Stop()
	m.aim(&sc, s, sc.Publish)
	r, err := scenario.Run(ctx, &sc)
	if err != nil {
		return nil, err
	}
	if r.Suspect {
		fmt.Fprintf(m.err, "SUSPECT %s\n", strings.Join(r.SuspectOf, "; "))
	}
	return figuresOf(r), nil
}

// aim points a scenario at a server. What the scenario leaves out gets the bars'
// defaults.
func (m *measurer) aim(sc *benchScenario, s *launch.Server, p *load.Publishing) {
	sc.Request, sc.PID = load.Request{URL: s.URL() + "/events?topic=bars"}, s.PID()
	if sc.Settle == 0 {
		sc.Settle = 2 * time.Second
	}
	if sc.Rate == 0 {
		return
	}
	if p == nil {
		p = &load.Publishing{Size: 100}
	}
	publish := *p
	publish.URL = s.URL() + "/publish?topic=bars"
	sc.Publish = &publish
	if sc.Ramp == 0 {
		sc.Ramp = 5000
	}
	if sc.Beside != nil {
		beside := *sc.Beside
		beside.Request.URL = s.URL() + "/events?topic=quiet"
		beside.Publish = load.Publishing{URL: s.URL() + "/publish?topic=quiet", Size: 100}
		sc.Beside = &beside
	}
}

// figuresOf are the results by the names that bars have.
func figuresOf(r *result.Result) map[string]float64 {
	f := map[string]float64{"rate": r.PerSecond, "missing": wrong(r.Lost, r.Duplicated, r.OutOfOrder)}
	if v := r.Server; v != nil {
		for name, p := range map[string]*float64{
			"open_cpu_us": v.CPUToOpenUS, "slope_bytes": v.BytesPerStream, "total_bytes": v.BytesPerStreamAll, "cpu_us": v.CPUPerDeliveryUS,
		} {
			if p != nil {
				f[name] = *p
			}
		}
	}
	if r.LatencyMS != nil {
		f["p50_ms"], f["p99_ms"] = r.LatencyMS.P50, r.LatencyMS.P99
	}
	for i := range r.Lanes {
		if l := &r.Lanes[i]; l.Name != "" {
			f[l.Name+"_p99_ms"] = l.LatencyMS.P99
			f[l.Name+"_missing"] = wrong(&l.Lost, l.Duplicated, l.OutOfOrder)
		}
	}
	return f
}

// wrong is how many events did not arrive as they should have.
func wrong(lost *uint64, duplicated, outOfOrder uint64) float64 {
	n := duplicated + outOfOrder
	if lost != nil {
		n += *lost
	}
	return float64(n)
}

// against runs a scenario on the hub and on the floor in turn.
func (m *measurer) against(ctx context.Context, sc benchScenario) (map[string]float64, error) {
	ours, err := m.run(ctx, "serve", sc)
	if err != nil {
		return nil, err
	}
	floor, err := m.run(ctx, "floor", sc)
	if err != nil {
		return nil, err
	}
	ours["floor_us"] = floor["cpu_us"]
	ours["ratio"] = ours["cpu_us"] / floor["cpu_us"]
	return ours, nil
}

// withAndWithout runs a scenario without and with a change to it in turn.
func (m *measurer) withAndWithout(ctx context.Context, sc benchScenario, change func(*benchScenario)) (map[string]float64, error) {
	without, err := m.run(ctx, "serve", sc)
	if err != nil {
		return nil, err
	}
	change(&sc)
	with, err := m.run(ctx, "serve", sc)
	if err != nil {
		return nil, err
	}
	with["without_p99_ms"] = without["p99_ms"]
	with["ratio"] = with["p99_ms"] / without["p99_ms"]
	return with, nil
}

func (m *measurer) storm(ctx context.Context) (map[string]float64, error) {
	s, err := launch.Self(ctx, []string{"serve", "-addr", "127.0.0.1:0"}, m.err)
	if err != nil {
		return nil, err
	}
	defer s.Stop()
	c := scenario.Storm{Scenario: benchScenario{Streams: 15_000, Rate: 1, Settle: time.Millisecond}, Missed: 100}
	m.aim(&c.Scenario, s, nil)
	r, err := c.Run(ctx)
	if err != nil {
		return nil, err
	}
	return map[string]float64{"last_s": r.Storm.Last, "missing": wrong(r.Lost, r.Duplicated, r.OutOfOrder)}, nil
}
