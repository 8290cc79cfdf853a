package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

// barsCommand measures bench serve, started afresh for each run, against the
// project's bars. Where two things are compared their runs take turns.
type barsCommand struct {
	Only string `help:"Only the bars whose name holds this."`
	Runs int    `default:"5" help:"Runs of each; medians count."`
}

// bar is one line of the table.
type bar struct {
	name   string
	figure string  // of the measurement's figures
	unit   string  // how it is written
	most   float64 // the bar; negative: at least that much, without the sign
}

// measurement is one set-up, and the bars that it is held against.
type measurement struct {
	name string
	bars []bar
	once func(ctx context.Context, m *measurer) (map[string]float64, error)
}

// The bars. What would make them lie: a machine that does something else, a
// generator that is late (its runs say so), a server that is not fresh.
var measurements = []measurement{
	{"memory", []bar{
		{"memory an idle stream, slope of RSS from 5,000 to 15,000", "slope_bytes", "B", 256},
		{"memory an idle stream, RSS over the empty server's, 15,000", "total_bytes", "B", 640},
	}, func(ctx context.Context, m *measurer) (map[string]float64, error) {
		return m.run(ctx, "serve", runCommand{C: 15_000, Ramp: 5000, Settle: 5 * time.Second, Duration: time.Millisecond})
	}},
	{"open", []bar{
		{"CPU to open a stream, 15,000 as fast as it goes", "open_cpu_us", "µs", 28},
	}, func(ctx context.Context, m *measurer) (map[string]float64, error) {
		return m.run(ctx, "serve", runCommand{C: 15_000, Settle: time.Second, Duration: time.Millisecond})
	}},
	{"floor", []bar{
		{"CPU a delivery, 10,000 streams x 5/s x 100 B, against a bare write(2) loop", "ratio", "x", 1.10},
		{"… ours", "cpu_us", "µs", 0},
		{"… the loop's", "floor_us", "µs", 0},
	}, func(ctx context.Context, m *measurer) (map[string]float64, error) {
		return m.against(ctx, runCommand{C: 10_000, Rate: 5, Duration: 6 * time.Second})
	}},
	{"million", []bar{
		{"10,000 streams x 100/s: p99", "p99_ms", "ms", 120},
		{"10,000 streams x 100/s: CPU a delivery", "cpu_us", "µs", 1.1},
		{"10,000 streams x 100/s: lost, twice or out of order", "missing", "", 0.5},
	}, func(ctx context.Context, m *measurer) (map[string]float64, error) {
		return m.run(ctx, "serve", runCommand{C: 10_000, Rate: 100, Duration: 8 * time.Second})
	}},
	{"sustained", []bar{
		{"10,000 streams x 500/s: deliveries a second", "rate", "/s", -4.5e6},
		{"10,000 streams x 500/s: p99", "p99_ms", "ms", 300},
		{"10,000 streams x 500/s: lost, twice or out of order", "missing", "", 0.5},
	}, func(ctx context.Context, m *measurer) (map[string]float64, error) {
		return m.run(ctx, "serve", runCommand{C: 10_000, Rate: 500, Duration: 8 * time.Second})
	}},
	{"stalled-500", []bar{
		{"5 of 500 that never read, 50/s x 20 KB: the others' p99 against without", "ratio", "x", 1.25},
		{"… lost, twice or out of order", "missing", "", 0.5},
	}, func(ctx context.Context, m *measurer) (map[string]float64, error) {
		c := runCommand{C: 495, Rate: 50, Size: 20_000, Duration: 8 * time.Second}
		return m.withAndWithout(ctx, c, func(c *runCommand) { c.Stalled = 5 })
	}},
	{"stalled-10000", []bar{
		{"100 of 10,000 that never read, 20/s x 100 B: the others' p99 against without", "ratio", "x", 1.25},
		{"… lost, twice or out of order", "missing", "", 0.5},
	}, func(ctx context.Context, m *measurer) (map[string]float64, error) {
		c := runCommand{C: 9900, Rate: 20, Duration: 8 * time.Second}
		return m.withAndWithout(ctx, c, func(c *runCommand) { c.Stalled = 100 })
	}},
	{"quiet", []bar{
		{"a topic at 1/s beside one at 500/s with 10,000 readers: its p99", "beside_p99_ms", "ms", 50},
		{"… lost, twice or out of order on it", "beside_missing", "", 0.5},
	}, func(ctx context.Context, m *measurer) (map[string]float64, error) {
		return m.run(ctx, "serve", runCommand{C: 10_000, Rate: 500, Duration: 10 * time.Second, BesideC: 100, BesideRate: 1, BesideURL: "beside"})
	}},
	{"storm", []bar{
		{"15,000 reset, 100 events missed, back at once: the last caught up", "last_s", "s", 1.5},
		{"… lost, twice or out of order", "missing", "", 0.5},
	}, func(ctx context.Context, m *measurer) (map[string]float64, error) { return m.storm(ctx) }},
	{"churn", []bar{
		{"2,000 a second that come and leave, 10,000 x 5/s: the stayers' p99 against without", "ratio", "x", 1.5},
		{"… lost, twice or out of order", "missing", "", 0.5},
	}, func(ctx context.Context, m *measurer) (map[string]float64, error) {
		c := runCommand{C: 10_000, Rate: 5, Duration: 8 * time.Second}
		return m.withAndWithout(ctx, c, func(c *runCommand) { c.Churn = 2000 })
	}},
}

// Run measures and prints the table, in Markdown.
func (b *barsCommand) Run(ctx context.Context, con *console) error {
	debug.SetGCPercent(400)
	m := &measurer{err: con.err}
	fmt.Fprintf(con.out, "%s, %d processors, %s, %d runs each\n\n", kernel(), runtime.NumCPU(), runtime.Version(), b.Runs)
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

func kernel() string {
	var u syscall.Utsname
	if syscall.Uname(&u) != nil {
		return "Linux"
	}
	var release []byte
	for _, c := range u.Release {
		if c == 0 {
			break
		}
		release = append(release, byte(c))
	}
	return "Linux " + string(release)
}

// measurer starts servers and runs scenarios on them.
type measurer struct {
	err io.Writer
}

// run runs a scenario on a fresh server of that kind.
func (m *measurer) run(ctx context.Context, kind string, c runCommand) (map[string]float64, error) {
	s, err := startServer(ctx, kind, m.err)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	c.URL, c.PID, c.Readers = s.url+"/events?topic=bars", s.pid(), 1
	if c.Rate > 0 {
		c.PublishURL = s.url + "/publish?topic=bars"
	}
	if c.Ramp == 0 && c.Rate > 0 {
		c.Ramp = 5000
	}
	if c.BesideURL != "" {
		c.BesideURL, c.BesidePublishURL = s.url+"/events?topic=quiet", s.url+"/publish?topic=quiet"
	}
	if c.Size == 0 {
		c.Size = 100
	}
	if c.Settle == 0 {
		c.Settle = 2 * time.Second
	}
	one := &session{runCommand: &c}
	defer one.close()
	if err := one.open(ctx); err != nil {
		return nil, err
	}
	if err := one.publish(ctx); err != nil {
		return nil, err
	}
	f := one.figures()
	f["missing"] = f["lost"] + f["wrong"]
	f["beside_missing"] = f["beside_lost"] + f["beside_wrong"]
	return f, nil
}

// against runs a scenario on the hub and on the floor in turn.
func (m *measurer) against(ctx context.Context, c runCommand) (map[string]float64, error) {
	ours, err := m.run(ctx, "serve", c)
	if err != nil {
		return nil, err
	}
	floor, err := m.run(ctx, "floor", c)
	if err != nil {
		return nil, err
	}
	ours["floor_us"] = floor["cpu_us"]
	ours["ratio"] = ours["cpu_us"] / floor["cpu_us"]
	return ours, nil
}

// withAndWithout runs a scenario without and with a change to it in turn.
func (m *measurer) withAndWithout(ctx context.Context, c runCommand, change func(*runCommand)) (map[string]float64, error) {
	without, err := m.run(ctx, "serve", c)
	if err != nil {
		return nil, err
	}
	change(&c)
	with, err := m.run(ctx, "serve", c)
	if err != nil {
		return nil, err
	}
	with["without_p99_ms"] = without["p99_ms"]
	with["ratio"] = with["p99_ms"] / without["p99_ms"]
	return with, nil
}

func (m *measurer) storm(ctx context.Context) (map[string]float64, error) {
	s, err := startServer(ctx, "serve", m.err)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	c := stormCommand{URL: s.url + "/events?topic=bars", PublishURL: s.url + "/publish?topic=bars",
		C: 15_000, Missed: 100, Size: 100, Readers: 1, PID: s.pid()}
	r, err := c.run(ctx)
	if err != nil {
		return nil, err
	}
	return map[string]float64{
		"last_s":  r.at(1),
		"missing": float64(r.lost) + float64(r.count.Duplicated+r.count.OutOfOrder),
	}, nil
}

// child is a server that runs this program in a process of its own.
type child struct {
	cmd *exec.Cmd
	url string
}

// startServer starts bench serve or bench floor on a free port.
func startServer(ctx context.Context, kind string, stderr io.Writer) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, kind, "-addr", "127.0.0.1:0")
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start bench %s: %w", kind, err)
	}
	c := &child{cmd: cmd}
	line, err := bufio.NewReader(out).ReadString('\n')
	at, ok := strings.CutPrefix(strings.TrimSpace(line), "serving ")
	if err != nil || !ok {
		c.stop()
		return nil, fmt.Errorf("start bench %s: it said %q and not where it serves", kind, line)
	}
	c.url, _, _ = strings.Cut(at, "/events")
	return c, nil
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// stop ends the server, and returns when it has.
func (c *child) stop() {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(10*time.Second, func() { _ = c.cmd.Process.Kill() })
	defer kill.Stop()
	_ = c.cmd.Wait() // killed or not, it is gone
}
