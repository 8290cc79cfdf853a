package load

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

func TestURLsThatAreNone(t *testing.T) {
	for url, says := range map[string]string{
		"":                                "begins with http:// or https://",
		"ftp://127.0.0.1/":                "begins with http:// or https://",
		"http://":                         "begins with http:// or https://",
		"http://127.0.0.1:99999/":         "port from 1 to 65535",
		"http://127.0.0.1:0/":             "port from 1 to 65535",
		"http://127.0.0.1:x/":             "read URL",
		"http://no.such.invalid./":        `find the address of "no.such.invalid."`,
		"no.such.invalid./events":         `find the address of "no.such.invalid."`,
		"http://127.0.0.1/?a=b c":         "write %20",
		"http://127.0.0.1:{{.Port}}/":     "give the server's command at the end, after --",
		"http://127.0.0.1/{{.Topic}}":     "-topics",
		"http://127.0.0.1/{{.Token}}":     "-tokens",
		"http://127.0.0.1/{{.Login.key}}": "-login",
		"http://127.0.0.1/{{.Strem}}":     "there are {{.Stream}}",
		"http://127.0.0.1/{{.Stream":      "read template",
	} {
		_, err := NewSwarm(t.Context(), SwarmConfig{Request: Request{URL: url}})
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), url) {
			t.Errorf("%q: the error is %v, want the URL and %q", url, err, says)
		}
	}
}

func TestURLsKnowTheirPorts(t *testing.T) {
	for url, want := range map[string]string{
		"http://127.0.0.1/":        "127.0.0.1:80",
		"https://127.0.0.1/x":      "127.0.0.1:443",
		"127.0.0.1:8080/x":         "127.0.0.1:8080",
		"localhost:8080":           "localhost:8080",
		"http://[::1]:8080/":       "[::1]:8080",
		"http://[fe80::1%25eth0]/": "[fe80::1%eth0]:80",
	} {
		u, err := ParseURL(url)
		if err != nil || hostPort(u) != want {
			t.Errorf("%s: %v, %v; want %s", url, u, err, want)
		}
	}
}

func TestAddressesAreIPv4First(t *testing.T) {
	hosts(t, map[string][]string{"two.test": {"::1", "::ffff:10.0.0.1", "10.0.0.2"}})
	d := &dialer{hosts: map[string][]netip.AddrPort{}}
	addrs, err := d.find(t.Context(), "two.test:80")
	if err != nil || fmt.Sprint(addrs) != "[10.0.0.1:80 10.0.0.2:80 [::1]:80]" {
		t.Fatalf("%v, %v", addrs, err)
	}
	for n, want := range []string{"10.0.0.1 10.0.0.2 ::1 invalid IP", "10.0.0.2 10.0.0.1 ::1 invalid IP", "10.0.0.1 10.0.0.2 ::1 invalid IP"} {
		var got []string
		for tried := range 4 {
			got = append(got, pick(addrs, n, tried).Addr().String())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("connection %d: %v, want %s", n, got, want)
		}
	}
}

// hosts makes names known while a test runs.
func hosts(t *testing.T, known map[string][]string) {
	was := lookUp
	t.Cleanup(func() { lookUp = was })
	lookUp = func(ctx context.Context, network, host string) (addrs []netip.Addr, err error) {
		for _, a := range known[host] {
			addrs = append(addrs, netip.MustParseAddr(a))
		}
		if addrs == nil {
			return was(ctx, network, host)
		}
		return addrs, nil
	}
}

func TestSourcesAreDealtInTurn(t *testing.T) {
	given := []netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("::ffff:127.0.0.3")}
	for _, c := range []struct {
		given      []netip.Addr
		to         string
		dealt      int
		most       int
		last, next string // the last address dealt, and the one after it
	}{
		{given, "127.0.0.1", 5, 3, "127.0.0.2", "127.0.0.3"},
		{given, "10.0.0.1", 4, 2, "127.0.0.3", "127.0.0.2"},
		{nil, "127.0.0.1", 1, 1, "127.0.1.1", "127.0.1.1"},
		{nil, "127.0.0.1", perLoopback, perLoopback, "127.0.1.1", "127.0.1.2"},
		{nil, "127.0.0.1", 200*perLoopback + 1, perLoopback + 1, "127.0.1.1", "127.0.1.1"},
		{nil, "10.0.0.1", 7, 7, "invalid IP", "invalid IP"},
		{nil, "::1", 7, 7, "invalid IP", "invalid IP"},
	} {
		s, err := newSources(c.given, netip.MustParseAddr(c.to))
		if err != nil {
			t.Fatal(err)
		}
		var last netip.Addr
		counts := map[netip.Addr]int{}
		for range c.dealt {
			last = s.next(netip.MustParseAddr(c.to))
			counts[last]++
		}
		most := 0
		for _, n := range counts {
			most = max(most, n)
		}
		if got := s.most(c.dealt); got != most || got != c.most {
			t.Errorf("%d to %s: %d at most, counted %d, want %d", c.dealt, c.to, got, most, c.most)
		}
		if got := s.most(1); got != 1 {
			t.Errorf("%d to %s, one at a time: %d at most, want 1", c.dealt, c.to, got)
		}
		if next := s.next(netip.MustParseAddr(c.to)); last.String() != c.last || next.String() != c.next {
			t.Errorf("%d to %s: the last from %v, the next from %v; want %s and %s", c.dealt, c.to, last, next, c.last, c.next)
		}
	}
}

func TestSourcesOfAnotherKindAreRefused(t *testing.T) {
	_, err := NewSwarm(t.Context(), SwarmConfig{Request: Request{
		URL: "http://[::1]:8080/", Sources: []netip.Addr{netip.MustParseAddr("127.0.0.2")},
	}})
	if want := "connect from 127.0.0.2 to ::1: one is IPv4, the other is not"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("the error is %v, want %q", err, want)
	}
}
