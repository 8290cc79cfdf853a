package load

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// prepare reads the request, and finds where the first stream goes.
func (s *Swarm) prepare(ctx context.Context) (err error) {
	r := &s.request
	r.Method, r.Header = cmp.Or(r.Method, http.MethodGet), maps.Clone(r.Header)
	if r.Header == nil {
		r.Header = http.Header{}
	}
	if r.Header.Get("Cache-Control") == "" {
		r.Header.Set("Cache-Control", "no-cache") // as every EventSource sends it
	}
	if r.Compress != "" {
		if _, ok := encodings[r.Compress]; !ok {
			return fmt.Errorf("accept the encoding %q: give one of %s", r.Compress, strings.Join(slices.Sorted(maps.Keys(encodings)), ", "))
		}
		r.Header.Set("Accept-Encoding", r.Compress)
	}
	for _, url := range append([]string{r.URL}, r.Others...) {
		f, err := newForm(r.Method, url, r.Header, r.Body, "Accept", "text/event-stream")
		if err != nil {
			return err
		}
		s.forms = append(s.forms, f)
	}
	s.dialer = &dialer{unix: r.Unix, hosts: map[string][]netip.AddrPort{}}
	if r.Login != nil {
		if s.logins, err = newLogins(r, s.dialer); err != nil {
			return err
		}
		s.logIn(ctx, 1)
	}
	return s.resolve(ctx)
}

// resolve finds where the first stream goes.
func (s *Swarm) resolve(ctx context.Context) error {
	v := s.request.Data.of(0)
	if s.logins != nil {
		if err := s.loggedIn[0].err; err != nil {
			return err
		}
		v["Login"] = s.loggedIn[0].values
	}
	first, err := s.form(&stream{}).fill(v)
	if err != nil {
		return err
	}
	s.raw = s.request.raw(first.url)
	for _, other := range s.request.Others {
		if strings.HasPrefix(other, "https:") != (first.url.Scheme == "https") {
			return fmt.Errorf("URL %q beside %q: give only http or only https", other, first.url.Redacted())
		}
	}
	addrs, err := s.dialer.find(ctx, hostPort(first.url))
	if err != nil {
		return fmt.Errorf("URL %q: %w", first.url.Redacted(), err)
	}
	if len(addrs) > 0 {
		s.dialer.sources, err = newSources(s.request.Sources, addrs[0].Addr())
		s.dialer.sources.dealt = s.request.Data.First
	}
	return err
}

// form is of the URL that a stream asks for.
func (s *Swarm) form(st *stream) *form {
	return s.forms[(s.request.Data.First+st.index)%len(s.forms)]
}

// valuesOf are what {{…}} stands for in the requests of a stream. The meter's mutex is held.
func (s *Swarm) valuesOf(st *stream) values {
	v := s.request.Data.of(st.index)
	if st.login != nil {
		v["Login"] = st.login.values
	}
	return v
}

// asks is what a stream asks for next. The meter's mutex is held.
func (s *Swarm) asks(st *stream) (ask, error) {
	var v values
	f := s.form(st)
	if f.fixed == nil || f.body.parsed != nil {
		v = s.valuesOf(st)
	}
	if st.login != nil && st.login.err != nil {
		return ask{}, st.login.err
	}
	a, err := f.fill(v)
	if err != nil {
		return ask{}, &refusal{what: err.Error()}
	}
	if st.login != nil {
		a = st.login.withCookies(a)
	}
	return st.route.ask(a).with("Last-Event-ID", st.dec.LastEventID()), nil
}
