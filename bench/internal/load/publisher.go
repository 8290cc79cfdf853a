package load

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Publishing is how events are published. One of URL and Command is set.
type Publishing struct {
	URL    string
	Others []string // more URLs: each event is posted to all
	Method string   // empty: POST
	Header http.Header
	Body   string      // has {{.Message}}; empty: the message itself
	TLS    *tls.Config // as those of Request
	Unix   string

	// Command is run for each event. The message is on its standard
	// input, and replaces {{.Message}} in its arguments.
	Command []string

	// Data is what {{…}} stands for in all of these. Event n is for topic n-1, or as many
	// topics before it as there are, and has the values of the first stream that reads it;
	// besides, {{.Message}} is its data, {{.Seq}} n, {{.ID}} what no other event has, and
	// {{.Time}} when it is due.
	Data Data

	// Login is made once if {{.Login…}} is in URL, Header or Body. Its cookies are sent then.
	Login *Login

	// Publishers is over how many connections events are published in turn, or how many
	// commands run at a time; zero means one. Each connection or command has its events in
	// order; those of different ones may overtake each other. It does not go with Retried.
	Publishers int

	Size  int   // bytes of a message
	Sizes Sizes // of messages; nil: Size

	// Retried makes one post after the other, each again until it is taken, or the answer
	// says that it never will be. Array puts all events that are due into one post, as a JSON
	// array of what Body makes of them. Keys gives each post an Idempotency-Key, the same for
	// every try, so that a server that knows keys stores it once.
	Retried, Array, Keys bool

	// Elsewhere leaves publishing to another process: SetSent says how far that is.
	Elsewhere bool
}

// Publisher publishes events on a fixed schedule, in order on each connection.
type Publisher struct {
	lane    int
	size    int
	sizes   Sizes // nil: size
	data    *Data
	user    *User // nil: without a login
	form    *form
	bare    bool // a body is the message alone
	poster  poster
	sent    atomic.Uint64
	late    *hdrhistogram.Histogram // lags behind the schedule, in µs
	message []byte                  // of the next event, and
	ask     ask                     // the request for it
	with    values                  // what its templates stand for; nil: it has none
	others  []*Publisher            // to which each message goes as well
}

// poster hands events to the server.
type poster interface {
	// post sends an event, and may return before the server has taken it. What it is given
	// stays valid until then only.
	post(ctx context.Context, a *ask, v values) error
	// await waits until fewer than most of the posted events are unanswered.
	await(ctx context.Context, most uint64) error
	close()
}

// earlier is why an event that was posted before was not taken, and names it.
type earlier struct{ why error }

func (e *earlier) Error() string { return e.why.Error() }
func (e *earlier) Unwrap() error { return e.why }

// mostUnanswered bounds the events in flight. Beyond it the publisher falls behind its
// schedule and catches up later; latency still counts from the schedule.
const mostUnanswered = 4096

// NewPublisher prepares to publish as p says, with lane in each message.
func NewPublisher(ctx context.Context, p Publishing, lane int) (*Publisher, error) {
	const message = "the message"
	one := &Publisher{lane: lane, size: p.Size, sizes: p.Sizes, data: &p.Data, bare: p.Body == "", late: newHistogram()}
	if p.Elsewhere {
		return one, nil
	}
	var err error
	if one.user, err = p.logIn(ctx); err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	sample := one.values(1, 0, message)
	if len(p.Command) > 0 {
		if one.poster, err = p.connect(func(turn) (poster, error) { return newCommandPoster(p.Command, sample) }); err != nil {
			return nil, err
		}
		return one, nil
	}
	kind := "text/plain"
	if p.Array {
		kind = "application/json"
	}
	p.Method = cmp.Or(p.Method, http.MethodPost)
	if one.form, err = newForm(p.Method, p.URL, p.Header, cmp.Or(p.Body, "{{.Message}}"), "Content-Type", kind); err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	first, err := one.form.fill(sample)
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	if !strings.Contains(string(first.body)+first.url.Query().Encode(), strings.Fields(message)[1]) {
		return nil, fmt.Errorf("template %q has no {{.Message}}: events would not arrive as they were sent; put it where the data goes", p.Body)
	}
	if one.poster, err = p.connect(func(t turn) (poster, error) { return newPoster(ctx, &p, first.url, t) }); err != nil {
		return nil, err
	}
	return one, one.addOthers(ctx, p, lane)
}

// addOthers makes the publishers to the other URLs.
func (p *Publisher) addOthers(ctx context.Context, to Publishing, lane int) error {
	urls := to.Others
	to.Others = nil
	for _, to.URL = range urls {
		other, err := NewPublisher(ctx, to, lane)
		if err != nil {
			return err
		}
		p.others = append(p.others, other)
	}
	return nil
}

// logIn logs in if what is published needs that.
func (p *Publishing) logIn(ctx context.Context) (*User, error) {
	text := p.URL + p.Body
	for _, lines := range p.Header {
		text += strings.Join(lines, "")
	}
	if p.Login == nil || !strings.Contains(text, ".Login") {
		return nil, nil
	}
	return (&Request{Login: p.Login, Data: p.Data, TLS: p.TLS, Unix: p.Unix}).LogIn(ctx)
}

func newPoster(ctx context.Context, p *Publishing, to *url.URL, t turn) (poster, error) {
	d := &dialer{unix: p.Unix, hosts: map[string][]netip.AddrPort{}}
	switch {
	case p.Retried:
		return newRetryingPoster(p, d), nil
	case to.Scheme == "https":
		return newHTTPPoster(p, d), nil
	}
	return newPipeline(ctx, to, d, t)
}

// values are what {{…}} stands for in event seq, which is due then.
func (p *Publisher) values(seq uint64, due time.Duration, message string) values {
	v := p.data.of(int((seq - 1) % uint64(p.data.topics())))
	v["Message"], v["Seq"] = message, seq
	v["ID"] = strings.ReplaceAll(fmt.Sprintf("%s%d-%d", marker, p.lane, seq), " ", "-")
	v["Time"] = wallTime{epoch.Add(due).Round(0)}
	if p.user != nil {
		v["Login"] = p.user.login.values
	}
	return v
}

// wallTime is written as RFC 3339, to the nanosecond.
type wallTime struct{ time.Time }

func (t wallTime) String() string { return t.UTC().Format(time.RFC3339Nano) }

// RunUntil publishes events, the i-th due at begin + i/rate, until enough ends, and waits until
// the server has taken them. When ctx ends it stops early, which is no error.
func (p *Publisher) RunUntil(ctx, enough context.Context, rate float64, begin time.Duration) error {
	return p.run(ctx, enough, math.MaxUint64, begin, Steady(rate).At)
}

// Follow publishes in the same way n events, event i, from 0, due at begin + at(i), unless ctx
// ends before.
func (p *Publisher) Follow(ctx context.Context, n uint64, begin time.Duration, at func(i uint64) time.Duration) error {
	return p.run(ctx, ctx, n, begin, at)
}

func (p *Publisher) run(ctx, enough context.Context, n uint64, begin time.Duration, at func(i uint64) time.Duration) error {
	if p.poster == nil { // another process does
		return nil
	}
	moreProcs(1) // for naps
	defer moreProcs(-1)
	for i := uint64(0); i < n; i++ {
		due := begin + at(i)
		if !sleepUntil(enough, due-coarse) {
			break
		}
		if err := p.await(ctx, mostUnanswered); err != nil {
			return p.stopped(ctx, err)
		}
		if err := p.prepare(due); err != nil {
			return err
		}
		if !sleepPrecisely(enough, due) {
			break
		}
		record(p.late, Now()-due)
		if err := p.publish(ctx); err != nil {
			return p.stopped(ctx, err)
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
		_ = p.await(ctx, 1) // unanswered events count as sent
		return nil
	}
	return p.stopped(ctx, p.await(ctx, 1))
}

// stopped returns err, unless the end of ctx has caused it: then it drains, and there is none.
func (p *Publisher) stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return p.drain(ctx)
	}
	return err
}

// Now publishes n events, each due now, and waits until the server has taken it.
func (p *Publisher) Now(ctx context.Context, n int) error {
	for range n {
		if err := p.prepare(Now()); err != nil {
			return err
		}
		if err := p.publish(ctx); err != nil {
			return err
		}
		if err := p.await(ctx, 1); err != nil {
			return err
		}
	}
	return nil
}

// prepare makes the requests for the next event.
func (p *Publisher) prepare(due time.Duration) error {
	seq, size := p.sent.Load()+1, p.size
	if len(p.sizes) > 0 {
		size = p.sizes.of(seq)
	}
	p.message = AppendPayload(p.message[:0], p.lane, seq, due, size)
	for _, to := range append(p.others, p) {
		to.message = p.message
		if err := to.fill(due); err != nil {
			return fmt.Errorf("publish event %d: %w", seq, err)
		}
	}
	return nil
}

// publish sends what was prepared.
func (p *Publisher) publish(ctx context.Context) error {
	for _, to := range append(p.others, p) {
		err := to.poster.post(ctx, &to.ask, to.with)
		if _, other := errors.AsType[*earlier](err); other {
			return err
		}
		if err != nil {
			return fmt.Errorf("publish event %d: %w", p.sent.Load()+1, err)
		}
		to.sent.Add(1)
	}
	return nil
}

// await waits until fewer than most of the posts to each URL are unanswered.
func (p *Publisher) await(ctx context.Context, most uint64) error {
	err := p.poster.await(ctx, most)
	for _, o := range p.others {
		err = errors.Join(err, o.poster.await(ctx, most))
	}
	return err
}

// fill makes the request for the message.
func (p *Publisher) fill(due time.Duration) (err error) {
	p.ask, p.with = ask{body: p.message}, nil
	if p.bare && p.form != nil && p.form.fixed != nil { // fast path
		p.ask = *p.form.fixed
		p.ask.body = p.message
		return nil
	}
	p.with = p.values(p.sent.Load()+1, due, string(p.message))
	if p.form == nil {
		return nil
	}
	if p.ask, err = p.form.fill(p.with); err == nil && p.user != nil {
		p.ask = p.user.login.withCookies(p.ask)
	}
	return err
}

// Sent is how many events were published. It may be called at any time.
func (p *Publisher) Sent() uint64 { return p.sent.Load() }

// SetSent says how many events another process has published.
func (p *Publisher) SetSent(n uint64) { p.sent.Store(n) }

// Late is how far each event lagged behind the schedule, in µs, once all are published.
func (p *Publisher) Late() *hdrhistogram.Histogram { return p.late }

// Retries says which posts were not taken at first. It is nil unless Publishing.Retried is
// set. It may be called at any time.
func (p *Publisher) Retries() *Retries {
	r, ok := p.poster.(*retryingPoster)
	if !ok {
		return nil
	}
	return r.soFar()
}

// Close closes the connections.
func (p *Publisher) Close() {
	for _, o := range p.others {
		o.Close()
	}
	if p.poster != nil {
		p.poster.close()
	}
}
