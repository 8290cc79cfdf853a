package scenario

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
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
type Answers struct {
	Scenario
	Matching *regexp.Regexp // only events whose data match count; nil: all do
}

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
	*session
	askers       *load.Askers
	matching     *regexp.Regexp
	open, events atomic.Int64

	mu       sync.Mutex // guards what follows
	result   result.Result
	figures  result.Answers
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
	s, err := begin(ctx, &c.Scenario)
	if err != nil {
		return nil, err
	}
	defer s.close()
	hist := func() *hdrhistogram.Histogram { return hdrhistogram.New(1, time.Hour.Microseconds(), 3) }
	a := &asking{session: s, matching: c.Matching, askers: load.NewAskers(ctx, s.lanes[0].swarm, c.Streams), statuses: map[int]int{}, first: hist(), gaps: hist(), whole: hist(), wholeUndone: hist()}
	defer a.askers.Close()
	if s.usage.before, err = s.look(); err != nil {
		return nil, err
	}
	s.takeStock()
	s.watcher.enter("hold")
	a.sample()
	a.askAll(ctx)
	err = s.countUp()
	r := a.sum(s.sum(ctx))
	if r.Delivered == 0 && !r.Partial {
		err = fmt.Errorf("no event came in answer to %d requests: %s", r.Asked, cmp.Or(r.FirstError, "the answers were empty, or none of their events matched"))
	}
	return r, err
}

// sample has the watcher count answers and events.
func (a *asking) sample() {
	a.watcher.mu.Lock()
	defer a.watcher.mu.Unlock()
	seen := int64(0)
	a.watcher.answers = func() (int, uint64) {
		before := seen
		seen = a.events.Load()
		return int(a.open.Load()), uint64(seen - before)
	}
}

func (a *asking) askAll(ctx context.Context) {
	ctx, over := context.WithTimeoutCause(ctx, a.Duration+a.patience(), errOver)
	defer over()
	a.session.first = load.Now()
	var clients sync.WaitGroup
	for i := range a.Streams {
		clients.Go(func() { a.client(ctx, i) })
	}
	clients.Wait()
	a.over = load.Now()
}

// client asks as one client does.
func (a *asking) client(ctx context.Context, i int) {
	for ctx.Err() == nil && load.Now()-a.session.first < a.Duration {
		one := a.ask(ctx, i)
		a.count(&one)
		if !one.opened {
			load.Pause(ctx, pauseAsking)
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
	res, err := a.askers.Ask(ctx, i)
	if err != nil {
		return answer{err: err, cause: context.Cause(ctx)}
	}
	defer res.Body.Close()
	a.open.Add(1)
	defer a.open.Add(-1)
	one.opened = true
	for event, err := range fastsse.Read(res.Body) {
		switch {
		case one.done: // whatever follows is no part of it
		case err != nil:
			one.err = err
		case string(event.Data) == lastEvent:
			one.done, one.took = true, load.Now()-begun
			silence.Reset(restOfBody)
		default:
			silence.Reset(a.answer())
			if a.matching != nil && !a.matching.Match(event.Data) {
				continue
			}
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
	r := &a.result
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
	switch f := &a.figures; {
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

// sum adds the figures of all answers. If some have ended with lastEvent, those that ended
// without it are cut.
func (a *asking) sum(r *result.Result) *result.Result {
	f, got := &a.figures, &a.result
	r.Asked, r.Opened, r.Answered, r.Refused, r.Failed, r.FirstError = got.Asked, got.Opened, got.Opened, got.Refused, got.Failed, got.FirstError
	r.Tool.ReaderBusy, r.Tool.BusiestSecond = nil, nil // clients read by themselves
	r.OpenSeconds, r.Delivered = (a.over - a.session.first).Seconds(), uint64(a.events.Load())
	r.PerSecond = float64(r.Delivered) / r.OpenSeconds
	if f.Ended > 0 {
		f.Truncated += a.undone
	} else {
		f.Ended, a.whole = a.undone, a.wholeUndone
	}
	f.Asked, r.Ended, r.Answers = r.Asked, f.Ended+f.Truncated, f
	f.RefusedWith = []result.Refusal{}
	for _, status := range slices.Sorted(maps.Keys(a.statuses)) {
		f.RefusedWith = append(f.RefusedWith, result.Refusal{Status: status, Times: a.statuses[status]})
	}
	f.FirstMS, f.GapMS, f.WholeMS = result.Of(a.first), result.Of(a.gaps), result.Of(a.whole)
	if f.GapMS != nil && f.GapMS.Mean > 0 {
		f.PerSecond = new(1000 / f.GapMS.Mean)
	}
	return r
}
