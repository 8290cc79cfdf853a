package scenario

import (
	"context"
	"runtime"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/result"
	"github.com/shirou/gopsutil/v4/host"
)

// sum makes the result of what has happened so far.
func (s *session) sum(ctx context.Context) *result.Result {
	s.watcher.stop()
	r := &result.Result{
		Schema: result.Schema, Command: s.Command, Name: s.Name, Scenario: s.Flags,
		Begun: s.begun, Seconds: (load.Now() - s.start).Seconds(), Partial: ctx.Err() != nil,
		Machine: Machine(), Samples: s.watcher.samples, Steps: s.watcher.steps, OpenSeconds: s.opening.Seconds(),
	}
	s.sumStreams(r)
	s.sumEvents(r)
	s.sumTraffic(r)
	s.sumServer(r)
	s.sumTool(r)
	r = s.sumAll(ctx, r)
	r.SuspectOf = suspicions(r, s.idleShare(), max(s.idle.after.At-s.idle.before.At, time.Millisecond).Seconds())
	r.Suspect = len(r.SuspectOf) > 0
	return r
}

// Machine describes this machine, from which the load comes.
func Machine() result.Machine {
	kernel, _ := host.KernelVersion() // empty where it cannot be known
	return result.Machine{OS: runtime.GOOS, Kernel: kernel, Processors: runtime.NumCPU(), Go: runtime.Version()}
}

func (s *session) sumStreams(r *result.Result) {
	for _, l := range s.lanes {
		total := l.swarm.Total()
		r.Refused += total.Refused
		r.Failed += total.Failed
		r.Ended += total.Ended
		r.Reconnected += total.Reconnected
		r.Other += total.Other
		if err := l.swarm.Err(); err != nil && r.FirstError == "" {
			r.FirstError = err.Error()
		}
	}
	main := s.lanes[0]
	total := main.swarm.Total()
	r.Asked, r.Opened, r.Answered, r.OpenMS = main.asked, main.opened, total.Opened, result.Of(total.Opening)
	if s.opening > 0 && r.Answered > 0 {
		r.OpenPerSecond = new(float64(r.Answered) / s.opening.Seconds())
	}
}

// sumEvents fills in the first lane's events and, if there are several lanes, the list
// of them.
func (s *session) sumEvents(r *result.Result) {
	var delivered uint64
	last := time.Duration(0)
	for i, l := range s.lanes {
		one := s.sumLane(i, l)
		delivered += one.Delivered
		_, at := l.swarm.Delivered()
		last = max(last, at)
		if len(s.lanes) > 1 {
			r.Lanes = append(r.Lanes, one)
		}
		if i == 0 {
			s.sumFirst(r, &one)
		}
	}
	if s.lanes[0].publisher == nil {
		delivered -= s.traffic.before.Delivered
	}
	if last = max(last, s.over); last > s.first {
		r.PerSecond = float64(delivered) / (last - s.first).Seconds()
	}
}

func (s *session) sumFirst(r *result.Result, one *result.Lane) {
	r.Published, r.Delivered, r.SpreadMS = one.Published, one.Delivered, one.SpreadMS
	if one.LatencyMS.Count > 0 {
		r.LatencyMS = &one.LatencyMS
	}
	r.WaitingMS = result.Of(s.lanes[0].swarm.Total().Waiting)
	h, _ := one.LatencyMS.Histogram() // none if nothing came
	r.Spectrum = result.SpectrumOf(h)
	p := s.lanes[0].publisher
	if p == nil {
		if s.Foreign != nil && r.Delivered > 0 {
			r.AheadMS = new(ms(s.lanes[0].swarm.Total().Ahead))
		}
		return
	}
	r.Expected, r.Lost, r.Missing = &one.Expected, &one.Lost, &one.Missing
	r.Duplicated, r.OutOfOrder = &one.Duplicated, one.OutOfOrder
	if r.LatenessMS = result.Of(p.Late()); r.LatenessMS != nil {
		r.PublisherLateMS = r.LatenessMS.Max
	}
	l := s.lanes[0].swarm.Ledger(0, one.Published)
	r.Late = &result.Late{Streams: l.Late, Delivered: l.LateDelivered, Lost: l.LateLost}
}

// sumTraffic fills in what the first lane's streams read.
func (s *session) sumTraffic(r *result.Result) {
	if len(s.Request.Data.Topics) > 1 {
		r.Stray = new(s.lanes[0].swarm.Total().Stray)
	}
	before, after := s.traffic.before, s.traffic.after
	if after.Delivered == before.Delivered || after.Wire == 0 {
		return
	}
	n := float64(after.Delivered - before.Delivered) // a storm's first events came earlier
	r.WireBytes, r.WirePerDelivery = new(after.Wire-before.Wire), new(float64(after.Wire-before.Wire)/n)
	if after.Plain > before.Plain { // the server may not compress what may be
		r.PlainBytes, r.InflateUS = new(after.Plain-before.Plain), new(us(after.Decoding-before.Decoding)/n)
	}
}

func (s *session) sumLane(i int, l *lane) result.Lane {
	one := result.Lane{Name: l.name, Streams: l.readers}
	disorder := uint64(0)
	if total := l.swarm.Total(); i < len(total.Lanes) {
		t := &total.Lanes[i]
		one.Delivered, one.Duplicated, disorder = t.Delivered, t.Duplicated, t.OutOfOrder
		if p := result.Of(t.Latency); p != nil {
			one.LatencyMS = *p
		}
	}
	if !s.unordered() {
		one.OutOfOrder = &disorder
	}
	if l.publisher == nil {
		return one
	}
	one.Published = l.publisher.Sent()
	got := l.swarm.Ledger(i, one.Published)
	one.Expected, one.Delivered, one.Lost, one.Missing = got.Expected, got.Delivered, got.Lost, got.Missing
	one.SpreadMS = spreadOf(l.swarm.Spread(i))
	return one
}

// spreadOf is nil when there was no event.
func spreadOf(s load.Spread) *result.Spread {
	first := result.Of(s.First)
	if first == nil {
		return nil
	}
	or := func(h *hdrhistogram.Histogram) result.Percentiles {
		if p := result.Of(h); p != nil {
			return *p
		}
		return result.Percentiles{} // no event reached so many readers: its count is 0
	}
	return &result.Spread{First: *first, Median: or(s.Median), P99: or(s.P99), Last: or(s.Last)}
}

// sumServer works out what the server's process has used, if it was measured.
func (s *session) sumServer(r *result.Result) {
	if s.process.Load() == nil {
		return
	}
	u := &s.usage
	gone := u.after.Processes == 0
	if gone { // or nothing was published: what was seen last
		u.after = s.watcher.usage
	}
	if u.after.Processes == 0 {
		return
	}
	if u.before.Processes == 0 {
		u.before = u.after
	}
	v := &result.Server{
		PID: s.PIDs[0], Processes: u.after.Processes, RSSBytes: u.after.Memory, PSS: u.after.PSS,
		Threads: u.after.Threads, Descriptors: u.after.Descriptors,
		CPUSeconds: max(u.after.CPU-u.before.CPU, 0).Seconds(),
	}
	r.Server = v
	s.sumMemory(v)
	if s.held {
		v.CPUToOpenUS = new(us(s.toOpen) / float64(s.Streams))
	}
	if n := s.delivered() - s.traffic.before.Delivered; n > 0 && u.after.CPU > 0 && !gone {
		v.CPUPerDeliveryUS = new(us(u.after.CPU-u.before.CPU) / float64(n))
	}
}

// sumTool says how the generator did while events were published.
func (s *session) sumTool(r *result.Result) {
	limits := load.FindLimits()
	r.Tool = result.Tool{
		CPUSeconds:  max(s.own.after.CPU-s.own.before.CPU, 0).Seconds(),
		GCPauseMS:   ms(s.own.after.GCPause),
		Descriptors: s.watcher.fds, Limit: limits.Descriptors, Ports: limits.Ports,
	}
	if lag := result.Of(s.self.Lag()); lag != nil {
		r.Tool.TimerLagMS = *lag
	}
	if share, known := s.readers.after.BusyShare(s.readers.before); known {
		r.Tool.ReaderBusy = &share
		r.Tool.BusiestSecond = new(max(share, s.watcher.busiest))
	}
	for _, l := range s.lanes {
		r.Tool.PerAddress = max(r.Tool.PerAddress, l.swarm.PerAddress())
	}
}

// idleShare is the share of the machine's time that was idle; 1 if that is not known.
func (s *session) idleShare() float64 {
	if share, ok := s.idle.after.IdleShare(s.idle.before); ok {
		return share
	}
	return 1
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func us(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
