package load

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// refused is the refusal that an answer is, which is no stream. It closes its body.
func refused(res *http.Response) *refusal {
	what := fmt.Sprintf("the answer is %q", res.Status) + firstLine(start(res))
	return &refusal{what: what, code: res.StatusCode, location: res.Header.Get("Location")}
}

// start is how the body of an answer begins, which it closes.
func start(res *http.Response) []byte {
	defer res.Body.Close()
	defer time.AfterFunc(time.Second, func() { _ = res.Body.Close() }).Stop() // it may take long to come
	b, _ := io.ReadAll(io.LimitReader(res.Body, 200))
	return b
}

// firstLine is a colon and what a body says first, unless that is HTML.
func firstLine(body []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n")
	if line == "" || line[0] == '<' {
		return ""
	}
	return ": " + strings.ToValidUTF8(strings.TrimSpace(line), "?")
}

// route is where a stream is asked for after redirections. Its client comes back there, as
// Chromium does.
type route struct {
	url  *url.URL
	get  bool // by GET, whatever the request's method
	away bool // another origin was on the way
	hops int  // of the present try
}

// mostHops is how many redirections in a row browsers follow.
const mostHops = 20

// redirections are the statuses that browsers follow.
var redirections = []int{301, 302, 303, 307, 308}

// follow takes a redirection: the stream is asked for there from now on. Otherwise it returns
// why the stream is refused. The meter's mutex is held.
func (s *Swarm) follow(st *stream, r *refusal) error {
	if r.location == "" || !slices.Contains(redirections, r.code) {
		return r
	}
	a, err := s.asks(st)
	if err != nil {
		return err
	}
	to, err := a.url.Parse(r.location)
	if err != nil || to.Scheme != "http" && to.Scheme != "https" || to.Host == "" {
		return &refusal{what: fmt.Sprintf("redirected to %q, which is no URL of a server", r.location)}
	}
	if to.Scheme == "https" && s.raw {
		return &refusal{what: fmt.Sprintf("redirected to %s: streams by http and by https are not mixed; give that URL", to)}
	}
	next := route{url: to, hops: 1, get: r.code == http.StatusSeeOther || r.code < http.StatusSeeOther && a.method == http.MethodPost}
	if last := st.route; last != nil {
		next = route{to, last.get || next.get, last.away, last.hops + 1}
	}
	next.away = next.away || to.Scheme != a.url.Scheme || to.Host != a.url.Host
	if next.hops > mostHops {
		return &refusal{what: fmt.Sprintf("redirected more than %d times, last to %s", mostHops, to)}
	}
	st.route = &next
	return nil
}

// ask is a request after redirections.
func (r *route) ask(a ask) ask {
	if r == nil {
		return a
	}
	a.header = maps.Clone(a.header)
	if r.get && a.method != http.MethodHead {
		a.method, a.body = http.MethodGet, nil
		a.header.Del("Content-Type")
	}
	if r.away {
		a.header.Del("Authorization")
	}
	if r.url.Host != a.url.Host {
		a.header.Del("Cookie")
		a.header.Set("Host", r.url.Host)
	}
	a.url = r.url
	return a
}

func (s *Swarm) where(st *stream) string {
	first, err := s.form(st).fill(s.valuesOf(st))
	if err != nil {
		return s.request.URL
	}
	if st.route == nil {
		return first.url.Redacted()
	}
	return fmt.Sprintf("%s (redirected from %s)", st.route.url.Redacted(), first.url.Redacted())
}
