package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync/atomic"
	"text/template"
	"time"
)

// Publishing is how events are published. One of URL and Command is set.
type Publishing struct {
	URL      string
	Method   string // empty: POST
	Header   http.Header
	Body     string // template with {{.Message}}; empty: the message itself
	Insecure bool   // take any certificate

	// Command is run for each event, one at a time. The message is on its standard
	// input, and replaces {{.Message}} in its arguments.
	Command []string

	Size int // bytes of a message

	// Retried makes one post after the other, each again until it is taken, or the answer
	// says that it never will be. Array puts all events that are due into one post, as a JSON
	// array of what Body makes of them. Keys gives each post an Idempotency-Key, the same for
	// every try, so that a server that knows keys stores it once.
	Retried, Array, Keys bool
}

// Publisher publishes events on a fixed schedule, in order.
type Publisher struct {
	lane    int
	size    int
	body    func(message []byte) ([]byte, error)
	poster  poster
	sent    atomic.Uint64
	late    time.Duration // the worst lag behind the schedule
	message []byte
}

// poster hands events to the server.
type poster interface {
	// post sends an event, and may return before the server has taken it.
	post(ctx context.Context, body []byte) error
	// await waits until fewer than most of the posted events are unanswered.
	await(ctx context.Context, most uint64) error
	close()
}

// mostUnanswered bounds the events in flight. Beyond it the publisher falls behind its
// schedule and catches up later; latency still counts from the schedule.
const mostUnanswered = 4096

// NewPublisher prepares to publish as p says, with lane in each message.
func NewPublisher(ctx context.Context, p Publishing, lane int) (*Publisher, error) {
	body, err := bodyOf(p.Body)
	if err != nil {
		return nil, err
	}
	poster, err := newPoster(ctx, &p)
	if err != nil {
		return nil, err
	}
	return &Publisher{lane: lane, size: p.Size, body: body, poster: poster}, nil
}

func newPoster(ctx context.Context, p *Publishing) (poster, error) {
	if p.Method == "" {
		p.Method = http.MethodPost
	}
	switch {
	case len(p.Command) > 0:
		return newCommandPoster(p.Command)
	case p.Retried:
		return newRetryingPoster(p)
	case strings.HasPrefix(p.URL, "https:"):
		return newHTTPPoster(p)
	}
	return newPipeline(ctx, p)
}

// bodyOf returns the function that makes a request's body of a message.
func bodyOf(text string) (func(message []byte) ([]byte, error), error) {
	if text == "" {
		return func(m []byte) ([]byte, error) { return m, nil }, nil
	}
	fill, err := filler(text)
	if err != nil {
		return nil, err
	}
	return func(m []byte) ([]byte, error) { return fill(string(m)) }, nil
}

// filler returns a function that replaces {{.Message}} in a template.
func filler(text string) (func(message string) ([]byte, error), error) {
	t, err := template.New("").Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, fmt.Errorf("read template %q: %w", text, err)
	}
	fill := func(message string) ([]byte, error) {
		var b bytes.Buffer
		err := t.Execute(&b, map[string]string{"Message": message})
		return b.Bytes(), err
	}
	const probe = "the message"
	b, err := fill(probe)
	if err != nil {
		return nil, fmt.Errorf("fill template %q: %w; use only {{.Message}}", text, err)
	}
	if !bytes.Contains(b, []byte(probe)) {
		return nil, fmt.Errorf("template %q has no {{.Message}}: events would not arrive as they were sent; put it where the data goes", text)
	}
	return fill, nil
}

// Run publishes n events, the i-th due at begin + i/rate, and waits until the
// server has taken them. When ctx ends it stops early, which is no error.
func (p *Publisher) Run(ctx context.Context, n uint64, rate float64, begin time.Duration) error {
	return p.run(ctx, ctx, n, rate, begin)
}

// RunUntil publishes in the same way until enough ends: the event that is being published then
// is still taken. Only the end of ctx stops that as well.
func (p *Publisher) RunUntil(ctx, enough context.Context, rate float64, begin time.Duration) error {
	return p.run(ctx, enough, math.MaxUint64, rate, begin)
}

func (p *Publisher) run(ctx, enough context.Context, n uint64, rate float64, begin time.Duration) error {
	for i := uint64(0); i < n; i++ {
		due := begin + at(int(i), rate)
		if !sleepUntil(enough, due) {
			break
		}
		if err := p.poster.await(ctx, mostUnanswered); err != nil {
			return stopped(ctx, err)
		}
		p.late = max(p.late, Now()-due)
		if err := p.publish(ctx, due); err != nil {
			return stopped(ctx, err)
		}
	}
	return p.drain(ctx)
}

// drain waits for the answers, for a moment even if ctx has ended.
func (p *Publisher) drain(ctx context.Context) error {
	if ctx.Err() != nil {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer stop()
		_ = p.poster.await(ctx, 1) // unanswered events count as sent
		return nil
	}
	return stopped(ctx, p.poster.await(ctx, 1))
}

// stopped returns nil for an error that was caused by the end of ctx.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// Once publishes one event, due now, and waits until the server has taken it.
func (p *Publisher) Once(ctx context.Context) error {
	if err := p.publish(ctx, Now()); err != nil {
		return err
	}
	return p.poster.await(ctx, 1)
}

func (p *Publisher) publish(ctx context.Context, due time.Duration) error {
	p.message = AppendPayload(p.message[:0], p.lane, p.sent.Load()+1, due, p.size)
	body, err := p.body(p.message)
	if err == nil {
		err = p.poster.post(ctx, body)
	}
	if err != nil {
		return fmt.Errorf("publish event %d: %w", p.sent.Load()+1, err)
	}
	p.sent.Add(1)
	return nil
}

// Sent is how many events were published. It may be called at any time.
func (p *Publisher) Sent() uint64 { return p.sent.Load() }

// Late is the worst lag behind the schedule, once Run has returned.
func (p *Publisher) Late() time.Duration { return p.late }

// Retries says which posts were not taken at first. It is nil unless Publishing.Retried is
// set. It may be called at any time.
func (p *Publisher) Retries() *Retries {
	r, ok := p.poster.(*retryingPoster)
	if !ok {
		return nil
	}
	return r.soFar()
}

// Close closes the connection.
func (p *Publisher) Close() { p.poster.close() }
