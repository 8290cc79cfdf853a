package check

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// target is an address, and how it is asked.
type target struct {
	url      *url.URL
	header   http.Header
	insecure bool
}

func newTarget(rawURL string, header http.Header, insecure bool) (target, error) {
	u, err := url.Parse(rawURL)
	switch {
	case err != nil:
		return target{}, fmt.Errorf("check: read URL: %w", err)
	case u.Scheme != "http" && u.Scheme != "https":
		return target{}, fmt.Errorf("check: URL %q has scheme %q; give one with http or https", rawURL, u.Scheme)
	case u.Host == "":
		return target{}, fmt.Errorf("check: URL %q names no host; give one such as http://127.0.0.1:8080/events", rawURL)
	}
	return target{url: u, header: header, insecure: insecure}, nil
}

func (t target) secure() bool { return t.url.Scheme == "https" }

// address is where to connect to.
func (t target) address() string {
	port := t.url.Port()
	switch {
	case port != "":
	case t.secure():
		port = "443"
	default:
		port = "80"
	}
	return net.JoinHostPort(t.url.Hostname(), port)
}

// tlsConfig offers the given protocols, or whatever its user offers.
func (t target) tlsConfig(protocols ...string) *tls.Config {
	return &tls.Config{ServerName: t.url.Hostname(), InsecureSkipVerify: t.insecure, NextProtos: protocols}
}

// connectWithin bounds connecting, with TLS.
const connectWithin = 10 * time.Second

// dial connects, over TLS if the address says so.
func (t target) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", t.address())
	if err != nil {
		return nil, fmt.Errorf("check: connect to %s: %w; is the server running there?", t.url, err)
	}
	if !t.secure() {
		return c, nil
	}
	s := tls.Client(c, t.tlsConfig("http/1.1"))
	if err := s.HandshakeContext(ctx); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("check: TLS with %s: %w; -insecure skips the verification of the certificate", t.url, err)
	}
	return s, nil
}

// speaksTLS reports whether TLS can be had at an address that is given with http.
func (t target) speaksTLS(ctx context.Context, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	t.insecure, t.url = true, &url.URL{Scheme: "https", Host: t.address()}
	c, err := t.dial(ctx)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// request is what is asked. The zero value asks for a stream as EventSource
// does.
type request struct {
	method string // empty: GET
	proto  string // empty: HTTP/1.1
	header []string
	run    string // events with this mark were published here
}

// bytes is the request as it is sent to t.
func (r request) bytes(t target) []byte {
	method, proto := r.method, r.proto
	if method == "" {
		method = "GET"
	}
	if proto == "" {
		proto = "HTTP/1.1"
	}
	host := t.url.Host
	if h := t.header.Get("Host"); h != "" {
		host = h
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\r\nHost: %s\r\n", method, t.url.RequestURI(), proto, host)
	for name, values := range t.header {
		for _, v := range values {
			if name != "Host" {
				fmt.Fprintf(&b, "%s: %s\r\n", name, v)
			}
		}
	}
	for _, line := range append(r.usual(t), r.header...) {
		b.WriteString(line + "\r\n")
	}
	b.WriteString("\r\n")
	return []byte(b.String())
}

// usual are the headers of every request, unless the user has set them.
func (r request) usual(t target) []string {
	var lines []string
	for _, h := range [][2]string{{"Accept", "text/event-stream"}, {"Cache-Control", "no-cache"}, {"User-Agent", "fastsse-bench check"}} {
		if t.header.Get(h[0]) == "" {
			lines = append(lines, h[0]+": "+h[1])
		}
	}
	return lines
}
