package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fastsse/fastsse/bench/load"
	"github.com/fastsse/fastsse/bench/result"
)

// Storm has all streams reset at once, publishes while they are away, and has
// them all back with their Last-Event-ID.
type Storm struct {
	Scenario
	Missed int // events that are published while they are away

	// Back is how long each stays away. Zero: they come back at once when the
	// events have been published; negative: after the retry time that the server
	// gave each, as browsers do, or 3 s.
	Back time.Duration
}

// stormPatience is how long nothing may come before a storm is over.
const stormPatience = 10 * time.Second

// Run runs the storm. When ctx ends it stops early, and the result says so.
func (c *Storm) Run(ctx context.Context) (*result.Result, error) {
	s, err := begin(ctx, &c.Scenario)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	if s.short = c.Streams - s.lanes[0].readers; s.short > 0 {
		return nil, s.unopened()
	}
	figures, err := c.run(ctx, s)
	r := s.sum(ctx)
	r.Storm = figures
	return r, err
}

// run is the storm itself, once all streams are open.
func (c *Storm) run(ctx context.Context, s *session) (*result.Storm, error) {
	main := s.lanes[0]
	main.swarm.Expect(0, main.readers)
	if err := main.publisher.Once(ctx); err != nil { // so that everybody has an id
		return nil, err
	}
	if err := s.until(ctx, uint64(c.Streams)); err != nil {
		return nil, fmt.Errorf("the event before the storm: %w", err)
	}
	back, err := c.sendAway(ctx, s)
	if err != nil {
		return nil, err
	}
	if s.usage.before, err = s.look(); err != nil {
		return nil, err
	}
	s.takeStock()
	return c.comeBack(ctx, s, back)
}

// sendAway resets all streams and publishes what they miss. It returns when the
// first comes back.
func (c *Storm) sendAway(ctx context.Context, s *session) (back time.Duration, err error) {
	s.watcher.enter("away")
	main := s.lanes[0]
	main.swarm.ResetAll()
	away := load.Now()
	for range c.Missed {
		if err := main.publisher.Once(ctx); err != nil {
			return 0, err
		}
	}
	if c.Back > 0 {
		pause(ctx, away+c.Back-load.Now())
	}
	return load.Now(), nil
}

// comeBack has the streams back, and waits until they have caught up.
func (c *Storm) comeBack(ctx context.Context, s *session, back time.Duration) (*result.Storm, error) {
	s.watcher.enter("back")
	main := s.lanes[0]
	if c.Back < 0 {
		back += main.swarm.ReturnAll()
	} else {
		main.swarm.ReopenAll()
	}
	f := &result.Storm{Streams: c.Streams, Missed: c.Missed}
	opened := whenAllOpen(ctx, main)
	err := s.until(ctx, uint64(c.Streams)*uint64(c.Missed+1))
	f.ConnectedS = (<-opened - back).Seconds()
	var looked error
	s.usage.after, looked = s.look()
	s.own.after, _ = s.self.Look()
	s.idle.after = load.LookAtProcessors()
	s.busy = main.swarm.Busy()
	f.CPUSeconds = max(s.usage.after.CPU-s.usage.before.CPU, 0).Seconds()
	caught(f, main.swarm.CaughtUp(0, uint64(c.Missed+1)), back)
	if errors.Is(err, errNothingMore) { // what is missing is counted
		err = nil
	}
	return f, errors.Join(err, looked)
}

// whenAllOpen tells when all of a lane's streams are open, or that they are not
// after a while.
func whenAllOpen(ctx context.Context, l *lane) <-chan time.Duration {
	opened := make(chan time.Duration, 1)
	go func() {
		for deadline := load.Now() + 3*stormPatience; ctx.Err() == nil && load.Now() < deadline; pause(ctx, time.Millisecond) {
			if open, _ := l.swarm.Now(); open >= l.readers {
				break
			}
		}
		opened <- load.Now()
	}()
	return opened
}

// errNothingMore is the end of a wait for events.
var errNothingMore = errors.New("nothing more came")

// until waits for n deliveries in all.
func (s *session) until(ctx context.Context, n uint64) error {
	last, since := uint64(0), load.Now()
	for {
		got := s.delivered()
		if got >= n {
			return nil
		}
		if got != last {
			last, since = got, load.Now()
		}
		if load.Now()-since > stormPatience {
			return fmt.Errorf("%d of %d events came: %w for %v", last, n, errNothingMore, stormPatience)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		pause(ctx, time.Millisecond)
	}
}

// caught fills in when the streams had caught up.
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
