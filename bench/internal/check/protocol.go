package check

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// probe sends requests with other methods. The answers are read during the time of
// silence.
func (s *session) probe(ctx context.Context) {
	t := s.here.target
	s.headMethod = s.ask(ctx, t, request{method: "HEAD"})
	s.wrongMethod = s.ask(ctx, t, request{method: wrongMethod})
	s.bare[0] = s.askBare(ctx)
	if s.Origin != "" {
		s.preflight = s.ask(ctx, t, request{method: "OPTIONS", header: []string{
			"Origin: " + s.Origin, "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: last-event-id",
		}})
	}
}

// askBare asks for the stream without what most servers refuse it without.
func (s *session) askBare(ctx context.Context) *answer {
	t := s.here.target
	if t.url.RawQuery == "" && t.header.Get("Authorization") == "" && t.header.Get("Cookie") == "" {
		return nil
	}
	bare := *t.url
	bare.RawQuery = ""
	t.url, t.header = &bare, t.header.Clone()
	t.header.Del("Authorization")
	t.header.Del("Cookie")
	return s.ask(ctx, t, request{})
}

// wrongMethod is a method that must not open a stream. Unlike DELETE it is safe to
// try on somebody's server: it only reads.
const wrongMethod = "PROPFIND"

// endProbes waits for the answers, and a little longer for bytes that should not
// come.
func (s *session) endProbes(ctx context.Context) {
	s.bare[1] = s.askBare(ctx)
	probes := []*answer{s.headMethod, s.wrongMethod, s.preflight, s.bare[0], s.bare[1]}
	for _, a := range probes {
		if a != nil {
			a.awaitHead(ctx, time.Until(a.begun.Add(2*s.pace.head)))
		}
	}
	sleep(ctx, time.Until(s.headMethod.headBegunAt().Add(s.pace.grace)))
	leave(probes...)
}

func (a *answer) headBegunAt() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.headBegun
}

// statusWord is the status, or why there is none.
func (a *answer) statusWord() string {
	switch {
	case a.head.status != 0:
		return a.head.statusText()
	case a.end.how == left || a.end.how == open:
		return "no answer"
	}
	return fmt.Sprintf("no answer (%v)", a.end.err)
}

func judgeHeadMethod(s *session) Finding {
	a := s.headMethod
	const remedy = "answer HEAD with the headers alone, or with 405, without opening a stream"
	switch {
	case a.head.status == 0:
		return fail(remedy, "%s to HEAD within %s", a.statusWord(), span(a.lived()))
	case len(a.start) > 0:
		return fail(remedy, "HEAD is answered %s, and then bytes follow, which a client takes for its next answer: %s", a.head.statusText(), quote(string(a.start)))
	case a.head.status/100 == 2 || a.head.status == 405:
		return good("HEAD is answered %s after %s, without a body", a.head.statusText(), span(a.headBegun.Sub(a.asked)))
	}
	return warn(remedy, "HEAD is answered %s", a.head.statusText())
}

func judgeWrongMethod(s *session) Finding {
	a := s.wrongMethod
	const remedy = "answer 405 to methods that are not served, with Allow"
	switch {
	case a.head.status == 0:
		return warn(remedy, "%s to %s within %s", a.statusWord(), wrongMethod, span(a.lived()))
	case a.head.status/100 == 2 && a.head.get("Content-Type") == "text/event-stream":
		return warn(remedy, "%s opens a stream as well", wrongMethod)
	case a.head.status/100 == 4 || a.head.status == 501:
		return good("%s is answered %s", wrongMethod, a.head.statusText())
	}
	return warn(remedy, "%s is answered %s", wrongMethod, a.head.statusText())
}

func judgeHTTP10(s *session) Finding {
	a := s.http10
	const remedy = "answer HTTP/1.0, which nginx speaks to servers by default, without chunks: the body as it is, then the end of the connection"
	switch {
	case a.head.status == 0:
		return fail(remedy, "%s to a request of HTTP/1.0 within %s", a.statusWord(), span(a.lived()))
	case a.head.status != 200:
		return good("refused: %s", a.head.statusText())
	case a.head.get("Transfer-Encoding") != "":
		return fail(remedy, "a request of HTTP/1.0 is answered with Transfer-Encoding: %s, which HTTP/1.0 does not have", a.head.get("Transfer-Encoding"))
	case a.bodyBegun.IsZero() && len(s.round) > 0:
		return fail(remedy, "a stream over HTTP/1.0 opens, and nothing comes")
	}
	return good("a stream over HTTP/1.0 opens, without chunks")
}

// http2Streams is how many streams are opened on one HTTP/2 connection: more than Apache
// carries.
const http2Streams = 8

// http2Answer is the answer to requests for the same stream over one HTTP/2 connection.
type http2Answer struct {
	done chan struct{}

	// Set before done is closed: of the first stream, and how many were open together.
	status int
	major  int
	head   time.Duration
	first  time.Duration // until the body's first byte
	err    error
	opened int

	cancel context.CancelFunc
}

// askHTTP2 opens streams over HTTP/2, if the server speaks it.
func (t target) askHTTP2(ctx context.Context) *http2Answer {
	a := &http2Answer{done: make(chan struct{})}
	ctx, a.cancel = context.WithCancel(ctx)
	go func() {
		defer close(a.done)
		a.err = a.read(ctx, t)
	}()
	return a
}

func (a *http2Answer) read(ctx context.Context, t target) error {
	transport := &http.Transport{TLSClientConfig: t.tlsConfig(), ForceAttemptHTTP2: true, DisableCompression: true, MaxConnsPerHost: 1}
	defer transport.CloseIdleConnections()
	asked := time.Now()
	res, err := t.roundTrip(ctx, transport)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	a.status, a.major, a.head = res.StatusCode, res.ProtoMajor, time.Since(asked)
	if _, err = io.ReadFull(res.Body, make([]byte, 1)); err != nil || a.major < 2 || a.status != 200 {
		return err
	}
	a.first = time.Since(asked)
	a.opened = 1 + t.openMore(ctx, transport)
	return nil
}

// openMore opens the rest of http2Streams, and returns how many opened before ctx was done.
func (t target) openMore(ctx context.Context, transport http.RoundTripper) (opened int) {
	answers := make([]*http.Response, http2Streams-1)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i], _ = t.roundTrip(ctx, transport) })
	}
	all.Wait()
	for _, res := range answers {
		if res == nil {
			continue
		}
		_ = res.Body.Close()
		if res.StatusCode == 200 {
			opened++
		}
	}
	return opened
}

// roundTrip asks for a stream with net/http.
func (t target) roundTrip(ctx context.Context, transport http.RoundTripper) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", t.url.String(), nil)
	if err != nil {
		return nil, err
	}
	for name, values := range t.header {
		req.Header[name] = values
	}
	req.Host = t.header.Get("Host")
	req.Header.Set("Accept", "text/event-stream")
	return transport.RoundTrip(req)
}

// wait waits for all streams, and leaves.
func (a *http2Answer) wait(ctx context.Context, limit time.Duration) {
	if a == nil {
		return
	}
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-a.done:
	case <-t.C:
	case <-ctx.Done():
	}
	a.cancel()
	<-a.done
}

func judgeHTTP2(s *session) Finding {
	a := s.http2
	switch {
	case !s.here.target.secure():
		return skip("needs https; over HTTP/1.1 a browser opens 6 connections per host, for all its tabs together")
	case a.major == 1:
		return warn("offer HTTP/2 in the proxy: one connection carries a hundred streams or more", "not offered: a browser opens 6 connections per host, for all its tabs together")
	case a.major == 0:
		return warn("read the server's log", "no answer over HTTP/2: %v", a.err)
	case a.status != 200:
		return fail("answer the same over HTTP/2", "answered with status %d", a.status)
	case a.err != nil:
		return warn("begin every stream with a comment line and a retry", "the stream opens after %s, and sends no first byte: %v", span(a.head), a.err)
	case a.opened < http2Streams:
		return fail("put another proxy in front for HTTP/2, such as nginx, HAProxy or Caddy: Apache carries 6 streams per connection, whatever its settings",
			"of %d streams on one connection %d opened: a browser has one connection for all its tabs, and whatever else they ask for waits", http2Streams, a.opened)
	}
	return good("the head came after %s, the body's first byte after %s; %d streams opened on one connection", span(a.head), span(a.first), a.opened)
}
