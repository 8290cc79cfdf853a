package check

import (
	"cmp"
	"context"
	"crypto/tls"
	"net/http"
	"time"

	"github.com/fastsse/fastsse/bench/internal/load"
)

// session is one run: what was seen, for the judges to look at.
type session struct {
	Config
	board
	publisher    *publisher // nil: nothing is published
	refused      error      // why an event could not be published; no more are after that
	here, direct visit      // direct: nothing, unless it is compared
	answers      []*answer  // all

	fetch                              answer    // asked for as clients that use fetch do, and listened to
	returned                           answer    // the first stream had ended, and was asked for again
	bare                               [2]answer // without query and credentials, early and late
	headMethod, wrongMethod, preflight answer
	http10, origin                     answer
	http2                              overHTTP2

	round    []publication // published to the streams of both visits
	apart    time.Duration // between two of them
	comeback comeback
}

// visit is what was seen of one address.
type visit struct {
	endpoint
	first answer    // opened first, and listened to in silence
	poked time.Time // when an event was published because first had no head yet
	tls   bool      // the address is http, and its port speaks TLS
	plain answer    // gets the published events
	gzip  answer    // gets them with gzip accepted
}

// Run checks c.URL and returns what it found. It returns an error if it cannot send a
// request at all.
func Run(ctx context.Context, c Config) (*Report, error) {
	begun := time.Now()
	s, err := newSession(c)
	if err != nil {
		return nil, err
	}
	err = s.look(ctx)
	s.leave(s.answers...)
	if err != nil {
		return nil, err
	}
	return newReport(&s.Config, begun, s.judge()), nil
}

func newSession(c Config) (s *session, err error) {
	if err = c.complete(); err != nil {
		return nil, err
	}
	s = &session{Config: c, board: board{changed: make(chan struct{})}}
	if s.here.endpoint, err = c.endpoint(c.URL, c.Method, c.Body, c.Header); err != nil {
		return nil, err
	}
	if c.Direct != "" {
		if s.direct.endpoint, err = c.endpoint(c.Direct, c.Method, c.Body, c.Header); err != nil {
			return nil, err
		}
	}
	if c.PublishURL != "" {
		if s.publisher, err = newPublisher(&c); err != nil {
			return nil, err
		}
		s.run = s.publisher.run
	}
	return s, nil
}

// visits are the addresses to look at.
func (s *session) visits() []*visit {
	if s.Direct == "" {
		return []*visit{&s.here}
	}
	return []*visit{&s.here, &s.direct}
}

// look does all that the judges need.
func (s *session) look(ctx context.Context) error {
	s.Progress("opening")
	for _, v := range s.visits() {
		if err := s.arrive(ctx, v); err != nil {
			return err
		}
	}
	s.Progress("listening for " + s.For.String())
	s.listen(ctx)
	if s.here.first.streams() && ctx.Err() == nil {
		s.Progress("delivering")
		s.deliver(ctx)
		s.Progress("coming back")
		s.comeBack(ctx)
	}
	return context.Cause(ctx)
}

// ask sends a request to e. A failure to send it is an answer too.
func (s *session) ask(ctx context.Context, a *answer, e *endpoint, r request) {
	s.board.ask(ctx, a, e, r)
	s.answers = append(s.answers, a)
}

// publishes reports whether events can be published.
func (s *session) publishes() bool { return s.publisher != nil && s.refused == nil }

// publish publishes n events, the given time apart, and returns false if that fails.
func (s *session) publish(ctx context.Context, n int, apart time.Duration) (sent []publication, ok bool) {
	for i := 0; i < n && s.publishes() && (i == 0 || load.Pause(ctx, apart)); i++ {
		var p publication
		if p, s.refused = s.publisher.publish(ctx); s.refused == nil {
			sent = append(sent, p)
		}
	}
	return sent, len(sent) == n
}

// arrive opens the first stream, at the end of all redirects.
func (s *session) arrive(ctx context.Context, v *visit) error {
	a := &v.first
	s.ask(ctx, a, &v.endpoint, request{follow: true})
	// Some servers hold the head back until they have an event to send.
	if !s.await(ctx, s.pace.head, hasHead, a) {
		if sent, ok := s.publish(ctx, 1, 0); ok {
			v.poked = sent[0].at
		}
		if !s.await(ctx, s.pace.head, hasHead, a) {
			return nil
		}
	}
	if !hasHead(a) && a.connected.IsZero() {
		return v.unreachable(a.err)
	}
	if to := a.from; len(a.hops) > 0 && to != nil {
		if to.URL.Host != v.url.Host {
			v.header, v.socket = without(v.header, secrets...), ""
		}
		if v.url = to.URL; to.Method != v.method {
			v.method, v.body = to.Method, ""
		}
	}
	if v.socket == "" && v.url.Scheme == "http" && (a.head.status == 400 || a.head.status == 0) {
		ctx, cancel := context.WithTimeout(ctx, s.pace.head)
		defer cancel()
		c, err := (&endpoint{tls: &tls.Config{InsecureSkipVerify: true}}).dialTLS(ctx, "tcp", a.address)
		if v.tls = err == nil; v.tls {
			_ = c.Close()
		}
	}
	return nil
}

// wrongMethod is a method that must not open a stream. Unlike DELETE it is safe to
// try on somebody's server: it only reads.
const wrongMethod = "PROPFIND"

// listen reads the first streams for a while, without publishing, and then leaves them. It
// comes back to one that has ended. Meanwhile it asks in other ways.
func (s *session) listen(ctx context.Context) {
	e, first, probed := &s.here.endpoint, &s.here.first, time.Now()
	s.ask(ctx, &s.headMethod, e, request{method: "GET", replace: [2]string{"GET ", "HEAD "}})
	s.ask(ctx, &s.wrongMethod, e, request{method: wrongMethod})
	s.askBare(ctx, &s.bare[0])
	if s.Origin != "" {
		s.ask(ctx, &s.preflight, e, request{method: "OPTIONS", header: http.Header{
			"Origin": {s.Origin}, "Access-Control-Request-Method": {e.method}, "Access-Control-Request-Headers": {"last-event-id"},
		}})
	}
	if s.await(ctx, 0, hasHead, first) && first.head.status == 200 {
		s.ask(ctx, &s.fetch, e, request{header: http.Header{"Cache-Control": nil}})
	}
	s.await(ctx, time.Until(first.begun.Add(s.For)), hasEnded, first, &s.fetch, &s.direct.first)
	s.leave(first, &s.fetch, &s.direct.first)

	s.askBare(ctx, &s.bare[1])
	probes := []*answer{&s.headMethod, &s.wrongMethod, &s.preflight, &s.bare[0], &s.bare[1]}
	s.await(ctx, 2*s.pace.head, hasHead, &s.bare[1])
	s.await(ctx, time.Until(probed.Add(2*s.pace.head)), hasHead, probes...)
	load.Pause(ctx, s.pace.grace) // for bytes that should not come
	s.leave(probes...)
	if first.streams() && first.how != left && load.Pause(ctx, min(cmp.Or(first.text.retry, s.pace.back), s.pace.back)) {
		s.askFrom(ctx, &s.returned, first.text.lastID)
		s.await(ctx, s.pace.head, hasHead, &s.returned)
		s.leave(&s.returned)
	}
}

// askBare asks for the stream without what most servers refuse it without, if it has that.
func (s *session) askBare(ctx context.Context, a *answer) {
	e := s.here.endpoint
	u := *e.url
	u.RawQuery, e.header = "", without(e.header, "Authorization", "Cookie")
	if u != *e.url || len(e.header) < len(s.here.header) {
		e.url = &u
		s.ask(ctx, a, &e, request{})
	}
}

// perRound is how many events are published to see how they come.
const perRound = 5

// deliver opens streams of every kind, publishes, and notes what comes when.
func (s *session) deliver(ctx context.Context) {
	var streams []*answer
	for _, v := range s.visits() {
		s.ask(ctx, &v.plain, &v.endpoint, request{})
		s.ask(ctx, &v.gzip, &v.endpoint, request{header: http.Header{"Accept-Encoding": {"gzip"}}})
		streams = append(streams, &v.plain, &v.gzip)
	}
	s.ask(ctx, &s.http10, &s.here.endpoint, request{replace: [2]string{"HTTP/1.1\r\n", "HTTP/1.0\r\n"}, header: http.Header{"Connection": {"close"}}})
	if s.Origin != "" {
		s.ask(ctx, &s.origin, &s.here.endpoint, request{header: http.Header{"Origin": {s.Origin}}})
	}
	http2 := make(chan overHTTP2, 1)
	go func() { http2 <- s.here.overHTTP2(ctx, 3*s.pace.head) }()
	all := append(streams, &s.http10, &s.origin)
	s.await(ctx, s.pace.head, hasHead, all...)
	if s.publishes() {
		s.publishRounds(ctx, streams)
	} else {
		s.await(ctx, s.pace.head, hasBody, all...)
	}
	s.http2 = <-http2
	s.leave(all...)
}

// publishRounds publishes one event for streams that wait for their first, then a
// round of them. If they are not delivered well there is a second round, further apart: the
// machine may have been busy, or HAProxy holds each event for so long that it meets the
// next, which both look like a proxy that buffers.
func (s *session) publishRounds(ctx context.Context, streams []*answer) {
	round, ok := s.publish(ctx, 1, 0)
	came := func(a *answer) bool { return a.text.find(round[len(round)-1].n).n > 0 }
	if ok {
		s.await(ctx, s.pace.head, came, streams...)
	}
	for _, s.apart = range []time.Duration{s.pace.spacing, s.pace.wider} {
		if round, ok = s.publish(ctx, perRound, s.apart); !ok {
			return
		}
		s.round = round
		s.await(ctx, s.pace.held, came, streams...)
		doubtful := false
		s.note(func(time.Time) {
			for _, a := range streams {
				d := arrivals(a, round)
				doubtful = doubtful || d.buffered() || d.late()
			}
		})
		if !doubtful {
			return
		}
	}
}
