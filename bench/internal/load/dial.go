package load

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// dialer knows where connections go, and from where.
type dialer struct {
	unix string // path of the socket that all go to; empty: by TCP

	mu      sync.Mutex                  // guards what follows
	hosts   map[string][]netip.AddrPort // by host and port, as they were found first
	sources sources
	dialled int
}

// lookUp finds the addresses of a host. Tests replace it.
var lookUp = net.DefaultResolver.LookupNetIP

func hostPort(u *url.URL) string {
	return net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme]))
}

// known returns the addresses of a host and port, if they were found before.
func (d *dialer) known(at string) ([]netip.AddrPort, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	addrs, ok := d.hosts[at]
	return addrs, ok || d.unix != ""
}

// find returns the addresses of a host and port, IPv4 first: servers at localhost listen
// at least there, mostly.
func (d *dialer) find(ctx context.Context, at string) ([]netip.AddrPort, error) {
	if addrs, ok := d.known(at); ok {
		return addrs, nil
	}
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		return nil, err
	}
	found, err := lookUp(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("find the address of %q: %w", host, err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, err
	}
	var addrs []netip.AddrPort
	for _, a := range found {
		addrs = append(addrs, netip.AddrPortFrom(a.Unmap(), uint16(number)))
	}
	slices.SortStableFunc(addrs, func(a, b netip.AddrPort) int { return a.Addr().BitLen() - b.Addr().BitLen() })
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hosts[at] = addrs
	return addrs, nil
}

// pick is the address that connection n uses after it has tried so many others: those of the
// first kind in turn, so that connections spread over them, then those of the other kind. It
// is not valid when all have been tried.
func pick(addrs []netip.AddrPort, n, tried int) netip.AddrPort {
	kind := 0
	for kind < len(addrs) && addrs[kind].Addr().Is4() == addrs[0].Addr().Is4() {
		kind++
	}
	switch {
	case tried < kind:
		return addrs[(n+tried)%kind]
	case tried < len(addrs):
		return addrs[tried]
	}
	return netip.AddrPort{}
}

// from is the local address of the next connection; zero leaves it to the system.
func (d *dialer) from(to netip.Addr) netip.Addr {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sources.next(to)
}

// dial connects to a host and port: to its addresses in turn, until one answers.
func (d *dialer) dial(ctx context.Context, at string) (net.Conn, error) {
	if d.unix != "" {
		return new(net.Dialer).DialContext(ctx, "unix", d.unix)
	}
	addrs, err := d.find(ctx, at)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	n := d.dialled
	d.dialled++
	d.mu.Unlock()
	for tried := 0; ; tried++ {
		to := pick(addrs, n, tried)
		if !to.IsValid() {
			return nil, err
		}
		one := net.Dialer{}
		if from := d.from(to.Addr()); from.IsValid() {
			one.LocalAddr = &net.TCPAddr{IP: from.AsSlice()}
		}
		var conn net.Conn
		if conn, err = one.DialContext(ctx, "tcp", to.String()); err == nil {
			return conn, nil
		}
	}
}

// transport is net/http by way of the dialer. It keeps so many idle connections.
func (d *dialer) transport(t *tls.Config, idle int, http2 bool) *http.Transport {
	return &http.Transport{
		DisableCompression:  true, // what is asked for is decoded here
		MaxIdleConnsPerHost: idle,
		ForceAttemptHTTP2:   http2,
		TLSClientConfig:     t.Clone(),
		DialContext:         func(ctx context.Context, _, at string) (net.Conn, error) { return d.dial(ctx, at) },
	}
}

// dontFollow takes a redirection for an answer.
func dontFollow(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// explained says what to do about an error of net/http, without the URL.
func explained(err error) error {
	if of, ok := errors.AsType[*url.Error](err); ok {
		err = of.Err
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("%w; give the certificate of its authority with -cacert, or take any with -insecure", err)
	}
	return err
}

// TLSConfig reads what a client needs: its certificate and key, and the certificate of an
// authority to trust beside the system's, from files, each of which may be empty. insecure
// takes any server.
func TLSConfig(cert, key, authority string, insecure bool) (*tls.Config, error) {
	c := &tls.Config{InsecureSkipVerify: insecure}
	if cert != "" || key != "" {
		pair, err := tls.LoadX509KeyPair(cert, cmp.Or(key, cert))
		if err != nil {
			return nil, fmt.Errorf("read the client's certificate -cert %q with -key %q: %w", cert, key, err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if authority == "" {
		return c, nil
	}
	text, err := os.ReadFile(authority)
	if err != nil {
		return nil, fmt.Errorf("read -cacert: %w", err)
	}
	if c.RootCAs, err = x509.SystemCertPool(); err != nil {
		c.RootCAs = x509.NewCertPool()
	}
	if !c.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("read -cacert %q: it has no certificate in PEM", authority)
	}
	return c, nil
}

// SplitUnix takes a URL such as unix:/run/app.sock:/events apart: the path of the socket, and
// the URL of what to ask it for. For other URLs the path is empty.
func SplitUnix(raw string) (path, rest string) {
	at, ok := strings.CutPrefix(raw, "unix:")
	if !ok {
		return "", raw
	}
	path, target, _ := strings.Cut(at, ":")
	return path, "http://localhost/" + strings.TrimPrefix(target, "/")
}

// sources deals out the local addresses of connections.
type sources struct {
	addrs      []netip.Addr
	loopback   bool // they are for loopback only
	perAddress int  // connections before the next address
	dealt      int
}

// perLoopback is how many streams share a loopback address.
const perLoopback = 4000

// newSources deals out the given addresses or, without any, those of loopback.
func newSources(given []netip.Addr, to netip.Addr) (sources, error) {
	s := sources{perAddress: 1}
	for _, from := range given {
		if from = from.Unmap(); to.IsValid() && from.Is4() != to.Is4() {
			return s, fmt.Errorf("connect from %v to %v: one is IPv4, the other is not; give addresses of the target's kind", from, to)
		}
		s.addrs = append(s.addrs, from)
	}
	if len(given) == 0 && to.Is4() && to.IsLoopback() {
		s.perAddress, s.loopback = perLoopback, true
		for i := range 200 {
			s.addrs = append(s.addrs, netip.AddrFrom4([4]byte{127, 0, 1, byte(1 + i)}))
		}
	}
	return s, nil
}

// next is the address for the next connection; zero leaves it to the system.
func (s *sources) next(to netip.Addr) netip.Addr {
	s.dealt++
	if len(s.addrs) == 0 || s.addrs[0].Is4() != to.Is4() || s.loopback && !to.IsLoopback() {
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
