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
	"net/url"
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
	keys  bool
	most  int  // events in a post
	array bool // a post is a JSON array of events

	wake  chan struct{} // holds one; never closed
	stop  context.CancelFunc
	ended chan struct{} // closed by run

	mu      sync.Mutex // guards what follows
	request ask        // without a body
	pending [][]byte   // bodies, handed over and not in a post yet
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
		httpPoster: newHTTPPoster(p, d), keys: p.Keys, most: 1, array: p.Array,
		wake: make(chan struct{}, 1), ended: make(chan struct{}), retries: Retries{Errors: map[string]int{}},
	}
	if p.Array {
		r.most = mostInArray
	}
	var ctx context.Context
	ctx, r.stop = context.WithCancel(context.Background())
	go r.run(ctx)
	return r
}

// post hands an event over.
func (r *retryingPoster) post(_ context.Context, a *ask, _ values) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.err
	}
	r.request = *a
	r.pending = append(r.pending, bytes.Clone(a.body))
	r.left++
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return nil
}

func (r *retryingPoster) await(ctx context.Context, most uint64) error {
	for {
		r.mu.Lock()
		left, err := r.left, r.err
		r.mu.Unlock()
		if err != nil || left < most {
			return err
		}
		if !sleepUntil(ctx, Now()+time.Millisecond) {
			return ctx.Err()
		}
	}
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
		body, events := r.next(ctx)
		if events == 0 {
			return
		}
		err := r.until(ctx, body, n)
		r.mu.Lock()
		r.left -= uint64(events)
		r.err = err
		r.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// next waits until something is pending, and returns it as the body of a post, with how many
// events are in it; 0: ctx is done.
func (r *retryingPoster) next(ctx context.Context) (body []byte, events int) {
	for {
		r.mu.Lock()
		events = min(len(r.pending), r.most)
		parts := r.pending[:events]
		r.pending = r.pending[events:]
		r.mu.Unlock()
		switch {
		case events > 0 && r.array:
			return fmt.Appendf(nil, "[%s]", bytes.Join(parts, []byte(","))), events
		case events > 0:
			return parts[0], events
		}
		select {
		case <-r.wake:
		case <-ctx.Done():
			return nil, 0
		}
	}
}

// errNever is wrapped by the error of a post that would be answered the same again.
var errNever = errors.New("not to be tried again")

// until tries the n-th post until it is taken.
func (r *retryingPoster) until(ctx context.Context, body []byte, n int) error {
	key := ""
	if r.keys {
		key = strings.ReplaceAll(fmt.Sprintf("%s%d", marker, n), " ", "-")
	}
	for begun, tries := Now(), 1; ; tries++ {
		err := r.try(ctx, body, key)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			r.took(tries, Now()-begun)
			return nil
		}
		r.failed(err)
		if errors.Is(err, errNever) || Now()-begun > takenWithin {
			return fmt.Errorf("tried %d times in %v: %w", tries, Now()-begun, err)
		}
		sleepUntil(ctx, Now()+retryAfter)
	}
}

// try posts once.
func (r *retryingPoster) try(ctx context.Context, body []byte, key string) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	r.mu.Lock()
	a := r.request
	r.mu.Unlock()
	a.body = body
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	req.GetBody = nil // net/http would post it again by itself, unnoticed
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	res, err := r.client.Do(req)
	if err != nil {
		return err
	}
	err = taken(res)
	if no, ok := errors.AsType[*NotTaken](err); ok && no.Status >= 400 && no.Status < 500 {
		return fmt.Errorf("%w: %w", errNever, err)
	}
	return err
}

// took notes how a post was taken.
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

// failed notes what a post was told.
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
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err
	}
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
