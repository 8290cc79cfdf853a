package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fastsse/fastsse/bench/internal/load"
)

// publish publishes in all lanes, or holds the streams, and waits for what is on its way.
func (s *session) publish(ctx context.Context) (err error) {
	s.muster(ctx)
	if s.usage.before, err = s.look(); err != nil {
		return err
	}
	s.takeStock()
	if s.coming != nil {
		s.churn = load.NewChurn(s.coming, s.Churn, s.Reset)
	}
	whole := false
	if s.lanes[0].publisher == nil {
		s.hold(ctx)
	} else {
		whole, err = s.publishLanes(ctx)
	}
	if s.churn != nil {
		s.churn.Stop()
	}
	if looked := s.countUp(); err == nil {
		err = looked
	}
	switch {
	case err != nil:
		load.Pause(ctx, moment) // what has ended publishing may be about to end streams
	case whole:
		s.linger(ctx)
	}
	return err
}

// takeStock notes the state of the generator when publishing begins.
func (s *session) takeStock() {
	s.self.Forget()
	s.readers.before = s.lookAtReaders()
	s.own.before = s.self.Look()
	s.idle.before = load.LookAtProcessors()
	s.traffic.before = s.lanes[0].swarm.Traffic()
}

// countUp notes what the server and the generator have used since. It fails if the server
// is no longer there.
func (s *session) countUp() (err error) {
	s.own.after = s.self.Look()
	s.idle.after = load.LookAtProcessors()
	s.readers.after = s.lookAtReaders()
	s.traffic.after = s.lanes[0].swarm.Traffic()
	if s.usage.after, err = s.look(); err != nil {
		return fmt.Errorf("the server is gone: %w", err)
	}
	return nil
}

// hold holds the streams. Others may publish.
func (s *session) hold(ctx context.Context) {
	s.watcher.enter("hold")
	s.first = load.Now()
	load.Pause(ctx, s.Duration)
	s.over = load.Now()
}

// publishLanes publishes in all lanes at once, and reports whether all has arrived.
func (s *session) publishLanes(ctx context.Context) (whole bool, err error) {
	s.watcher.enter("publish")
	for i, l := range s.lanes {
		l.readers, l.opened = l.swarm.Expect(i)
	}
	s.count(ctx)
	if err := s.step(ctx); err != nil {
		return false, err
	}
	s.first = load.Now() // from here on lateness is not the watcher's fault
	if s.Longest > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, s.Duration+s.Longest)
		defer stop()
	}
	results := make(chan error, len(s.lanes))
	for _, l := range s.lanes {
		go func() { results <- l.publisher.Follow(ctx, l.profile.Count(s.Duration), s.first, l.profile.At) }()
	}
	stop := s.watcher.followSteps(s.Profile.Steps, s.first)
	for range s.lanes {
		err = errors.Join(err, <-results)
	}
	sent, failed := s.published(ctx, s.lanes[0].publisher.Sent())
	stop()
	s.lanes[0].publisher.SetSent(sent)
	err = errors.Join(err, failed)
	for _, l := range s.lanes {
		s.over = max(s.over, s.first+l.profile.At(l.publisher.Sent()))
	}
	if _, refused := errors.AsType[*load.NotTaken](err); refused && s.delivered() == 0 {
		s.unwelcome = true
		return false, fmt.Errorf("nothing could be published to %s: %w", s.Publish.URL, err)
	}
	s.watcher.enter("drain")
	return s.drain(ctx), err
}

// drain waits until everything has come, and reports whether it has, or until nothing more
// does. When ctx has ended, events that are on their way still have a moment to arrive.
func (s *session) drain(ctx context.Context) (whole bool) {
	if ctx.Err() != nil {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(context.WithoutCancel(ctx), moment)
		defer stop()
	}
	want := uint64(0)
	for i, l := range s.lanes {
		want += l.swarm.Due(i, l.publisher.Sent())
	}
	return whileMore(ctx, s.patience(), load.Now(), func() (uint64, bool) { got := s.delivered(); return got, got >= want }) == nil
}

// moment is how long the end may take once ctx has ended.
const moment = 500 * time.Millisecond

// delivered counts deliveries that were expected, each once: if it is as many as all
// streams are to get, each has got all.
func (s *session) delivered() (n uint64) {
	for _, l := range s.lanes {
		got, _ := l.swarm.Delivered()
		n += got
	}
	return n
}

// linger waits for events that come a second time, or when none is expected any more.
func (s *session) linger(ctx context.Context) {
	if s.Linger > 0 {
		s.watcher.enter("linger")
		load.Pause(ctx, s.Linger)
	}
}
