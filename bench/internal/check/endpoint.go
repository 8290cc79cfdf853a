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

	"github.com/fastsse/fastsse/bench/internal/load"
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
	e := endpoint{method: method, body: body, header: header.Clone(), tls: cmp.Or(c.TLS, &tls.Config{})}
	socket, rest := load.SplitUnix(address)
	u, err := load.ParseURL(rest)
	if err != nil {
		return e, fmt.Errorf("check: %w", err)
	}
	e.url, e.socket = u, socket
	return e, nil
}

func (e *endpoint) String() string {
	if e.socket != "" {
		return "unix:" + e.socket + ":" + e.url.RequestURI()
	}
	return e.url.String()
}

// newRequest makes a request with the headers of e, and others: its own are in place of
// these, and these in place of the usual.
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

// connectWithin bounds connecting, with TLS, and publishing an event.
const connectWithin = 10 * time.Second

// connect makes a connection without TLS.
func (e *endpoint) connect(ctx context.Context, network, address string) (net.Conn, error) {
	if e.socket != "" {
		network, address = "unix", e.socket
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// transport makes connections that may speak HTTP/2.
func (e *endpoint) transport() *http.Transport {
	return &http.Transport{TLSClientConfig: e.tls.Clone(), ForceAttemptHTTP2: true, DisableCompression: true, DialContext: e.connect}
}

// dialTLS makes a connection with TLS that speaks HTTP/1.1.
func (e *endpoint) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	d := tls.Dialer{Config: e.tls.Clone()}
	d.Config.NextProtos = []string{"http/1.1"}
	return d.DialContext(ctx, network, address)
}

// unreachable says what to do about an error of connecting.
func (e *endpoint) unreachable(err error) error {
	_, plain := errors.AsType[tls.RecordHeaderError](err)
	_, unverified := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case plain, errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Errorf("check: TLS with %s: %w; the port does not speak TLS: give the address with http", e, err)
	case unverified:
		return fmt.Errorf("check: TLS with %s: %w; -insecure skips the verification of the certificate", e, err)
	case strings.Contains(err.Error(), "certificate"):
		return fmt.Errorf("check: TLS with %s: %w; -cert and -key give a certificate of the client", e, err)
	}
	return fmt.Errorf("check: connect to %s: %w; is the server running there?", e, err)
}

// without is h without these headers.
func without(h http.Header, names ...string) http.Header {
	h = h.Clone()
	for _, name := range names {
		h.Del(name)
	}
	return h
}
