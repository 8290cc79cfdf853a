package scenario

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
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
func (s *Scenario) patienceInStorm() time.Duration { return cmp.Or(s.Patience, stormPatience) }

// Run runs the storm. When ctx ends it stops early, and the result says so. There is a
// result whenever streams were opened, and it has figures of the storm if the storm has
// begun.
func (c *Storm) Run(ctx context.Context) (*result.Result, error) {
	if c.Publish == nil {
		return nil, errors.New("storm: nothing is published, so clients cannot miss anything; set Publish")
	}
	var figures *result.Storm
	return c.withAllOpen(ctx, func(ctx context.Context, s *session) error {
		err := s.firstEvent(ctx)
		if err == nil && ctx.Err() == nil {
			figures, err = c.run(ctx, s)
		}
		return err
	}, func(_ *session, r *result.Result) { r.Storm = figures })
}

// withAllOpen opens all streams, does what is to be done with them, and lets tell add its
// figures to the result.
func (sc *Scenario) withAllOpen(ctx context.Context, do func(context.Context, *session) error, tell func(*session, *result.Result)) (*result.Result, error) {
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
		err = do(ctx, s)
	}
	if ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx))) { // which the result says
		err = nil
	}
	r, err := s.end(ctx, err)
	if r != nil {
		tell(s, r)
	}
	return r, err
}

// firstEvent publishes an event to each topic and waits until every stream has it, so that each has an id.
func (s *session) firstEvent(ctx context.Context) error {
	main := s.lanes[0]
	main.readers, main.opened = main.swarm.Expect(0)
	s.first = load.Now()
	if err := main.publisher.Now(ctx, max(len(s.Request.Data.Topics), 1)); err != nil {
		return err
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
	if err := main.publisher.Now(ctx, c.Missed); err != nil {
		return err
	}
	if c.Back > 0 {
		load.Pause(ctx, away+c.Back-load.Now())
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
	opened := make(chan time.Duration, 1)
	go func() {
		_ = whileMore(waiting, math.MaxInt64, back, func() (uint64, bool) { open, _ := main.swarm.Now(); return 0, open >= main.readers })
		opened <- load.Now()
	}()
	err := s.rest(ctx, main.swarm.Due(0, main.publisher.Sent()), back)
	stop()
	f.ConnectedS = (<-opened - back).Seconds()
	f.CPUSeconds = max(s.usage.after.CPU-s.usage.before.CPU, 0).Seconds()
	caught(f, main.swarm.CaughtUp(0, main.publisher.Sent()), back)
	return f, err
}

// errNothingMore is the end of a wait for events.
var errNothingMore = errors.New("nothing more came")

// until waits for n deliveries in total; none can come before the given time.
func (s *session) until(ctx context.Context, n uint64, since time.Duration) error {
	got := uint64(0)
	err := whileMore(ctx, s.patienceInStorm(), since, func() (uint64, bool) {
		got = s.delivered()
		return got, got >= n
	})
	if err != nil {
		return fmt.Errorf("%d of %d events came: %w", got, n, err)
	}
	return nil
}

// rest waits for n deliveries in total, counts up and, if all have come, waits for those that
// come twice. What is missing is no error: it is counted.
func (s *session) rest(ctx context.Context, n uint64, since time.Duration) error {
	err := s.until(ctx, n, since)
	looked := s.countUp()
	if errors.Is(err, errNothingMore) {
		return looked
	}
	if err = errors.Join(err, looked); err == nil {
		s.linger(ctx)
	}
	return err
}

// whileMore waits until count says that it has counted all. It gives up with errNothingMore
// when the number has not changed for as long as patience; it cannot before the given time.
// Counting takes a tenth of the time at most.
func whileMore(ctx context.Context, patience, since time.Duration, count func() (n uint64, all bool)) error {
	for last := uint64(0); ; {
		begun := load.Now()
		n, all := count()
		now := load.Now()
		switch {
		case all:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case n != last:
			last, since = n, max(since, now)
		case now-since > patience:
			return fmt.Errorf("%w for %v", errNothingMore, patience)
		}
		load.Pause(ctx, max(time.Millisecond, 9*(now-begun)))
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
