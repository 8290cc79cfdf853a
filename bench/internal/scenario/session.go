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
	r, err := s.end(ctx, errors.Join(err, s.unopened()))
	if err == nil {
		err = nothing(r)
	}
	return r, err
}

// nothing is the error of a measurement in which nothing arrived.
func nothing(r *result.Result) error {
	if r.Partial || r.Delivered > 0 || r.Expected == nil || *r.Expected == 0 {
		return nil
	}
	if r.Other > 0 {
		return fmt.Errorf("nothing arrived of %d events that were published, and %d others did: does the server change the data of events?", r.Published, r.Other)
	}
	return fmt.Errorf("nothing arrived of %d events that were published: do -url and -publish-url name the same topic?", r.Published)
}

// end returns the result of a session, or nil if it failed before any stream was open, or
// the server took no event.
func (s *session) end(ctx context.Context, err error) (*result.Result, error) {
	r := s.sum(ctx)
	if err != nil && (r.Answered == 0 || s.unwelcome) {
		return nil, err
	}
	return r, errors.Join(err, s.theirs, s.watcher.logErr)
}

// session is one run of a scenario.
type session struct {
	*Scenario
	self    *load.Self
	process atomic.Pointer[load.Processes] // nil: not measured
	lanes   []*lane
	churn   *load.Churn
	coming  *load.Swarm // the churn's streams
	watcher *watcher

	begun     time.Time
	start     time.Duration // on the process's clock
	opening   time.Duration // how long it took
	first     time.Duration // when the first event was due
	over      time.Duration // when the last one's time was over; zero: there is no schedule
	usage     struct{ empty, before, after load.Usage }
	toOpen    time.Duration // the server's CPU while streams were opened
	points    []point       // of the server's memory
	own       struct{ before, after load.Condition }
	idle      struct{ before, after load.Processors }
	readers   struct{ before, after load.Readers }
	traffic   struct{ before, after load.Traffic }
	theirs    error // of another process
	unwelcome bool  // no event was taken: there is nothing to tell
	held      bool  // usage.before was taken with all streams open and nothing published
	short     int   // streams that were not open when publishing began
	missed    error // why the first of these was not opened
}

// lane is a publisher, and the streams that its events are for.
type lane struct {
	name      string
	swarm     *load.Swarm
	publisher *load.Publisher // nil: nothing is published
	profile   load.Profile
	asked     int // streams to open, including those that read badly
	opened    int // of these, open when publishing began
	readers   int // of these, the ones that are to get all events
}

// begin does everything that can fail without the server.
func begin(ctx context.Context, sc *Scenario) (*session, error) {
	s := &session{Scenario: sc.share(), begun: time.Now(), start: load.Now()}
	s.self = load.NewSelf()
	err := s.prepare(ctx)
	if err == nil {
		s.usage.empty, err = s.look()
	}
	if err != nil {
		s.close()
		return nil, err
	}
	s.watcher = newWatcher(s)
	return s, nil
}

func (s *session) prepare(ctx context.Context) (err error) {
	if err := s.enoughDescriptors(); err != nil {
		return err
	}
	if len(s.PIDs) > 0 {
		if err := s.measure(s.PIDs...); err != nil {
			return err
		}
	}
	if s.Goroutines != "" {
		if _, err := goroutines(s.Goroutines); err != nil {
			return err
		}
	}
	profile := s.Profile
	if len(profile.Steps) == 0 {
		profile = load.Steady(s.Rate)
	}
	if err := s.addLane(ctx, "", s.Request, s.Publish, profile, s.Streams+s.Stalled+s.Slow); err != nil {
		return err
	}
	if b := s.Beside; b != nil {
		if err := s.addLane(ctx, "beside", b.Request, &b.Publish, load.Steady(b.Rate), b.Streams); err != nil {
			return err
		}
	}
	if s.Churn > 0 {
		s.coming, err = load.NewSwarm(ctx, load.SwarmConfig{Request: s.Request})
	}
	return err
}

// addLane prepares a lane. Its swarm counts all lanes up to this one.
func (s *session) addLane(ctx context.Context, name string, r load.Request, p *load.Publishing, profile load.Profile, streams int) error {
	i := len(s.lanes)
	l := &lane{name: name, profile: profile, asked: streams}
	s.lanes = append(s.lanes, l)
	var err error
	if l.swarm, err = load.NewSwarm(ctx, load.SwarmConfig{Request: r, Readers: s.Readers, Lanes: i + 1, Foreign: s.Foreign, Unordered: s.unordered()}); err != nil {
		return err
	}
	if s.Crew != nil {
		l.swarm.KeepMarks()
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

// spare is how many descriptors are left for other things than streams.
const spare = 32

// enoughDescriptors is an error if the system does not let this process open all streams.
func (s *session) enoughDescriptors() error {
	need := s.Streams + s.Stalled + s.Slow + load.Stay(s.Churn) + spare
	if s.Beside != nil {
		need += s.Beside.Streams
	}
	if s.unordered() {
		need += s.Publish.Publishers
	}
	limit := load.FindLimits().Descriptors
	if limit == 0 || uint64(need) <= limit || s.Request.HTTP2 { // of which one connection has many streams
		return nil
	}
	all := (need - spare) * max(s.Processes, 1)
	return fmt.Errorf("open %d streams: they take %d descriptors, and this process may open %d; raise the limit (ulimit -n %d), share them out (run, connect and soak: -processes %d), or open fewer",
		s.Streams, need, limit, need, all/(int(max(limit, 2*spare))-spare)+1)
}

// measure makes these processes, and their descendants, the ones that are measured.
func (s *session) measure(pids ...int) error {
	p, err := load.NewProcesses(pids...)
	if err != nil {
		return err
	}
	s.PIDs = pids
	s.process.Store(p)
	return nil
}

// look reads what the server's processes have used so far.
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
