package check

import (
	"context"
	"time"
)

// session is one run: what was seen, for the judges to look at.
type session struct {
	Config
	publisher *publisher // nil: nothing is published
	refused   error      // why an event could not be published; no more are after that
	here      *visit
	direct    *visit // nil: not compared
	answers   []*answer

	headMethod  *answer
	wrongMethod *answer
	http10      *answer
	http2       *http2Answer
	origin      *answer
	preflight   *answer
	bare        [2]*answer // without query and credentials, early and late; nil: there are none

	round    []publication // published to the streams of both visits
	apart    time.Duration // between two of them
	comeback comeback
}

// visit is what was seen of one address.
type visit struct {
	target target
	hops   []hop     // redirects that were followed
	first  *answer   // opened first, and listened to in silence
	poked  time.Time // when an event was published because first had no head yet
	tls    bool      // the address is http, and its port speaks TLS
	plain  *answer   // gets the published events
	gzip   *answer   // gets them with gzip accepted
}

// Run checks c.URL and returns what it found. It returns an error if it cannot send a
// request at all.
func Run(ctx context.Context, c Config) (*Report, error) {
	begun := time.Now()
	s, err := newSession(c.withDefaults())
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.look(ctx); err != nil {
		return nil, err
	}
	s.close()
	return newReport(&s.Config, begun, s.judgeAll()), nil
}

func newSession(c Config) (*session, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	s := &session{Config: c, here: &visit{}}
	var err error
	if s.here.target, err = newTarget(c.URL, c.Header, c.Insecure); err != nil {
		return nil, err
	}
	if c.Direct != "" {
		s.direct = &visit{}
		if s.direct.target, err = newTarget(c.Direct, c.Header, c.Insecure); err != nil {
			return nil, err
		}
	}
	if c.PublishURL != "" {
		if s.publisher, err = newPublisher(&c); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// look does all that the judges need.
func (s *session) look(ctx context.Context) error {
	s.Progress("opening")
	for _, v := range s.visits() {
		if err := s.arrive(ctx, v); err != nil {
			return err
		}
	}
	s.probe(ctx)
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

// visits are the addresses to look at.
func (s *session) visits() []*visit {
	if s.direct == nil {
		return []*visit{s.here}
	}
	return []*visit{s.here, s.direct}
}

// ask sends a request to t. A failure to send it is an answer too.
func (s *session) ask(ctx context.Context, t target, r request) *answer {
	if s.publisher != nil {
		r.run = s.publisher.run
	}
	a, err := t.ask(ctx, r)
	if err != nil {
		a = unanswered(err)
	}
	s.answers = append(s.answers, a)
	return a
}

// publishing reports whether events can be published.
func (s *session) publishing() bool { return s.publisher != nil && s.refused == nil }

// publish publishes n events, the given time apart, and returns false if that fails.
func (s *session) publish(ctx context.Context, n int, apart time.Duration) ([]publication, bool) {
	if !s.publishing() {
		return nil, false
	}
	sent, err := s.publisher.publishSome(ctx, n, apart)
	if err != nil {
		s.refused = err
	}
	return sent, err == nil
}

// close leaves every answer.
func (s *session) close() {
	leave(s.answers...)
	if s.publisher != nil {
		s.publisher.close()
	}
}

func leave(answers ...*answer) {
	for _, a := range answers {
		if a != nil {
			a.leave()
		}
	}
}

// ifAnswered judges only what was answered 200.
func ifAnswered(j judge) judge {
	return func(s *session) Finding {
		if a := s.here.first; a.head.status != 200 {
			return skip("%s", a.whyNoStream())
		}
		return j(s)
	}
}

// ifStream judges only where a stream was opened.
func ifStream(j judge) judge {
	return func(s *session) Finding {
		if why := s.here.first.whyNoStream(); why != "" {
			return skip("%s", why)
		}
		return j(s)
	}
}

// ifPublished judges only where events were published to a stream.
func ifPublished(j judge) judge {
	return ifStream(func(s *session) Finding {
		switch {
		case s.publisher == nil:
			return skip("needs -publish-url")
		case s.refused != nil:
			return skip("events could not be published")
		}
		return j(s)
	})
}

// ifDirect judges only where there is a second URL to compare with.
func ifDirect(j func(here, direct *visit, s *session) Finding) judge {
	return func(s *session) Finding {
		switch {
		case s.direct == nil:
			return skip("needs -direct")
		case !s.here.first.streams() || !s.direct.first.streams():
			return skip("not both addresses opened a stream: %s, direct %s", s.here.first.statusWord(), s.direct.first.statusWord())
		}
		return j(s.here, s.direct, s)
	}
}
