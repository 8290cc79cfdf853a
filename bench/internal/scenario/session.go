package scenario

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/result"
)

// Run runs the scenario. When ctx ends it stops early, and the result says so. There is
// a result whenever streams were opened, even with an error.
func Run(ctx context.Context, sc *Scenario) (*result.Result, error) {
	s, err := begin(ctx, sc)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err = s.open(ctx); err == nil {
		err = s.publish(ctx)
	}
	return s.end(ctx, errors.Join(err, s.unopened()))
}

// end returns the result of a session, or nil if it failed before any stream was open.
func (s *session) end(ctx context.Context, err error) (*result.Result, error) {
	r := s.sum(ctx)
	if err != nil && r.Opened == 0 {
		return nil, err
	}
	return r, errors.Join(err, s.watcher.logErr)
}

// session is one run of a scenario.
type session struct {
	*Scenario
	self    *load.Self
	process atomic.Pointer[load.Process] // nil: not measured
	lanes   []*lane
	churn   *load.Churn
	coming  *load.Swarm // the churn's streams
	watcher *watcher

	begun   time.Time
	start   time.Duration // on the process's clock
	opening time.Duration // how long it took
	first   time.Duration // when the first event was due
	usage   struct{ empty, third, opened, before, after load.Usage }
	own     struct{ before, after load.Condition }
	idle    struct{ before, after load.Processors }
	readers struct{ before, after load.Readers }
	held    bool  // usage.before was taken with all streams open and nothing published
	short   int   // streams that were not opened
	missed  error // why the first of these was not opened
}

// lane is a publisher, and the streams that its events are for.
type lane struct {
	name      string
	swarm     *load.Swarm
	publisher *load.Publisher // nil: nothing is published
	rate      float64
	asked     int // streams to open
	readers   int // of these, open when publishing began
	streams   int // all, including those that read badly
}

// begin does everything that can fail without the server.
func begin(ctx context.Context, sc *Scenario) (*session, error) {
	s := &session{Scenario: sc, begun: time.Now(), start: load.Now()}
	var err error
	if s.self, err = load.NewSelf(); err != nil {
		return nil, err
	}
	if err := s.prepare(ctx); err != nil {
		s.close()
		return nil, err
	}
	if s.usage.empty, err = s.look(); err != nil {
		s.close()
		return nil, err
	}
	s.watcher = newWatcher(s)
	return s, nil
}

func (s *session) prepare(ctx context.Context) (err error) {
	if s.PID != 0 {
		if err := s.measure(s.PID); err != nil {
			return err
		}
	}
	if s.Goroutines != "" {
		if _, err := goroutines(s.Goroutines); err != nil {
			return err
		}
	}
	if err := s.addLane(ctx, "", s.Request, s.Publish, s.Rate, s.Streams); err != nil {
		return err
	}
	if b := s.Beside; b != nil {
		if err := s.addLane(ctx, "beside", b.Request, &b.Publish, b.Rate, b.Streams); err != nil {
			return err
		}
	}
	if s.Churn > 0 {
		s.coming, err = load.NewSwarm(ctx, load.SwarmConfig{Request: s.Request})
	}
	return err
}

// addLane prepares a lane. Its swarm counts all lanes up to this one.
func (s *session) addLane(ctx context.Context, name string, r load.Request, p *load.Publishing, rate float64, streams int) error {
	i := len(s.lanes)
	l := &lane{name: name, rate: rate, asked: streams}
	s.lanes = append(s.lanes, l)
	var err error
	if l.swarm, err = load.NewSwarm(ctx, load.SwarmConfig{Request: r, Readers: s.Readers, Lanes: i + 1, Foreign: s.Foreign}); err != nil {
		return err
	}
	if p != nil {
		l.publisher, err = load.NewPublisher(ctx, *p, i)
	}
	return err
}

func (s *session) close() {
	if s.watcher != nil {
		s.watcher.stop()
	}
	for _, l := range s.lanes {
		if l.publisher != nil {
			l.publisher.Close()
		}
		if l.swarm != nil {
			l.swarm.Close()
		}
	}
	if s.coming != nil {
		s.coming.Close()
	}
	s.self.Close()
}

// measure makes the process with this pid the one that is measured.
func (s *session) measure(pid int) error {
	p, err := load.NewProcess(pid)
	if err != nil {
		return err
	}
	s.PID = pid
	s.process.Store(p)
	return nil
}

// look reads what the server's process has used so far.
func (s *session) look() (load.Usage, error) {
	p := s.process.Load()
	if p == nil {
		return load.Usage{}, nil
	}
	return p.Usage()
}

func (s *session) lookAtReaders() load.Readers {
	var swarms []*load.Swarm
	for _, l := range s.lanes {
		swarms = append(swarms, l.swarm)
	}
	return load.LookAtReaders(swarms...)
}

// open opens all streams, and notes what they cost the server. Memory is read when a
// third of them are open and when all are, because the growth in between is due to
// streams alone.
func (s *session) open(ctx context.Context) (err error) {
	s.watcher.enter("open")
	main := s.lanes[0]
	third := s.Streams / 3
	if err := s.openSome(ctx, main, third, s.Client); err != nil {
		return err
	}
	if s.process.Load() != nil {
		pause(ctx, s.Settle)
	}
	if s.usage.third, err = s.look(); err != nil {
		return err
	}
	if err := s.openSome(ctx, main, s.Streams-third, s.Client); err != nil {
		return err
	}
	if s.usage.opened, err = s.look(); err != nil {
		return err
	}
	if err := s.openOthers(ctx); err != nil {
		return err
	}
	s.watcher.enter("settle")
	pause(ctx, s.Settle)
	return nil
}

// openOthers opens the streams that are there to disturb the server.
func (s *session) openOthers(ctx context.Context) error {
	main := s.lanes[0]
	if err := s.openSome(ctx, main, s.Stalled, load.Client{Stops: true}); err != nil {
		return err
	}
	if err := s.openSome(ctx, main, s.Slow, load.Client{Rate: s.SlowRate}); err != nil {
		return err
	}
	for _, l := range s.lanes[1:] {
		if err := s.openSome(ctx, l, l.asked, s.Client); err != nil {
			return err
		}
	}
	return nil
}

// openSome opens n streams of a lane, and waits for their answers. It is no error yet if
// some fail, but it is if all do.
func (s *session) openSome(ctx context.Context, l *lane, n int, c load.Client) error {
	if n == 0 {
		return nil
	}
	begin := load.Now()
	l.swarm.Open(ctx, n, s.Ramp, c)
	err := l.swarm.AwaitOpen(ctx, s.answer())
	s.opening += load.Now() - begin
	open, _ := l.swarm.Now()
	if !c.Stops && c.Rate == 0 {
		l.readers = open
	}
	l.streams = open
	if err == nil || ctx.Err() != nil {
		return nil
	}
	if s.missed == nil {
		s.missed = err
	}
	if open == 0 {
		return err
	}
	return nil
}

// unopened is the error of streams that were not open when publishing began.
func (s *session) unopened() error {
	if s.short == 0 {
		return nil
	}
	if s.missed == nil {
		return fmt.Errorf("%d streams were opened, and had ended when publishing was to begin", s.short)
	}
	return fmt.Errorf("%d streams were not opened: %w", s.short, s.missed)
}

// countMissing counts the streams that should be open and are not. When ctx has ended
// it counts none.
func (s *session) countMissing(ctx context.Context) {
	missing := s.Streams + s.Stalled + s.Slow - s.lanes[0].streams
	for _, l := range s.lanes[1:] {
		missing += l.asked - l.streams
	}
	s.held = missing == 0
	if ctx.Err() == nil {
		s.short = missing
	}
}

// publish publishes in all lanes, and waits for the events that are on their way.
func (s *session) publish(ctx context.Context) (err error) {
	s.countMissing(ctx)
	if s.usage.before, err = s.look(); err != nil {
		return err
	}
	s.takeStock()
	if s.coming != nil {
		s.churn = load.NewChurn(s.coming, s.Churn, s.Reset)
	}
	err = s.publishLanes(ctx)
	if s.churn != nil {
		s.churn.Stop()
	}
	var looked error
	if s.usage.after, looked = s.look(); looked != nil && err == nil {
		err = fmt.Errorf("the server is gone: %w", looked)
	}
	s.own.after, _ = s.self.Look()
	s.idle.after = load.LookAtProcessors()
	s.readers.after = s.lookAtReaders()
	return err
}

// takeStock notes the state of the generator when publishing begins.
func (s *session) takeStock() {
	s.self.Forget()
	s.readers.before = s.lookAtReaders()
	s.own.before, _ = s.self.Look()
	s.idle.before = load.LookAtProcessors()
}

// publishLanes publishes in all lanes at once, or holds the streams.
func (s *session) publishLanes(ctx context.Context) error {
	if s.lanes[0].publisher == nil {
		s.watcher.enter("hold")
		s.first = load.Now()
		pause(ctx, s.Duration)
		return nil
	}
	s.watcher.enter("publish")
	s.first = load.Now() // from here on lateness is not the watcher's fault
	if s.Longest > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, s.Duration+s.Longest)
		defer stop()
	}
	results := make(chan error, len(s.lanes))
	for i, l := range s.lanes {
		l.swarm.Expect(i, l.readers)
		n := uint64(l.rate*s.Duration.Seconds() + 1e-6) // 4.35 s at 100 per second are 435
		go func() { results <- l.publisher.Run(ctx, n, l.rate, s.first) }()
	}
	var err error
	for range s.lanes {
		err = errors.Join(err, <-results)
	}
	s.watcher.enter("drain")
	s.drain(ctx)
	return err
}

// drain waits until everything has come, or nothing more does. When ctx has ended,
// events that are on their way still have a moment to arrive.
func (s *session) drain(ctx context.Context) {
	if ctx.Err() != nil {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(context.WithoutCancel(ctx), moment)
		defer stop()
	}
	want := uint64(0)
	for _, l := range s.lanes {
		want += l.publisher.Sent() * uint64(l.readers)
	}
	last, since := uint64(0), load.Now()
	for ctx.Err() == nil {
		got := s.delivered()
		if got != last {
			last, since = got, load.Now()
		}
		if got >= want || load.Now()-since > s.patience() {
			return
		}
		pause(ctx, 5*time.Millisecond)
	}
}

// moment is how long the end may take once ctx has ended.
const moment = 500 * time.Millisecond

func (s *session) delivered() (n uint64) {
	for _, l := range s.lanes {
		got, _ := l.swarm.Delivered()
		n += got
	}
	return n
}

// pause sleeps, or returns early when ctx is done.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
