package load

import (
	"context"
	"runtime/debug"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Self watches whether the load generator can keep its own schedule.
type Self struct {
	look  func() (cpu time.Duration, descriptors *int)
	end   func() error // of look
	stop  context.CancelFunc
	ended chan struct{}

	mu    sync.Mutex // guards what follows
	lag   *hdrhistogram.Histogram
	worst time.Duration // since the last Look
	pause time.Duration // of garbage collection, when the watch began
}

// Condition is how the generator is doing.
type Condition struct {
	CPU         time.Duration
	Descriptors *int // open; nil: not known

	WorstLag time.Duration // of a timer, since the last Look
	GCPause  time.Duration // all pauses of the garbage collection since the watch began
}

// watchEvery is the interval of the timer whose lag is measured.
const watchEvery = 10 * time.Millisecond

// NewSelf starts to watch.
func NewSelf() *Self {
	ctx, stop := context.WithCancel(context.Background())
	s := &Self{stop: stop, ended: make(chan struct{}), lag: newHistogram(), pause: gcPause()}
	s.look, s.end = lookAtSelf()
	go s.run(ctx)
	return s
}

func (s *Self) run(ctx context.Context) {
	defer close(s.ended)
	for {
		due := Now() + watchEvery
		if !sleepUntil(ctx, due) {
			return
		}
		lag := Now() - due
		s.mu.Lock()
		record(s.lag, lag)
		s.worst = max(s.worst, lag)
		s.mu.Unlock()
	}
}

// Look returns how the generator is doing.
func (s *Self) Look() Condition {
	cpu, descriptors := s.look()
	s.mu.Lock()
	defer s.mu.Unlock()
	c := Condition{CPU: cpu, Descriptors: descriptors, WorstLag: s.worst, GCPause: gcPause() - s.pause}
	s.worst = 0
	return c
}

// Lag is how late the timer was, in µs, since Forget or the start.
func (s *Self) Lag() *hdrhistogram.Histogram {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lag.Clone()
}

// Forget resets the timer's histogram and the pauses.
func (s *Self) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lag.Reset()
	s.worst, s.pause = 0, gcPause()
}

// Close ends the watch.
func (s *Self) Close() {
	s.stop()
	<-s.ended
	_ = s.end()
}

func gcPause() time.Duration {
	var stats debug.GCStats
	debug.ReadGCStats(&stats)
	return stats.PauseTotal
}
