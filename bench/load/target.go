package load

import (
	"fmt"
	"net/netip"
	"net/url"
)

// target is where a swarm connects to.
type target struct {
	addr netip.AddrPort
	host string
	path string
}

func parseTarget(rawURL string) (target, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return target{}, fmt.Errorf("read URL %q: %w", rawURL, err)
	}
	if u.Scheme != "http" {
		return target{}, fmt.Errorf("URL %q has scheme %q; only http is spoken here", rawURL, u.Scheme)
	}
	host := u.Hostname()
	if host == "localhost" {
		host = "127.0.0.1"
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	addr, err := netip.ParseAddrPort(host + ":" + port)
	if err != nil || !addr.Addr().Is4() {
		return target{}, fmt.Errorf("URL %q: host %q is not an IPv4 address; give one such as 127.0.0.1", rawURL, u.Host)
	}
	return target{addr: addr, host: u.Host, path: u.RequestURI()}, nil
}
