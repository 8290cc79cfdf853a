package scenario

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/fastsse/fastsse"
	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/result"
)

// Answers has Streams clients, each of which makes the request, reads the stream that
// answers it to its end, and makes the next request until Duration is over, as users of a
// language model do. The loop is closed: a slow server is asked less often. An answer that
// sends no event for as long as Answer has stalled, and is left. Answers that are under way
// after Duration have Patience to end.
type Answers struct{ Scenario }

var (
	errStalled = errors.New("an answer has stalled")
	errOver    = errors.New("the measurement is over")
)

const (
	// lastEvent ends an answer of OpenAI's format.
	lastEvent = "[DONE]"

	// restOfBody is how long the end of the body may take after lastEvent: the connection can
	// then be used again.
	restOfBody = 100 * time.Millisecond

	// pauseAsking is how long a client waits after a request that brought no answer.
	pauseAsking = 100 * time.Millisecond
)

// asking is a measurement of answers that is under way.
type asking struct {
	*Scenario
	askers       *load.Askers
	start        time.Duration
	open, events atomic.Int64

	mu       sync.Mutex // guards what follows
	result   *result.Result
	statuses map[int]int
	undone   int // ended without lastEvent

	first, gaps, whole, wholeUndone *hdrhistogram.Histogram
}

// answer is what became of one request.
type answer struct {
	opened, done bool
	took         time.Duration   // until its end
	events       []time.Duration // when they came, after the request
	err, cause   error           // cause: why it was left
}

// Run asks until Duration is over. When ctx ends it stops early, and the result says so.
func (c *Answers) Run(ctx context.Context) (*result.Result, error) {
	a := &asking{Scenario: &c.Scenario, statuses: map[int]int{}, result: &result.Result{
		Schema: result.Schema, Command: c.Command, Name: c.Name, Scenario: c.Flags, Begun: time.Now(), Machine: Machine(),
		Samples: []result.Sample{}, Spectrum: []result.Quantum{}, Answers: &result.Answers{RefusedWith: []result.Refusal{}},
	}}
	for _, h := range []**hdrhistogram.Histogram{&a.first, &a.gaps, &a.whole, &a.wholeUndone} {
		*h = hdrhistogram.New(1, time.Hour.Microseconds(), 3)
	}
	var err error
	if a.askers, err = load.NewAskers(ctx, c.Request, c.Streams); err != nil {
		return nil, err
	}
	defer a.askers.Close()
	self, machine := load.NewSelf(), load.LookAtProcessors()
	defer self.Close()
	before := self.Look()
	a.start = load.Now()
	a.askAll(ctx)
	a.sum(ctx)
	a.sumTool(self, before, machine)
	if r := a.result; r.Delivered == 0 && !r.Partial {
		err = fmt.Errorf("no event came in answer to %d requests: %s", r.Asked, cmp.Or(r.FirstError, "the answers were empty"))
	}
	return a.result, err
}

func (a *asking) askAll(ctx context.Context) {
	asked, over := context.WithTimeoutCause(ctx, a.Duration+a.patience(), errOver)
	defer over()
	watched, stop := context.WithCancel(ctx)
	var clients, watcher sync.WaitGroup
	for i := range a.Streams {
		clients.Go(func() { a.client(asked, i) })
	}
	watcher.Go(func() { a.watch(watched) })
	clients.Wait()
	stop()
	watcher.Wait()
}

// client asks as one client does.
func (a *asking) client(ctx context.Context, i int) {
	for ctx.Err() == nil && load.Now()-a.start < a.Duration {
		one := a.ask(ctx, i)
		a.count(&one)
		if !one.opened {
			select {
			case <-ctx.Done():
			case <-time.After(pauseAsking):
			}
		}
	}
}

// ask makes a request, and reads the answer.
func (a *asking) ask(ctx context.Context, i int) (one answer) {
	ctx, leave := context.WithCancelCause(ctx)
	defer leave(nil)
	silence := time.AfterFunc(a.answer(), func() { leave(errStalled) })
	defer silence.Stop()
	begun := load.Now()
	body, err := a.askers.Ask(ctx, i)
	if err != nil {
		return answer{err: err, cause: context.Cause(ctx)}
	}
	defer body.Close()
	a.open.Add(1)
	defer a.open.Add(-1)
	one.opened = true
	for event, err := range fastsse.Read(body) {
		switch {
		case one.done: // whatever follows is no part of it
		case err != nil:
			one.err = err
		case string(event.Data) == lastEvent:
			one.done, one.took = true, load.Now()-begun
			silence.Reset(restOfBody)
		default:
			silence.Reset(a.answer())
			one.events = append(one.events, load.Now()-begun)
			a.events.Add(1)
		}
	}
	if !one.done {
		one.took, one.cause = load.Now()-begun, context.Cause(ctx)
	}
	return one
}

// count adds an answer to the figures.
func (a *asking) count(one *answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.result
	r.Asked++
	if one.opened {
		r.Opened++
	}
	for i, at := range one.events {
		if i == 0 {
			_ = a.first.RecordValue(at.Microseconds())
		} else {
			_ = a.gaps.RecordValue((at - one.events[i-1]).Microseconds())
		}
	}
	a.countEnd(one)
	if one.err != nil && one.cause == nil && r.FirstError == "" {
		r.FirstError = one.err.Error()
	}
}

func (a *asking) countEnd(one *answer) {
	status := load.StatusOf(one.err)
	switch f := a.result.Answers; {
	case one.done:
		f.Ended++
		_ = a.whole.RecordValue(one.took.Microseconds())
	case one.err == nil && one.opened:
		a.undone++
		_ = a.wholeUndone.RecordValue(one.took.Microseconds())
	case one.cause == errStalled:
		f.Stalled++
	case one.cause != nil:
		f.Unfinished++
	case status != 0:
		a.statuses[status]++
		a.result.Refused++
	case one.opened:
		f.Truncated++
	default:
		a.result.Failed++
	}
}

// watch takes a sample each second.
func (a *asking) watch(ctx context.Context) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for events := int64(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-second.C:
		}
		now := a.events.Load()
		v := result.Sample{At: (load.Now() - a.start).Seconds(), Phase: "hold", Streams: int(a.open.Load()), Delivered: uint64(now - events)}
		events = now
		a.result.Samples = append(a.result.Samples, v)
		if a.Watch != nil {
			a.Watch(v)
		}
	}
}

// sum makes the figures of all answers. If some have ended with lastEvent, those that ended
// without it are cut.
func (a *asking) sum(ctx context.Context) {
	r, f := a.result, a.result.Answers
	r.Seconds, r.Partial = (load.Now() - a.start).Seconds(), ctx.Err() != nil
	r.Answered, r.OpenSeconds, r.Delivered = r.Opened, r.Seconds, uint64(a.events.Load())
	r.PerSecond = float64(r.Delivered) / r.Seconds
	if f.Ended > 0 {
		f.Truncated += a.undone
	} else {
		f.Ended, a.whole = a.undone, a.wholeUndone
	}
	f.Asked, r.Ended = r.Asked, f.Ended+f.Truncated
	for _, status := range slices.Sorted(maps.Keys(a.statuses)) {
		f.RefusedWith = append(f.RefusedWith, result.Refusal{Status: status, Times: a.statuses[status]})
	}
	f.FirstMS, f.GapMS, f.WholeMS = result.Of(a.first), result.Of(a.gaps), result.Of(a.whole)
	if f.GapMS != nil && f.GapMS.Mean > 0 {
		f.PerSecond = pointer(1000 / f.GapMS.Mean)
	}
}

// sumTool says how the load generator did.
func (a *asking) sumTool(self *load.Self, before load.Condition, machine load.Processors) {
	r, after, limits := a.result, self.Look(), load.FindLimits()
	r.Tool = result.Tool{
		CPUSeconds: max(after.CPU-before.CPU, 0).Seconds(), GCPauseMS: ms(after.GCPause),
		Descriptors: after.Descriptors, Limit: limits.Descriptors, Ports: limits.Ports, PerAddress: a.askers.PerAddress(),
	}
	if lag := result.Of(self.Lag()); lag != nil {
		r.Tool.TimerLagMS = *lag
	}
	idle, known := load.LookAtProcessors().IdleShare(machine)
	if !known {
		idle = 1
	}
	r.SuspectOf = suspicions(r, idle, r.Seconds)
	r.Suspect = len(r.SuspectOf) > 0
}
