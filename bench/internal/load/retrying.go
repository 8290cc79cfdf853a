package load

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// Retries are the posts of a publisher that were not taken at first.
type Retries struct {
	Posts   int            // that were repeated
	Longest time.Duration  // from the first try of such a post until it was taken
	Errors  map[string]int // what was answered to the tries that failed, and how often
}

// retryingPoster posts one thing after the other on a goroutine of its own, each again until
// it is taken. What has been handed over meanwhile is one post, in order, so that a slow answer
// does not hold up the schedule for longer.
type retryingPoster struct {
	*httpPoster
	keys    bool
	array   bool     // a post is a JSON array of events
	pending chan ask // handed over, and not in a post yet; never closed

	stop  context.CancelFunc
	ended chan struct{} // closed by run

	mu      sync.Mutex // guards what follows
	left    uint64     // events that were not taken yet
	err     error      // why no more is posted
	retries Retries
}

const (
	retryAfter   = 100 * time.Millisecond // between two tries of a post
	answerWithin = 10 * time.Second       // of one try
	takenWithin  = time.Minute            // a post, in all tries
	mostInArray  = 256
)

func newRetryingPoster(p *Publishing, d *dialer) *retryingPoster {
	r := &retryingPoster{
		httpPoster: newHTTPPoster(p, d), keys: p.Keys, array: p.Array, pending: make(chan ask, mostUnanswered),
		ended: make(chan struct{}), retries: Retries{Errors: map[string]int{}},
	}
	r.once = true
	var ctx context.Context
	ctx, r.stop = context.WithCancel(context.Background())
	go r.run(ctx)
	return r
}

func (r *retryingPoster) post(_ context.Context, a *ask, _ values) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.err
	}
	own := *a
	own.body = bytes.Clone(a.body)
	r.left++
	r.pending <- own // has room for all that are unanswered
	return nil
}

func (r *retryingPoster) await(ctx context.Context, most uint64) error {
	return awaitFewer(ctx, most, func() (uint64, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.left, r.err
	})
}

func (r *retryingPoster) close() {
	r.stop()
	<-r.ended
	r.httpPoster.close()
}

// run posts what is pending, until it is stopped or a post fails for good.
func (r *retryingPoster) run(ctx context.Context) {
	defer close(r.ended)
	for n := 1; ; n++ {
		a, events := r.next(ctx)
		if events == 0 {
			return
		}
		if r.keys {
			a = a.with("Idempotency-Key", strings.ReplaceAll(fmt.Sprintf("%s%d", marker, n), " ", "-"))
		}
		err := r.until(ctx, &a)
		r.mu.Lock()
		r.left -= uint64(events)
		r.err = err
		r.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// next waits until something is pending, and returns it as one post, with how many events are
// in it; 0: ctx is done.
func (r *retryingPoster) next(ctx context.Context) (a ask, events int) {
	select {
	case a = <-r.pending:
	case <-ctx.Done():
		return a, 0
	}
	if !r.array {
		return a, 1
	}
	parts := [][]byte{a.body}
	for len(parts) < mostInArray && len(r.pending) > 0 { // nobody else takes any
		parts = append(parts, (<-r.pending).body)
	}
	a.body = fmt.Appendf(nil, "[%s]", bytes.Join(parts, []byte(",")))
	return a, len(parts)
}

// until tries a post until it is taken.
func (r *retryingPoster) until(ctx context.Context, a *ask) error {
	for begun, tries := Now(), 1; ; tries++ {
		err := r.try(ctx, a)
		after := Now() - begun
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			r.took(tries, after)
			return nil
		}
		r.failed(err)
		no, answered := errors.AsType[*NotTaken](err)
		switch {
		case answered && no.Status/100 == 4: // it would be answered the same again
			return fmt.Errorf("tried %d times in %v: not to be tried again: %w", tries, after, err)
		case after > takenWithin:
			return fmt.Errorf("tried %d times in %v: %w", tries, after, err)
		}
		sleepUntil(ctx, Now()+retryAfter)
	}
}

func (r *retryingPoster) try(ctx context.Context, a *ask) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	return r.httpPoster.post(ctx, a, nil)
}

func (r *retryingPoster) took(tries int, after time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if tries > 1 {
		r.retries.Posts++
		r.retries.Longest = max(r.retries.Longest, after)
	}
}

// mostErrors is how many different errors are kept: some have a number in them.
const mostErrors = 100

func (r *retryingPoster) failed(err error) {
	text := reason(err)
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.retries.Errors[text]; known || len(r.retries.Errors) < mostErrors {
		r.retries.Errors[text]++
	}
}

// reason is what an error says, without what differs from one request to the next, and
// without the page that a proxy makes of it.
func reason(err error) string {
	if failed, ok := errors.AsType[*net.OpError](err); ok {
		return failed.Op + ": " + failed.Err.Error()
	}
	if errors.Is(err, io.EOF) {
		return "the connection was closed without an answer"
	}
	status, _, _ := strings.Cut(err.Error(), ": <")
	return status
}

func (r *retryingPoster) soFar() *Retries {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.retries
	now.Errors = maps.Clone(now.Errors)
	return &now
}

// Texts are the errors, the most frequent first.
func (r *Retries) Texts() []string {
	return slices.SortedFunc(maps.Keys(r.Errors), func(a, b string) int {
		return cmp.Or(r.Errors[b]-r.Errors[a], strings.Compare(a, b))
	})
}
