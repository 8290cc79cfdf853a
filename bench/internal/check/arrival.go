package check

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// hop is a redirect.
type hop struct {
	status string
	to     string
}

// mostHops is how many redirects are followed.
const mostHops = 5

// arrive opens the first stream, at the end of all redirects.
func (s *session) arrive(ctx context.Context, v *visit) error {
	for {
		a, err := v.target.ask(ctx, request{})
		if err != nil {
			return err
		}
		s.answers = append(s.answers, a)
		v.first = a
		s.awaitFirst(ctx, v)
		if len(v.hops) == mostHops || !v.redirected() {
			v.tls = !v.target.secure() && a.rejected() && v.target.speaksTLS(ctx, s.pace.head)
			return nil
		}
		a.leave()
	}
}

// awaitFirst waits for the first stream's head. If it does not come, an event is
// published: some servers hold the head back until they have an event to send.
func (s *session) awaitFirst(ctx context.Context, v *visit) {
	a := v.first
	if a.awaitHead(ctx, s.pace.head) || a.ended() {
		return
	}
	if sent, ok := s.publish(ctx, 1, 0); ok {
		v.poked = sent[0].at
	}
	a.awaitHead(ctx, s.pace.head)
}

// rejected reports whether there is no answer to come, or 400: what a port that speaks TLS
// says to plain text.
func (a *answer) rejected() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.head.status == 400 || a.head.status == 0 && a.end.how != open
}

// redirected follows the redirect that was answered, if one was.
func (v *visit) redirected() bool {
	v.first.mu.Lock()
	h := v.first.head
	v.first.mu.Unlock()
	location := h.get("Location")
	if h.status/100 != 3 || location == "" {
		return false
	}
	to, err := v.target.url.Parse(location)
	if err != nil || (to.Scheme != "http" && to.Scheme != "https") {
		return false
	}
	v.hops = append(v.hops, hop{h.statusText(), to.String()})
	if to.Host != v.target.url.Host { // secrets are only for the first host
		v.target.header = withoutSecrets(v.target.header)
	}
	v.target.url = to
	return true
}

func withoutSecrets(h http.Header) http.Header {
	h = h.Clone()
	for _, name := range []string{"Authorization", "Cookie", "Host"} {
		h.Del(name)
	}
	return h
}

func judgeStatus(s *session) Finding {
	a := s.here.first
	const remedy = "answer 200: after any other status an EventSource does not reconnect"
	switch {
	case a.head.status == 200:
		return good("%s", a.head.statusText())
	case s.here.tls:
		return fail("give the address with https", "the port speaks TLS, and was asked in plain text: %s", a.statusWord())
	case a.head.status == 204:
		return fail(remedy, "204: this tells clients to stop for good; there is no stream here")
	case a.head.status != 0:
		return fail(remedy, "%s: %s", a.head.statusText(), quote(string(a.start)))
	case a.end.how == left:
		return fail("send the head at once, before the first event; if the server does: "+bufferRemedy,
			"no answer within %s, on a connection that was made in %s%s", span(a.lived()), span(a.connected.Sub(a.begun)), s.whyNoHead())
	}
	return fail("read the server's log", "no answer: the connection ended after %s: %v", span(a.lived()), a.end.err)
}

// whyNoHead says what is known of a head that never came.
func (s *session) whyNoHead() string {
	switch {
	case s.direct != nil && s.direct.first.streams():
		return fmt.Sprintf(": BUFFERED by a proxy, because direct it came after %s", span(s.direct.first.headBegun.Sub(s.direct.first.asked)))
	case !s.here.poked.IsZero():
		return ", nor when an event was published: the server has not answered, or a proxy buffers"
	}
	return ": the server holds it back until the first event, or a proxy buffers"
}

func judgeRedirect(s *session) Finding {
	hops := s.here.hops
	if len(hops) == 0 {
		return good("none")
	}
	last := hops[len(hops)-1]
	return warn("give clients the final URL: browsers go on reconnecting to the one that they were once redirected to",
		"%s, the last a %s to %s", count(len(hops), "redirect"), last.status, last.to)
}

const headRemedy = "send the head when the stream opens, with a comment and a retry as its first bytes (fasthttp: ImmediateHeaderFlush; net/http: Flush before the first event)"

func judgeHead(s *session) Finding {
	v, a := s.here, s.here.first
	took := a.headBegun.Sub(a.asked)
	held := !v.poked.IsZero() && a.headBegun.After(v.poked)
	switch {
	case held && a.headBegun.Sub(v.poked) < s.pace.head:
		return fail(headRemedy, "held back until the first event: nothing for %s, then the head %s after an event was published; until then a client cannot tell that it is connected",
			span(v.poked.Sub(a.asked)), span(a.headBegun.Sub(v.poked)))
	case took <= s.pace.head:
		return good("came %s after the request; connecting took %s", span(took), span(a.connected.Sub(a.begun)))
	case a.bodyBegun.Sub(a.headDone) < signAfter && a.body.count > 0:
		return fail(headRemedy, "came only after %s, together with the first event; connecting took %s", span(took), span(a.connected.Sub(a.begun)))
	}
	return warn("find out what the server, or a proxy, waits for", "came only after %s; connecting took %s", span(took), span(a.connected.Sub(a.begun)))
}

func judgeFirstByte(s *session) Finding {
	const remedy = "begin every stream with a comment line and a retry: some proxies hold the head back until the body begins, and Heroku ends a stream that has sent nothing for 30 s"
	a := s.here.first
	if a.bodyBegun.IsZero() {
		return warn(remedy, "the body had no byte within %s after the head", span(a.end.at.Sub(a.headDone)))
	}
	took := a.bodyBegun.Sub(a.headDone)
	if took > s.pace.head {
		return warn(remedy, "the body's first byte came only %s after the head", span(took))
	}
	if took < time.Millisecond {
		return good("the body began with the head")
	}
	return good("the body began %s after the head", span(took))
}
