package load

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Login is a request that each stream makes once, before its first. What the answer has is
// {{.Login.name}} then: the fields of a JSON object, cookies, headers, and Body, which is all
// of it. The cookies are sent with the stream's requests, too. URL, Header and Body may have
// {{…}} as those of the Request.
type Login struct {
	Method, URL string
	Header      http.Header
	Body        string
}

// login is what a stream has from its Login.
type login struct {
	values  map[string]any
	cookies string
	err     error
}

// logins sends the requests of a Login.
type logins struct {
	form   *form
	client http.Client
}

// atATime is how many logins are under way at once.
const atATime = 64

func newLogins(r *Request, d *dialer) (*logins, error) {
	kind := "application/x-www-form-urlencoded"
	if strings.HasPrefix(r.Login.Body, "{") {
		kind = "application/json"
	}
	f, err := newForm(cmp.Or(r.Login.Method, http.MethodPost), r.Login.URL, r.Login.Header, r.Login.Body, "Content-Type", kind)
	if err != nil {
		return nil, fmt.Errorf("login: %w", err)
	}
	return &logins{f, http.Client{Transport: d.transport(r.TLS, atATime, false), CheckRedirect: dontFollow, Timeout: 30 * time.Second}}, nil
}

func (l *logins) of(ctx context.Context, v values) *login {
	got, err := l.send(ctx, v)
	if err != nil {
		return &login{err: &refusal{what: fmt.Sprintf("log in: %v", explained(err))}}
	}
	return got
}

func (l *logins) send(ctx context.Context, v values) (*login, error) {
	a, err := l.form.fill(v)
	if err != nil {
		return nil, err
	}
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	res, err := l.client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode >= 400 {
		return nil, fmt.Errorf("%s: %w", a.url.Redacted(), refused(res))
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return read(res, body), err
}

// read takes what a stream may need from an answer.
func read(res *http.Response, body []byte) *login {
	l := &login{values: map[string]any{"Body": string(bytes.TrimSpace(body))}}
	for name, lines := range res.Header {
		l.values[name] = lines[0]
	}
	var pairs []string
	for _, c := range res.Cookies() {
		l.values[c.Name] = c.Value
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	l.cookies = strings.Join(pairs, "; ")
	var fields map[string]any
	numbers := json.NewDecoder(bytes.NewReader(body))
	numbers.UseNumber() // as they are written
	if numbers.Decode(&fields) == nil {
		maps.Copy(l.values, fields)
	}
	return l
}

// withCookies adds the login's cookies to a request.
func (l *login) withCookies(a ask) ask {
	if l.cookies == "" {
		return a
	}
	return a.with("Cookie", joined(a.header.Get("Cookie"), l.cookies))
}

// joined are cookies as one header has them: "a=b; c=d".
func joined(cookies, more string) string { return strings.Trim(cookies+"; "+more, "; ") }

// LogIn logs in as the first stream does, for requests that are made without a Swarm.
func (r *Request) LogIn(ctx context.Context) (*User, error) {
	all, err := newLogins(r, &dialer{unix: r.Unix, hosts: map[string][]netip.AddrPort{}})
	if err != nil {
		return nil, err
	}
	defer all.client.CloseIdleConnections()
	v := r.Data.of(0)
	l := all.of(ctx, v)
	v["Login"], v["Message"] = l.values, "{{.Message}}" // which is put in for each event
	return &User{v, l}, l.err
}

// User is who has logged in.
type User struct {
	values values
	login  *login
}

// Cookies are others and those of the login's answer, as one header has them: "a=b; c=d".
func (u *User) Cookies(others string) string { return joined(others, u.login.cookies) }

// Fill puts in what {{…}} stands for. {{.Message}} stays.
func (u *User) Fill(texts ...*string) error { return fillAll(texts, u.values) }

// FillURLs does so with values as they are written in URLs.
func (u *User) FillURLs(urls ...*string) error { return fillAll(urls, u.values.forURL()) }

func fillAll(texts []*string, v values) error {
	for _, to := range texts {
		t, err := parseText(*to)
		if err == nil {
			*to, err = t.fill(v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// logIn logs in for the next n new streams, if a login is asked for.
func (s *Swarm) logIn(ctx context.Context, n int) {
	if s.logins == nil {
		return
	}
	first := len(s.loggedIn)
	s.loggedIn = append(s.loggedIn, make([]*login, max(len(s.streams)+n-len(s.left)-first, 0))...)
	var running sync.WaitGroup
	free := make(chan struct{}, atATime)
	for i := first; i < len(s.loggedIn); i++ {
		free <- struct{}{}
		running.Go(func() {
			s.loggedIn[i] = s.logins.of(ctx, s.request.Data.of(i))
			<-free
		})
	}
	running.Wait()
}
