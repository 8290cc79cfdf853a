package load

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
)

// Request is a client's request for a stream.
type Request struct {
	URL    string
	Method string // empty: GET
	Header http.Header
	Body   string

	Gzip     bool // accept it
	HTTP2    bool // offer it (over TLS)
	Insecure bool // take any certificate

	// Sources are the local addresses to connect from, in turn. Without any,
	// loopback targets are reached from 127.0.1.1 and up, a few thousand streams
	// from each, so that ports do not run out; for other targets the system picks.
	Sources []netip.Addr
}

// raw reports whether the request can be made without net/http: it is plain HTTP/1.1,
// with nothing to decode.
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
	port := map[string]uint64{"http": 80, "https": 443}[u.Scheme]
	if u.Port() != "" {
		if port, err = strconv.ParseUint(u.Port(), 10, 16); err != nil || port == 0 {
			return endpoint{}, fmt.Errorf("URL %q: give a port from 1 to 65535", rawURL)
		}
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil {
		return endpoint{}, fmt.Errorf("URL %q: find the address of %q: %w", rawURL, u.Hostname(), err)
	}
	addr := addrs[0].Unmap()
	for _, a := range addrs { // localhost may be IPv4 and IPv6; servers listen at least on IPv4
		if a.Unmap().Is4() {
			addr = a.Unmap()
			break
		}
	}
	return endpoint{u, netip.AddrPortFrom(addr, uint16(port))}, nil
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

// appendHead appends the first line of a request and the complete header.
func appendHead(b []byte, method string, u *url.URL, h http.Header) []byte {
	b = fmt.Appendf(b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, u.RequestURI(), h.Get("Host"))
	for name, values := range h {
		if name == "Host" {
			continue
		}
		for _, v := range values {
			b = fmt.Appendf(b, "%s: %s\r\n", name, v)
		}
	}
	return b
}

// bytes is the request on the wire.
func (r *Request) bytes(u *url.URL, lastID string) []byte {
	b := appendHead(nil, r.Method, u, r.header(lastID))
	if r.Body != "" || r.Method != http.MethodGet {
		b = fmt.Appendf(b, "Content-Length: %d\r\n", len(r.Body))
	}
	return append(append(b, "\r\n"...), r.Body...)
}

// header is the complete header, with lastID as Last-Event-ID if it is not empty.
func (r *Request) header(lastID string) http.Header {
	if lastID == "" {
		return r.Header
	}
	h := maps.Clone(r.Header)
	h.Set("Last-Event-ID", lastID)
	return h
}

// sources deals out the local addresses of connections to addr.
type sources struct {
	addrs      []netip.Addr
	perAddress int // connections before the next address
	dealt      int
}

// perLoopback is how many streams share a loopback address.
const perLoopback = 4000

func newSources(given []netip.Addr, to netip.Addr) (*sources, error) {
	s := &sources{perAddress: 1}
	for _, from := range given {
		if from = from.Unmap(); from.Is4() != to.Is4() {
			return nil, fmt.Errorf("connect from %v to %v: one is IPv4, the other is not; give addresses of the target's kind", from, to)
		}
		s.addrs = append(s.addrs, from)
	}
	if len(given) == 0 && to.Is4() && to.IsLoopback() {
		s.perAddress = perLoopback
		for i := range 200 {
			s.addrs = append(s.addrs, netip.AddrFrom4([4]byte{127, 0, 1, byte(1 + i)}))
		}
	}
	return s, nil
}

// next is the address for the next connection; zero leaves it to the system.
func (s *sources) next() netip.Addr {
	s.dealt++
	if len(s.addrs) == 0 {
		return netip.Addr{}
	}
	return s.addrs[(s.dealt-1)/s.perAddress%len(s.addrs)]
}

// most is how many of n connections the busiest address has.
func (s *sources) most(atATime int) int {
	n := min(s.dealt, atATime)
	if len(s.addrs) == 0 {
		return n
	}
	round := s.perAddress * len(s.addrs)
	return n/round*s.perAddress + min(n%round, s.perAddress)
}
