package main

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/fastsse/fastsse/bench/load"
)

// runCommand measures how late and how completely events arrive.
type runCommand struct {
	URL        string        `required:"" name:"url" help:"Stream to open, such as http://127.0.0.1:8080/events?topic=bench."`
	PublishURL string        `name:"publish-url" help:"Where an event is posted as the raw body. Without it nothing is published: streams are held."`
	C          int           `name:"c" default:"100" help:"Streams."`
	Rate       float64       `default:"1" help:"Events a second."`
	Duration   time.Duration `default:"10s" help:"How long to publish, or to hold the streams."`
	Size       int           `default:"100" help:"Bytes of an event's data."`
	PID        int           `name:"pid" help:"The server's process: its CPU and memory are measured."`

	Ramp    float64       `default:"5000" help:"Streams to open a second; 0 as fast as it goes."`
	Settle  time.Duration `default:"2s" help:"How long to wait between opening and publishing."`
	Readers int           `default:"1" help:"Goroutines that read."`

	Stalled int     `help:"Further streams that never read."`
	Churn   float64 `help:"Further streams to open and leave again, a second."`

	BesideURL        string  `name:"beside-url" help:"Streams of a second topic…"`
	BesidePublishURL string  `name:"beside-publish-url" help:"…where its events are posted…"`
	BesideC          int     `name:"beside-c" default:"100" help:"…how many streams…"`
	BesideRate       float64 `name:"beside-rate" default:"1" help:"…and events a second."`
}

// Run runs the scenario and prints what came of it.
func (r *runCommand) Run(ctx context.Context, con *console) error {
	debug.SetGCPercent(400) // the generator must not be the bottleneck
	s := &session{runCommand: r}
	defer s.close()
	if err := s.open(ctx); err != nil {
		return err
	}
	if err := s.publish(ctx); err != nil {
		return err
	}
	s.print(con.out)
	return nil
}

// session is one run of the scenario.
type session struct {
	*runCommand
	proc   *load.Process
	main   *load.Swarm
	beside *load.Swarm
	churn  *load.Churn

	usage struct {
		empty, third, opened, before, after load.Usage
	}
	opening  time.Duration
	begin    time.Duration
	finished time.Duration
	lanes    []laneResult
	late     time.Duration
}

// laneResult is what became of one publisher's events.
type laneResult struct {
	name      string
	streams   int
	published uint64
	count     load.Count
	latency   *hdrhistogram.Histogram
}

func (l *laneResult) expected() uint64 { return l.published * uint64(l.streams) }
func (l *laneResult) lost() int64      { return int64(l.expected()) - int64(l.count.Delivered) }

func (s *session) look(u *load.Usage) error {
	if s.proc == nil {
		return nil
	}
	var err error
	*u, err = s.proc.Usage()
	return err
}

// open opens all streams, and notes what they cost the server.
func (s *session) open(ctx context.Context) error {
	var err error
	if s.PID != 0 {
		if s.proc, err = load.NewProcess(s.PID); err != nil {
			return err
		}
	}
	if s.main, err = load.NewSwarm(s.URL, s.Readers); err != nil {
		return err
	}
	if err := s.look(&s.usage.empty); err != nil {
		return err
	}
	begin := load.Now()
	third := s.C / 3
	if err := s.openSome(ctx, s.main, third, s.Ramp, false); err != nil {
		return err
	}
	s.opening = load.Now() - begin
	if s.PublishURL == "" { // memory is measured: let it settle on the way too
		wait(ctx, s.Settle)
	}
	if err := s.look(&s.usage.third); err != nil {
		return err
	}
	begin = load.Now()
	if err := s.openSome(ctx, s.main, s.C-third, s.Ramp, false); err != nil {
		return err
	}
	s.opening += load.Now() - begin
	if err := s.look(&s.usage.opened); err != nil {
		return err
	}
	if s.Stalled > 0 {
		if err := s.openSome(ctx, s.main, s.Stalled, s.Ramp, true); err != nil {
			return err
		}
	}
	if s.BesideURL != "" {
		if s.beside, err = load.NewSwarm(s.BesideURL, 1); err != nil {
			return err
		}
		if err := s.openSome(ctx, s.beside, s.BesideC, s.Ramp, false); err != nil {
			return err
		}
	}
	wait(ctx, s.Settle)
	return nil
}

// openSome opens n streams and waits until the server has answered them.
func (s *session) openSome(ctx context.Context, w *load.Swarm, n int, rate float64, mute bool) error {
	want := w.Opened() + n
	if err := w.Open(n, rate, mute); err != nil {
		return err
	}
	for deadline := load.Now() + 30*time.Second; w.Opened() < want; wait(ctx, time.Millisecond) {
		if failed, err := w.Failed(); failed > 0 {
			return fmt.Errorf("open streams: %d of %d failed: %w", failed, n, err)
		}
		if load.Now() > deadline {
			return fmt.Errorf("open streams: %d of %d were answered within 30s", n-(want-w.Opened()), n)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// publish publishes in all lanes, and waits for what is on its way.
func (s *session) publish(ctx context.Context) error {
	if err := s.look(&s.usage.before); err != nil {
		return err
	}
	if s.PublishURL == "" {
		wait(ctx, s.Duration)
		return s.look(&s.usage.after)
	}
	if s.Churn > 0 {
		s.churn = load.NewChurn(s.main, s.Churn)
	}
	s.begin = load.Now()
	results := make(chan error, 2)
	lanes := []struct {
		name, url string
		swarm     *load.Swarm
		streams   int
		rate      float64
	}{{"", s.PublishURL, s.main, s.C, s.Rate}}
	if s.BesideURL != "" {
		lanes = append(lanes, lanes[0])
		lanes[1].name, lanes[1].url, lanes[1].swarm = "beside", s.BesidePublishURL, s.beside
		lanes[1].streams, lanes[1].rate = s.BesideC, s.BesideRate
	}
	for i, l := range lanes {
		p, err := load.NewPublisher(l.url, i, s.Size)
		if err != nil {
			return err
		}
		defer p.Close()
		n := uint64(l.rate * s.Duration.Seconds())
		s.lanes = append(s.lanes, laneResult{name: l.name, streams: l.streams, published: n})
		go func() { results <- p.Run(n, l.rate, s.begin); s.late = max(s.late, p.Late()) }()
	}
	for range lanes {
		if err := <-results; err != nil {
			return err
		}
	}
	s.settleDeliveries(ctx)
	if err := s.look(&s.usage.after); err != nil {
		return err
	}
	if s.churn != nil {
		s.churn.Stop()
	}
	for i, l := range lanes {
		s.lanes[i].count, s.lanes[i].latency = l.swarm.Count(i), l.swarm.Histogram(i)
	}
	return nil
}

// settleDeliveries waits until everything has come, or nothing more does.
func (s *session) settleDeliveries(ctx context.Context) {
	const patience = 5 * time.Second
	want := uint64(0)
	for i := range s.lanes {
		want += s.lanes[i].expected()
	}
	last, since := uint64(0), load.Now()
	for ctx.Err() == nil {
		got := s.main.Delivered()
		if s.beside != nil {
			got += s.beside.Delivered()
		}
		if got != last {
			last, since = got, load.Now()
		}
		if got >= want || load.Now()-since > patience {
			s.finished = max(s.main.LastEvent(), s.begin)
			return
		}
		wait(ctx, 5*time.Millisecond)
	}
}

func (s *session) close() {
	for _, w := range []*load.Swarm{s.main, s.beside} {
		if w != nil {
			w.Close()
		}
	}
}

// figures are the results by name, for whoever computes with them.
func (s *session) figures() map[string]float64 {
	f := map[string]float64{}
	n := float64(s.C)
	if s.proc != nil {
		u := &s.usage
		f["open_cpu_us"] = float64((u.opened.CPU - u.empty.CPU).Microseconds()) / n
		f["slope_bytes"] = float64(int64(u.before.RSS)-int64(u.third.RSS)) / (n - n/3)
		f["total_bytes"] = float64(int64(u.before.RSS)-int64(u.empty.RSS)) / n
	}
	var delivered uint64
	for i := range s.lanes {
		l := &s.lanes[i]
		delivered += l.count.Delivered
		name := l.name
		if name != "" {
			name += "_"
		}
		f[name+"lost"] = float64(l.lost())
		f[name+"wrong"] = float64(l.count.Duplicated + l.count.OutOfOrder)
		f[name+"p50_ms"] = ms(l.latency, 50)
		f[name+"p99_ms"] = ms(l.latency, 99)
	}
	if delivered > 0 {
		f["rate"] = float64(delivered) / (s.finished - s.begin).Seconds()
		if s.proc != nil {
			f["cpu_us"] = float64((s.usage.after.CPU - s.usage.before.CPU).Microseconds()) / float64(delivered)
		}
	}
	return f
}

// print prints the table.
func (s *session) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	defer w.Flush()
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	row("opened", "%d streams, %.1f s", s.C, s.opening.Seconds())
	if s.proc != nil {
		u := &s.usage
		n := float64(s.C)
		row("CPU to open", "%.1f µs a stream", float64((u.third.CPU-u.empty.CPU+u.opened.CPU-u.third.CPU).Microseconds())/n)
		row("memory", "%.0f B a stream by slope (%d to %d); %.0f B over all (%d KiB above %d KiB)",
			float64(int64(u.before.RSS)-int64(u.third.RSS))/(n-n/3), s.C/3, s.C,
			float64(int64(u.before.RSS)-int64(u.empty.RSS))/n, (int64(u.before.RSS)-int64(u.empty.RSS))/1024, u.empty.RSS/1024)
		row("threads, descriptors", "%d, %d", u.after.Threads, u.after.Descriptors)
	}
	var delivered uint64
	for i := range s.lanes {
		l := &s.lanes[i]
		delivered += l.count.Delivered
		name := strings.TrimSpace(l.name + " ")
		if name != "" {
			name += ": "
		}
		row(name+"published", "%d events", l.published)
		row(name+"delivered", "%d of %d", l.count.Delivered, l.expected())
		row(name+"lost, twice, out of order", "%d, %d, %d", l.lost(), l.count.Duplicated, l.count.OutOfOrder)
		row(name+"latency ms", "p50 %.2f  p90 %.2f  p99 %.2f  p99.9 %.2f  max %.2f", ms(l.latency, 50), ms(l.latency, 90), ms(l.latency, 99), ms(l.latency, 99.9), ms(l.latency, 100))
	}
	if delivered > 0 {
		row("rate", "%.0f deliveries/s", float64(delivered)/(s.finished-s.begin).Seconds())
		row("publisher late", "%.1f ms at worst", float64(s.late.Microseconds())/1000)
		if s.proc != nil {
			cpu := s.usage.after.CPU - s.usage.before.CPU
			row("CPU a delivery", "%.3f µs (%.2f s, %.0f%% of a core)", float64(cpu.Microseconds())/float64(delivered), cpu.Seconds(), 100*cpu.Seconds()/(s.finished-s.begin).Seconds())
		}
	}
	if s.churn != nil {
		row("churn", "%d opened and left", s.churn.Done())
	}
	if failed, err := s.main.Failed(); failed > 0 {
		row("streams ended early", "%d (%v)", failed, err)
	}
}

// ms is a percentile in milliseconds.
func ms(h *hdrhistogram.Histogram, percentile float64) float64 {
	return float64(h.ValueAtPercentile(percentile)) / 1000
}

// wait sleeps, or returns early when ctx is done.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
