package scenario

import (
	"context"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/result"
)

// followSteps makes each step of a profile have samples of its own, until stop is called.
func (w *watcher) followSteps(steps []load.Step, begin time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for i := 0; i < len(steps) && ctx.Err() == nil; i++ {
			w.beginStep(&result.Step{Step: steps[i].Text})
			begin += steps[i].For
			load.Pause(ctx, begin-load.Now())
		}
	})
	return func() {
		cancel()
		running.Wait()
		w.beginStep(nil)
	}
}

// beginStep ends the step before, and begins one, unless it is nil.
func (w *watcher) beginStep(s *result.Step) {
	w.look(shortest)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.step = nil
	if s != nil {
		w.steps, w.step = append(w.steps, *s), hdrhistogram.New(1, 600_000_000, 3)
	}
}

// addToStep counts a sample as part of the step that goes on, if there is one.
func (w *watcher) addToStep(v *result.Sample, latency *hdrhistogram.Histogram, now time.Duration) {
	if w.step == nil {
		return
	}
	s := &w.steps[len(w.steps)-1]
	v.Step = s.Step
	w.step.Merge(latency)
	s.Seconds += (now - w.last).Seconds()
	s.Published += v.Published
	s.Delivered += v.Delivered
	s.PerSecond, s.LatencyMS = float64(s.Delivered)/s.Seconds, result.Of(w.step)
}
