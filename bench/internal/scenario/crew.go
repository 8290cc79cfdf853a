package scenario

import (
	"context"

	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/result"
)

// Crew is what a process has to do with the others that measure the same. Each opens its share
// of the streams. The last one publishes, measures the server, opens the streams that are there
// to disturb it, and makes the result of all.
type Crew interface {
	// Step waits until all processes have come to a step, and returns how many events the last
	// one has published: it passes that on. When ctx has ended it does not wait.
	Step(ctx context.Context, published uint64) (uint64, error)
	// Seen returns a sample with what the others have seen.
	Seen(result.Sample) result.Sample
	// Sum returns the result of all processes and their parts in the spread, in the last one.
	// The error is another's.
	Sum(context.Context, *result.Result, load.Part) (*result.Result, []load.Part, error)
}

// share is what this process does of the scenario.
func (sc *Scenario) share() *Scenario {
	if sc.Crew == nil {
		return sc
	}
	one := *sc
	first := (sc.Process - 1) * sc.Streams / sc.Processes
	one.Request.Data.First = first
	one.Streams = sc.Process*sc.Streams/sc.Processes - first
	one.Ramp = sc.Ramp / float64(sc.Processes)
	if sc.Process == sc.Processes {
		return &one
	}
	one.Stalled, one.Slow, one.Churn, one.PIDs, one.Goroutines = 0, 0, 0, nil, ""
	if sc.Publish != nil {
		one.Publish = &load.Publishing{Elsewhere: true, Publishers: sc.Publish.Publishers}
	}
	return &one
}

// step waits for the other processes, if there are any.
func (s *session) step(ctx context.Context) error {
	_, err := s.published(ctx, 0)
	return err
}

// published is such a step. It returns how many events are published: as many as sent, or as
// another process says.
func (s *session) published(ctx context.Context, sent uint64) (uint64, error) {
	if s.Crew == nil {
		return sent, nil
	}
	return s.Crew.Step(ctx, sent)
}

// sumAll makes the result that of all processes, if there are others.
func (s *session) sumAll(ctx context.Context, r *result.Result) *result.Result {
	if s.Crew == nil {
		return r
	}
	r, parts, err := s.Crew.Sum(ctx, r, s.lanes[0].swarm.Part(0))
	s.theirs = err
	if parts != nil && r.SpreadMS != nil {
		r.SpreadMS = spreadOf(load.SpreadOf(parts))
	}
	return r
}
