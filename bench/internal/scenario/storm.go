package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/result"
)

// Storm resets all streams at once, publishes while they are away, and lets all of them
// reconnect with their Last-Event-ID.
type Storm struct {
	Scenario
	Missed int // events that are published while they are away

	// Back is how long each stays away. Zero: all reconnect as soon as the events
	// are published. Negative: as browsers do, each after the retry time that the
	// server gave it, or 3 s.
	Back time.Duration
}

// stormPatience is the default of Patience in a storm: once nothing has come for this long,
// it is over.
const stormPatience = 10 * time.Second

// patienceInStorm is Patience or its default in a storm.
func (s *Scenario) patienceInStorm() time.Duration {
	if s.Patience > 0 {
		return s.Patience
	}
	return stormPatience
}

// Run runs the storm. When ctx ends it stops early, and the result says so. There is a
// result whenever streams were opened, and it has figures of the storm if the storm has
// begun.
func (c *Storm) Run(ctx context.Context) (*result.Result, error) {
	if c.Publish == nil {
		return nil, errors.New("storm: nothing is published, so clients cannot miss anything; set Publish")
	}
	return c.Scenario.storm(ctx, c.run)
}

// storm opens all streams, has each get an event, and then runs the storm itself.
func (sc *Scenario) storm(ctx context.Context, run func(context.Context, *session) (*result.Storm, error)) (*result.Result, error) {
	var figures *result.Storm
	return sc.withAllOpen(ctx, func(s *session) error {
		err := s.firstEvent(ctx)
		if err == nil && ctx.Err() == nil {
			figures, err = run(ctx, s)
		}
		return err
	}, func(s *session, r *result.Result) {
		addStorm(r, figures, suspectReturns(s.watcher.starved, s.watcher.intervals))
	})
}

// withAllOpen opens all streams, does what is to be done with them, and lets tell add its
// figures to the result.
func (sc *Scenario) withAllOpen(ctx context.Context, do func(*session) error, tell func(*session, *result.Result)) (*result.Result, error) {
	s, err := begin(ctx, sc)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err = s.open(ctx); err == nil {
		s.muster(ctx)
		err = s.unopened()
	}
	if err == nil && ctx.Err() == nil {
		err = do(s)
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) { // which the result says
		err = nil
	}
	r, err := s.end(ctx, err)
	if r != nil {
		tell(s, r)
	}
	return r, err
}

// addStorm adds a storm's figures to a result and, if it was a drain, the reason to doubt
// them, if any.
func addStorm(r *result.Result, f *result.Storm, suspicion string) {
	r.Storm = f
	if f == nil || f.Drain == nil {
		return
	}
	if suspicion != "" && !slices.ContainsFunc(r.SuspectOf, func(of string) bool { return strings.HasPrefix(of, processorsBusy) }) {
		r.Suspect, r.SuspectOf = true, append(r.SuspectOf, suspicion)
	}
	if r.Server != nil {
		r.Server.CPUPerDeliveryUS = nil // two processes have delivered
	}
}

// firstEvent publishes an event to each topic and waits until every stream has it, so that each has an id.
func (s *session) firstEvent(ctx context.Context) error {
	main := s.lanes[0]
	main.readers, main.opened = main.swarm.Expect(0)
	s.first = load.Now()
	for range max(len(s.Request.Data.Topics), 1) {
		if err := main.publisher.Once(ctx); err != nil {
			return err
		}
	}
	if err := s.until(ctx, uint64(s.Streams), load.Now()); err != nil {
		return fmt.Errorf("the event before the storm: %w", err)
	}
	return nil
}

// run is the storm itself, once all streams are open and have an id.
func (c *Storm) run(ctx context.Context, s *session) (*result.Storm, error) {
	if err := c.sendAway(ctx, s); err != nil {
		return nil, err
	}
	var err error
	if s.usage.before, err = s.look(); err != nil {
		return nil, err
	}
	s.watcher.enter("back")
	s.takeStock()
	return c.comeBack(ctx, s)
}

// sendAway resets all streams and publishes the events that they miss.
func (c *Storm) sendAway(ctx context.Context, s *session) error {
	s.watcher.enter("away")
	main := s.lanes[0]
	main.swarm.ResetAll()
	away := load.Now()
	for range c.Missed {
		if err := main.publisher.Once(ctx); err != nil {
			return err
		}
	}
	if c.Back > 0 {
		pause(ctx, away+c.Back-load.Now())
	}
	return ctx.Err()
}

// comeBack reconnects the streams, and waits until they have caught up.
func (c *Storm) comeBack(ctx context.Context, s *session) (*result.Storm, error) {
	main, back := s.lanes[0], load.Now()
	if c.Back < 0 {
		back += main.swarm.ReturnAll()
	} else {
		main.swarm.ReopenAll()
	}
	f := &result.Storm{Streams: c.Streams, Missed: c.Missed}
	waiting, stop := context.WithCancel(ctx)
	opened := whenAllOpen(waiting, main)
	err := s.until(ctx, main.swarm.Due(0, main.publisher.Sent()), back)
	stop()
	f.ConnectedS = (<-opened - back).Seconds()
	looked := s.countUp()
	f.CPUSeconds = max(s.usage.after.CPU-s.usage.before.CPU, 0).Seconds()
	caught(f, main.swarm.CaughtUp(0, main.publisher.Sent()), back)
	if errors.Is(err, errNothingMore) { // what is missing is counted
		err = nil
	}
	return f, errors.Join(err, looked)
}

// whenAllOpen returns a channel that tells when all of a lane's streams are open, or ctx
// has ended.
func whenAllOpen(ctx context.Context, l *lane) <-chan time.Duration {
	opened := make(chan time.Duration, 1)
	go func() {
		for ctx.Err() == nil {
			if open, _ := l.swarm.Now(); open >= l.readers {
				break
			}
			pause(ctx, time.Millisecond)
		}
		opened <- load.Now()
	}()
	return opened
}

// errNothingMore is the end of a wait for events.
var errNothingMore = errors.New("nothing more came")

// until waits for n deliveries in total; none can come before the given time.
func (s *session) until(ctx context.Context, n uint64, since time.Duration) error {
	last := s.delivered()
	patience := s.patienceInStorm()
	for {
		got := s.delivered()
		if got >= n {
			return nil
		}
		if got != last {
			last, since = got, load.Now()
		}
		if load.Now()-since > patience {
			return fmt.Errorf("%d of %d events came: %w for %v", last, n, errNothingMore, patience)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		pause(ctx, time.Millisecond)
	}
}

// caught fills in the times at which the streams had caught up.
func caught(f *result.Storm, at []time.Duration, back time.Duration) {
	slices.Sort(at)
	share := func(of float64) float64 {
		if len(at) == 0 {
			return 0
		}
		return (at[min(int(of*float64(len(at))), len(at)-1)] - back).Seconds()
	}
	f.Caught = len(at)
	f.P50, f.P95, f.P99, f.Last = share(.5), share(.95), share(.99), share(1)
}
