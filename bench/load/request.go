package load

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
)

// Request is what a client asks the server for.
type Request struct {
	URL    string
	Method string // empty: GET
	Header http.Header
	Body   string

	Gzip     bool // accept it
	HTTP2    bool // offer it (over TLS)
	Insecure bool // take any certificate

	// Sources are the local addresses to connect from, in turn. Without any,
	// loopback targets are reached from 127.0.1.1 on, a few thousand streams
	// each, so that ports do not run out; others from whatever the system picks.
	Sources []netip.Addr
}

// raw says whether the request can be made without net/http: it is plain
// HTTP/1.1, with nothing to decode.
func (r *Request) raw(u *url.URL) bool { return u.Scheme == "http" && !r.Gzip && !r.HTTP2 }

// endpoint is a request's URL, checked and resolved.
type endpoint struct {
	url  *url.URL
	addr netip.AddrPort
}

// resolve checks the URL, and finds the first address of its host.
func resolve(ctx context.Context, rawURL string) (endpoint, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return endpoint{}, fmt.Errorf("read URL %q: %w", rawURL, err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return endpoint{}, fmt.Errorf("URL %q: give one that begins with http:// or https:// and a host", rawURL)
	}
	port, _ := strconv.ParseUint(u.Port(), 10, 16)
	if u.Port() == "" {
		port = map[string]uint64{"http": 80, "https": 443}[u.Scheme]
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil {
		return endpoint{}, fmt.Errorf("URL %q: find the address of %q: %w", rawURL, u.Hostname(), err)
	}
	addr := addrs[0].Unmap()
	for _, a := range addrs { // localhost is both, and servers listen on the older one at least
		if a.Unmap().Is4() {
			addr = a.Unmap()
			break
		}
	}
	return endpoint{u, netip.AddrPortFrom(addr, uint16(port))}, nil
}

// bytes is the request on the wire, with lastID as Last-Event-ID if it is not
// empty.
func (r *Request) bytes(u *url.URL, lastID []byte) []byte {
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	b := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, u.RequestURI(), u.Host)
	if r.Header.Get("Accept") == "" {
		b = append(b, "Accept: text/event-stream\r\n"...)
	}
	for name, values := range r.Header {
		for _, v := range values {
			b = fmt.Appendf(b, "%s: %s\r\n", name, v)
		}
	}
	if len(lastID) > 0 {
		b = fmt.Appendf(b, "Last-Event-ID: %s\r\n", lastID)
	}
	if r.Body != "" {
		b = fmt.Appendf(b, "Content-Length: %d\r\n", len(r.Body))
	}
	return append(append(b, "\r\n"...), r.Body...)
}

// sources deals out the local addresses of connections to addr.
type sources struct {
	addrs      []netip.Addr
	perAddress int // connections before the next address
	dealt      int
}

// perLoopback is how many streams share a loopback address.
const perLoopback = 4000

func newSources(given []netip.Addr, to netip.Addr) *sources {
	s := &sources{addrs: given, perAddress: 1}
	if len(given) == 0 && to.Is4() && to.IsLoopback() {
		s.perAddress = perLoopback
		for i := range 200 {
			s.addrs = append(s.addrs, netip.AddrFrom4([4]byte{127, 0, 1, byte(1 + i)}))
		}
	}
	return s
}

// next is the address of the next connection; the zero one leaves it to the
// system.
func (s *sources) next() netip.Addr {
	if len(s.addrs) == 0 {
		return netip.Addr{}
	}
	a := s.addrs[s.dealt/s.perAddress%len(s.addrs)]
	s.dealt++
	return a
}

// most is how many connections the busiest address has had.
func (s *sources) most() int {
	if len(s.addrs) == 0 {
		return s.dealt
	}
	return min(s.dealt, s.perAddress) * max((s.dealt+s.perAddress*len(s.addrs)-1)/(s.perAddress*len(s.addrs)), 1)
}
