package check

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// endpoint is an address, and how it is asked.
type endpoint struct {
	url          *url.URL
	socket       string // the unix socket where the server listens; empty: the URL's host
	method, body string
	header       http.Header
	tls          *tls.Config
}

func (c *Config) endpoint(address, method, body string, header http.Header) (endpoint, error) {
	e := endpoint{method: method, body: body, header: header.Clone(), tls: &tls.Config{InsecureSkipVerify: c.Insecure, Certificates: c.Certificates}}
	written := address
	if rest, ok := strings.CutPrefix(address, "unix:"); ok {
		path, uri, _ := strings.Cut(rest, ":")
		e.socket, address = path, "http://localhost"+uri
	}
	var err error
	if e.url, err = url.Parse(address); err != nil || e.url.Scheme != "http" && e.url.Scheme != "https" {
		return e, fmt.Errorf("check: URL %q does not begin with http or https; give one such as http://127.0.0.1:8080/events, or unix:/run/app.sock:/events", written)
	}
	if e.url.Host == "" {
		return e, fmt.Errorf("check: URL %q names no host; give one such as http://127.0.0.1:8080/events", written)
	}
	return e, nil
}

func (e *endpoint) String() string {
	if e.socket != "" {
		return "unix:" + e.socket + ":" + e.url.RequestURI()
	}
	return e.url.String()
}

// request is what differs from the request of an EventSource for the stream.
type request struct {
	method string      // empty: the endpoint's, with its body
	header http.Header // in place of what is usual; an empty value: not sent
	http10 bool
}

// newRequest makes a request with a body.
func (e *endpoint) newRequest(ctx context.Context, method, body string, usual, own http.Header) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, e.url.String(), strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	for _, h := range []http.Header{usual, e.header, own} {
		maps.Copy(req.Header, h)
	}
	req.Host = req.Header.Get("Host")
	return req, nil
}

// stream makes the request for a stream.
func (e *endpoint) stream(ctx context.Context, r request) (*http.Request, error) {
	usual := http.Header{"Accept": {"text/event-stream"}, "Cache-Control": {"no-cache"}, "User-Agent": {"fastsse-bench check"}}
	if r.method != "" {
		return e.newRequest(ctx, r.method, "", usual, r.header)
	}
	return e.newRequest(ctx, e.method, e.body, usual, r.header)
}

// connectWithin bounds connecting, with TLS, and publishing an event.
const connectWithin = 10 * time.Second

// connect makes a connection without TLS.
func (e *endpoint) connect(ctx context.Context, _, _ string) (net.Conn, error) {
	var d net.Dialer
	if e.socket != "" {
		return d.DialContext(ctx, "unix", e.socket)
	}
	return d.DialContext(ctx, "tcp", net.JoinHostPort(e.url.Hostname(), cmp.Or(e.url.Port(), e.url.Scheme)))
}

// dial connects, over TLS if the address says so.
func (e *endpoint) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	plain, err := e.connect(ctx, "", "")
	if err != nil {
		return nil, fmt.Errorf("check: connect to %s: %w; is the server running there?", e, err)
	}
	if e.url.Scheme != "https" {
		return plain, nil
	}
	config := e.tls.Clone()
	config.ServerName, config.NextProtos = e.url.Hostname(), []string{"http/1.1"}
	conn := tls.Client(plain, config)
	if err = conn.HandshakeContext(ctx); err == nil {
		return conn, nil
	}
	_ = plain.Close()
	remedy := "-insecure skips the verification of the certificate"
	if _, other := errors.AsType[tls.RecordHeaderError](err); other {
		remedy = "the port does not speak TLS: give the address with http"
	} else if strings.Contains(err.Error(), "remote error") {
		remedy = "-cert and -key give a certificate of the client"
	}
	return nil, fmt.Errorf("check: TLS with %s: %w; %s", e, err, remedy)
}

// speaksTLS reports whether TLS can be had at an address that is given with http.
func (e *endpoint) speaksTLS(ctx context.Context, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	c, err := e.connect(ctx, "", "")
	if err != nil {
		return false
	}
	defer func() { _ = c.Close() }()
	return tls.Client(c, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(ctx) == nil
}

// transport is for requests with net/http.
func (e *endpoint) transport() *http.Transport {
	return &http.Transport{TLSClientConfig: e.tls.Clone(), ForceAttemptHTTP2: true, DisableCompression: true, DialContext: e.connect}
}

// follow goes where an answer redirects to, as browsers do, and reports whether it did.
func (e *endpoint) follow(h *head) bool {
	to, err := e.url.Parse(h.Get("Location"))
	if h.status/100 != 3 || h.Get("Location") == "" || err != nil || (to.Scheme != "http" && to.Scheme != "https") {
		return false
	}
	if h.status == 303 || h.status < 303 && e.method == "POST" {
		e.method, e.body = "GET", ""
	}
	if to.Host != e.url.Host { // secrets are only for the first host
		e.socket, e.header = "", without(e.header, "Authorization", "Cookie", "Host")
	}
	e.url = to
	return true
}

func without(h http.Header, names ...string) http.Header {
	h = h.Clone()
	for _, name := range names {
		h.Del(name)
	}
	return h
}
