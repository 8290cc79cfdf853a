package load

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Request is a client's request for a stream. URL, Header, Body and the Login's may have
// {{…}} for what differs from stream to stream: see Data.
type Request struct {
	URL    string
	Others []string // more URLs: streams use them in turn
	Method string   // empty: GET
	Header http.Header
	Body   string
	Data   Data
	Login  *Login // the request before; nil: none

	Compress string      // the encoding to accept: gzip, br or zstd; empty: none
	HTTP2    bool        // offer it (over TLS)
	TLS      *tls.Config // nil: the system's authorities, and no certificate of the client's
	Unix     string      // path of the socket to connect to, whatever the URL says; empty: by TCP

	// Sources are the local addresses to connect from, in turn. Without any,
	// loopback targets are reached from 127.0.1.1 and up, a few thousand streams
	// from each, so that ports do not run out; for other targets the system picks.
	Sources []netip.Addr
}

// raw reports whether the request can be made without net/http: it is plain HTTP/1.1,
// with nothing to decode.
func (r *Request) raw(u *url.URL) bool { return u.Scheme == "http" && r.Compress == "" && !r.HTTP2 }

// form is a request that is made many times, with {{…}} for what differs.
type form struct {
	method    string
	url, body text
	header    map[string][]text
	extra     [2]string // a header, unless it is given
	fixed     *ask      // if neither URL nor header differ; without a body
}

// ask is one request.
type ask struct {
	method string
	url    *url.URL
	header http.Header // complete, and often shared: to be cloned before it is changed
	body   []byte
}

func newForm(method, rawURL string, h http.Header, body, name, value string) (*form, error) {
	f := &form{method: method, header: map[string][]text{}, extra: [2]string{name, value}}
	var err error
	if f.url, err = parseText(rawURL); err != nil {
		return nil, err
	}
	if f.body, err = parseText(body); err != nil {
		return nil, err
	}
	differs := f.url.parsed != nil
	for name, lines := range h {
		for _, line := range lines {
			t, err := parseText(line)
			if err != nil {
				return nil, err
			}
			differs = differs || t.parsed != nil
			f.header[name] = append(f.header[name], t)
		}
	}
	if differs {
		return f, nil
	}
	f.fixed, err = f.head(nil)
	return f, err
}

func (f *form) head(v values) (*ask, error) {
	raw, err := f.url.fill(v.forURL())
	if err != nil {
		return nil, err
	}
	a := &ask{method: f.method}
	if a.url, err = ParseURL(raw); err != nil {
		return nil, err
	}
	h := http.Header{}
	for name, lines := range f.header {
		for _, t := range lines {
			line, err := t.fill(v)
			if err != nil {
				return nil, err
			}
			if strings.ContainsAny(line, "\r\n") {
				return nil, fmt.Errorf("header %s: %q has more than one line", name, line)
			}
			h[name] = append(h[name], line)
		}
	}
	a.header = complete(h, a.url, f.extra[0], f.extra[1])
	return a, nil
}

func (f *form) fill(v values) (ask, error) {
	head := f.fixed
	if head == nil {
		var err error
		if head, err = f.head(v); err != nil {
			return ask{}, err
		}
	}
	a := *head
	body, err := f.body.fill(v)
	a.body = []byte(body)
	return a, err
}

// ParseURL reads the URL of a server. Without a scheme it is http.
func ParseURL(raw string) (*url.URL, error) {
	full := raw
	if raw != "" && !strings.Contains(raw, "://") {
		full = "http://" + raw
	}
	u, err := url.Parse(full)
	if err != nil {
		return nil, fmt.Errorf("read URL %q: %w", raw, err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, fmt.Errorf("URL %q: give one that begins with http:// or https:// and a host", raw)
	}
	if n, err := strconv.ParseUint(cmp.Or(u.Port(), "80"), 10, 16); err != nil || n == 0 {
		return nil, fmt.Errorf("URL %q: give a port from 1 to 65535", raw)
	}
	if strings.ContainsFunc(u.RequestURI(), func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return nil, fmt.Errorf("URL %q: it has a space in it; write %%20", raw)
	}
	return u, nil
}

// complete returns h with what it lacks: the host, the URL's user, and a value for
// name.
func complete(h http.Header, u *url.URL, name, value string) http.Header {
	all := http.Header{"Host": {u.Host}, name: {value}}
	if u.User != nil {
		password, _ := u.User.Password()
		both := u.User.Username() + ":" + password
		all.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(both)))
	}
	maps.Copy(all, h)
	return all
}

// with returns the request with one more header, unless the value is empty.
func (a ask) with(name, value string) ask {
	if value != "" {
		a.header = maps.Clone(a.header)
		a.header.Set(name, value)
	}
	return a
}

func (a *ask) appendTo(b []byte) []byte {
	b = append(append(append(append(b, a.method...), ' '), a.url.RequestURI()...), " HTTP/1.1\r\n"...)
	b = appendLine(b, "Host", a.header.Get("Host"))
	for name, lines := range a.header {
		if name == "Host" {
			continue
		}
		for _, line := range lines {
			b = appendLine(b, name, line)
		}
	}
	if len(a.body) > 0 || a.method != http.MethodGet {
		b = appendLine(b, "Content-Length", strconv.Itoa(len(a.body)))
	}
	return append(append(b, "\r\n"...), a.body...)
}

func appendLine(b []byte, name, value string) []byte {
	return append(append(append(append(b, name...), ": "...), value...), "\r\n"...)
}

func (a *ask) request(ctx context.Context) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, a.method, a.url.String(), bytes.NewReader(a.body))
	if err != nil {
		return nil, err
	}
	req.Header, req.Host = a.header.Clone(), a.header.Get("Host")
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "fastsse-bench") // servers may know net/http's by its own
	}
	return req, nil
}
