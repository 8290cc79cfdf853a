package server_test

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

func TestOneAddressMayHaveSoManyStreams(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{MaxSubscribersPerIP: 2, ForwardedHops: 1, Retry: 4 * time.Second}})
		from := func(addr string) request {
			return request{topics: []string{"a"}, headers: []string{"X-Forwarded-For: " + addr}}
		}
		first, second := h.openWith(from("192.0.2.1")), h.openWith(from("192.0.2.1"))
		h.openWith(from("192.0.2.2"))
		c := h.send(from("192.0.2.1"))
		if c.status != "HTTP/1.1 200 OK" {
			t.Errorf("answered %q: an EventSource would never come back", c.status)
		}
		c.expectRetry(4*time.Second, c.ends)
		h.publish("a", "1") // nobody was ended for the newcomer
		first.expect("1")
		second.expect("1")
		if s := h.hub.Stats(); s.RefusedWhy["per_ip"] != 1 || s.Subscribers != 3 || total(s.Ended) != 0 {
			t.Errorf("%+v", s)
		}
		first.leave()
		h.streams(2)
		h.openWith(from("192.0.2.1"))
	})
}

// The peer of a unix socket has no address, unless a proxy gives one.
func TestClientsOfAUnixSocketAreCountedByTheHeaderAlone(t *testing.T) {
	t.Parallel()
	unix := connKind{name: "unix socket", path: "/events", listen: listenUnix}
	h := newHarness(t, unix, setup{config: server.Config{MaxSubscribersPerIP: 1, ForwardedHops: 1}})
	h.open("a")
	h.open("a")
	q := request{topics: []string{"a"}, headers: []string{"X-Forwarded-For: 192.0.2.1"}}
	h.openWith(q)
	c := h.send(q)
	c.expectRetry(3*time.Second, c.ends)
	if addresses, streams := h.hub.ClientsCounted(); addresses != 1 || streams != 1 {
		t.Errorf("%d addresses with %d streams are counted, want one with one", addresses, streams)
	}
}

// A Writer does not know its client's address.
func TestFollowersDoNotCountForTheirAddress(t *testing.T) {
	t.Parallel()
	h := newHarness(t, followTCP, setup{config: server.Config{MaxSubscribersPerIP: 1}})
	h.open("a")
	h.open("a")
	if addresses, _ := h.hub.ClientsCounted(); addresses != 0 || h.hub.Stats().Refused != 0 {
		t.Errorf("%d addresses are counted; %+v", addresses, h.hub.Stats())
	}
}

// A slow OnClose keeps no client out.
func TestAStreamCountsForItsAddressUntilItHasEnded(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		goOn := make(chan struct{})
		h := newHarness(t, kind, setup{
			config:    server.Config{MaxSubscribersPerIP: 1},
			subscribe: server.SubscribeOptions{OnClose: func(server.Subscriber, server.Reason) { <-goOn }},
		})
		h.open("a").leave()
		testkit.Eventually(t, "OnClose is being called", func() bool { return h.hub.Stats().Closing == 1 })
		h.open("a")
		close(goOn)
	})
}

// A browser that loads a page again opens the next stream before the hub can know that the
// last one has ended. Now and then a machine may be too busy, but not every fourth time.
func TestAClientMayLeaveAndComeBackAtOnce(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{MaxSubscribersPerIP: 1}})
		const times = 60
		for range times {
			c := h.send(request{topics: []string{"a"}})
			if _, err := c.r.ReadByte(); err != nil {
				t.Fatal(err)
			}
			c.leave()
		}
		if n := h.hub.Stats().RefusedWhy["per_ip"]; n > times/4 {
			t.Errorf("%d of %d were told to come back later", n, times)
		}
	})
}

// Without the limit nothing is kept per stream.
func TestClientsAreNotCountedWithoutALimit(t *testing.T) {
	t.Parallel()
	h := newHarness(t, parkedTCP, setup{config: server.Config{ForwardedHops: 1, MaxSubscribersPerIP: -1}})
	h.openWith(request{topics: []string{"a"}, headers: []string{"X-Forwarded-For: 192.0.2.1"}})
	if addresses, _ := h.hub.ClientsCounted(); addresses != 0 {
		t.Errorf("%d addresses are counted", addresses)
	}
}

func TestClientsAddress(t *testing.T) {
	t.Parallel()
	const peer = "203.0.113.9"
	tests := []struct {
		hops  int
		peer  string
		lines []string
		want  string // empty: not counted
	}{
		{0, peer, nil, peer},
		{0, peer, []string{"192.0.2.1"}, peer}, // forged: no proxy is there
		{0, "2001:db8:1:2:3:4:5:6", nil, "2001:db8:1:2::"},
		{0, "::ffff:192.0.2.7", nil, "192.0.2.7"},
		{0, "fe80::1%eth0", nil, "fe80::"},
		{1, peer, []string{"192.0.2.1"}, "192.0.2.1"},
		{1, peer, []string{"10.6.6.6, 192.0.2.1"}, "192.0.2.1"},
		{1, peer, []string{"10.6.6.6", "192.0.2.1"}, "192.0.2.1"},
		{1, peer, []string{"10.6.6.6,,, \t", "10.6.6.7,192.0.2.1 "}, "192.0.2.1"},
		{1, peer, []string{"2001:db8:1:2:3:4:5:6"}, "2001:db8:1:2::"},
		{1, peer, []string{"[2001:db8:1:2:3:4:5:6]"}, "2001:db8:1:2::"},
		{1, peer, []string{"[2001:db8:1:2:3:4:5:6]:443"}, "2001:db8:1:2::"},
		{1, peer, []string{"192.0.2.1:51234"}, "192.0.2.1"},
		{1, peer, []string{"::ffff:192.0.2.1"}, "192.0.2.1"},
		{2, peer, []string{"10.6.6.6, 192.0.2.1, 198.51.100.1"}, "192.0.2.1"},
		{2, peer, []string{"192.0.2.1", "198.51.100.1"}, "192.0.2.1"},
		{3, peer, []string{"10.6.6.6, 192.0.2.1", "198.51.100.1", "198.51.100.2"}, "192.0.2.1"},
		// Fewer entries than proxies: whoever sent this has come past one of them.
		{1, peer, nil, peer},
		{2, peer, []string{"192.0.2.1"}, peer},
		{3, peer, []string{"192.0.2.1", "198.51.100.1"}, peer},
		// An entry that is no address.
		{1, peer, []string{""}, peer},
		{1, peer, []string{"192.0.2.1, unknown"}, peer},
		{1, peer, []string{"192.0.2.1,"}, peer},
		{2, peer, []string{"192.0.2.1, _hidden, 198.51.100.1"}, peer},
		{0, "", []string{"192.0.2.1"}, ""},
		{1, "", []string{"192.0.2.1"}, "192.0.2.1"},
		{1, "", []string{"unix:"}, ""},
	}
	for _, tt := range tests {
		for _, name := range []string{"X-Forwarded-For", "x-forwarded-for"} {
			hub := newHub(t, server.Config{MaxSubscribersPerIP: 1, ForwardedHops: tt.hops})
			got := ""
			if addr := hub.ClientOf(requestFrom(t, tt.peer, name, tt.lines)); addr.IsValid() {
				got = addr.String()
			}
			if got != tt.want {
				t.Errorf("%d proxies, peer %q, %s %q: %q, want %q", tt.hops, tt.peer, name, tt.lines, got, tt.want)
			}
		}
	}
}

// requestFrom makes a request of a peer, empty: of a unix socket's, as it is with a server
// that does not normalize the names of headers.
func requestFrom(t *testing.T, peer, name string, lines []string) *fasthttp.RequestCtx {
	t.Helper()
	var req fasthttp.Request
	req.Header.DisableNormalizing()
	for _, line := range lines {
		req.Header.Add(name, line)
	}
	var addr net.Addr = &net.UnixAddr{Name: "@", Net: "unix"}
	if peer != "" {
		addr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(peer), 51234))
	}
	var ctx fasthttp.RequestCtx
	ctx.Init(&req, addr, nil)
	return &ctx
}

// Whatever a client puts into the header, its streams count for one address.
func TestAForgedHeaderIsNoWayAroundTheLimit(t *testing.T) {
	t.Parallel()
	for hops := range 4 {
		hub := newHub(t, server.Config{MaxSubscribersPerIP: 1, ForwardedHops: hops})
		seen := map[netip.Addr]bool{}
		for forged := range 50 {
			lines := []string{fmt.Sprintf("10.0.0.%d", forged), fmt.Sprintf("10.1.0.%d, , x, [::%d]", forged, forged)}[:forged%3%2+1]
			for hop := range hops { // each real proxy appends the address of its peer
				lines = append(lines, fmt.Sprintf("192.0.2.%d", hop))
			}
			seen[hub.ClientOf(requestFrom(t, "203.0.113.9", "X-Forwarded-For", lines))] = true
		}
		if len(seen) != 1 {
			t.Errorf("%d proxies: one client has %d addresses", hops, len(seen))
		}
	}
}

func TestOpensPerSecondAllowABurstOfOneSecond(t *testing.T) {
	t.Parallel()
	for _, perSecond := range []int{1, 2, 3, 7, 100, 999, 1_000_000} {
		take := server.NewOpens(perSecond)
		burst := func(now time.Duration) (n int) {
			for n <= perSecond+1 && take(now) {
				n++
			}
			return n
		}
		const quiet = time.Hour
		if n := burst(quiet); n != perSecond {
			t.Errorf("%d per second: %d at once", perSecond, n)
		}
		if n := burst(quiet + time.Second); n != perSecond {
			t.Errorf("%d per second: %d after a second", perSecond, n)
		}
		if n := burst(quiet + 1500*time.Millisecond); n != perSecond/2 {
			t.Errorf("%d per second: %d after another half", perSecond, n)
		}
		if n := burst(3 * quiet); n != perSecond {
			t.Errorf("%d per second: %d at once after two quiet hours", perSecond, n)
		}
	}
}

func TestOpensPerSecondInTheLongRun(t *testing.T) {
	t.Parallel()
	take := server.NewOpens(30)
	n := 0
	for ms := range 10_000 {
		if take(time.Duration(ms) * time.Millisecond) {
			n++
		}
	}
	if n < 30+10*30-1 || n > 30+10*30 {
		t.Errorf("%d in ten seconds, want a burst of 30 and 30 per second", n)
	}
	for _, none := range []int{0, -1} {
		for take := server.NewOpens(none); n < 100_000; n++ {
			if !take(0) {
				t.Fatalf("%d per second limits to %d", none, n)
			}
		}
	}
}

// The limit protects Authorize, and only what would call it for a stream counts.
func TestOpensPerSecondAreLimitedBeforeAuthorize(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // the hub's clock stands still
		var asked int
		hub, err := server.New(server.Config{MaxOpensPerSecond: 2})
		if err != nil {
			t.Fatal(err)
		}
		subscribe := hub.SubscribeHandler(server.SubscribeOptions{
			Authorize: func(*fasthttp.RequestCtx, *server.Subscription) error { asked++; return nil },
		})
		for range 5 {
			for _, line := range []string{"HEAD /?topic=a", "OPTIONS /?topic=a", "GET /", "GET /?topic=a*", "POST /?topic=a"} {
				call(subscribe, line, "")
			}
		}
		asked = 0
		for range 10 {
			if !call(subscribe, "GET /?topic=a", "").Hijacked() {
				t.Error("no stream: an EventSource would never come back")
			}
		}
		if asked != 2 {
			t.Errorf("Authorize was called %d times, want 2", asked)
		}
		time.Sleep(time.Second)
		for range 10 {
			call(subscribe, "GET /?topic=a", "")
		}
		if asked != 4 {
			t.Errorf("Authorize was called %d times after a second, want 4", asked)
		}
	})
}

// A client that is refused for another limit takes nothing from the others.
func TestARefusedClientTakesNoneOfTheOpensPerSecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked int
		hub, err := server.New(server.Config{MaxOpensPerSecond: 1, MaxSubscribersPerIP: 1, ForwardedHops: 1})
		if err != nil {
			t.Fatal(err)
		}
		full := hub.FillClient(netip.MustParseAddr("192.0.2.1"))
		defer full()
		subscribe := hub.SubscribeHandler(server.SubscribeOptions{
			Authorize: func(*fasthttp.RequestCtx, *server.Subscription) error { asked++; return nil },
		})
		call(subscribe, "GET /?topic=a", "", "X-Forwarded-For: 192.0.2.1")
		if asked != 0 {
			t.Error("Authorize was called for an address that has its streams")
		}
		call(subscribe, "GET /?topic=a", "", "X-Forwarded-For: 192.0.2.2")
		if asked != 1 {
			t.Error("Authorize was not called for the first stream of its second")
		}
	})
}

// refusing is a hub that refuses a client for one reason.
type refusing struct {
	config server.Config
	hook   error // what Authorize and OnOpen return in turn
	before func(t *testing.T, h *harness)
}

var everyRefusal = map[string]refusing{
	"full":     {config: server.Config{MaxSubscribers: 1}, before: func(_ *testing.T, h *harness) { h.open("a") }},
	"per_ip":   {config: server.Config{MaxSubscribersPerIP: 1}, before: func(_ *testing.T, h *harness) { h.open("a") }},
	"rate":     {config: server.Config{MaxOpensPerSecond: 1}, before: func(_ *testing.T, h *harness) { h.open("a") }},
	"draining": {before: func(t *testing.T, h *harness) { drain(t, h) }},
	"closed":   {before: func(t *testing.T, h *harness) { closeHub(t, h) }},
	"hook":     {hook: errors.New("not now")},
}

func drain(t *testing.T, h *harness) {
	if err := h.hub.Drain(timeout(t, patience)); err != nil {
		t.Error(err)
	}
}

func closeHub(t *testing.T, h *harness) {
	if err := h.hub.Close(timeout(t, patience)); err != nil {
		t.Error(err)
	}
}

func TestEveryRefusalCanBeReached(t *testing.T) {
	t.Parallel()
	for _, name := range server.RefusalNames() {
		r, known := everyRefusal[name]
		if !known {
			t.Errorf("%q is not tested", name)
			continue
		}
		for _, kind := range append(twoKinds, followTCP) {
			if kind.path == followTCP.path && (name == "per_ip" || name == "hook") {
				continue // Follow has neither
			}
			t.Run(name+" "+kind.name, func(t *testing.T) {
				t.Parallel()
				reachRefusal(t, kind, name, r)
			})
		}
	}
}

func reachRefusal(t *testing.T, kind connKind, name string, r refusing) {
	var calls atomic.Int64
	h := newHarness(t, kind, setup{config: r.config, subscribe: server.SubscribeOptions{
		Authorize: func(*fasthttp.RequestCtx, *server.Subscription) error {
			if r.hook != nil && calls.Add(1)%2 == 1 {
				return r.hook
			}
			return nil
		},
		OnOpen: func(server.Subscriber, *streamwriter.Writer) error { return r.hook },
	}})
	if r.before != nil {
		r.before(t, h)
	}
	// With one stream per second, a second may go by on a busy machine.
	const tries = 50
	testkit.Eventually(t, "two refusals", func() bool {
		for range tries {
			if c := h.send(request{topics: []string{"a"}}); h.hub.Stats().Refused < 2 && name != "rate" {
				c.expectRetry(3*time.Second, c.ends)
			}
			if h.hub.Stats().Refused >= 2 {
				return true
			}
		}
		return false
	})
	s := h.hub.Stats()
	if s.RefusedWhy[name] != s.Refused || total(s.RefusedWhy) != s.Refused {
		t.Errorf("refused: %v, %d in total; want %q alone", s.RefusedWhy, s.Refused, name)
	}
	if got := slices.Sorted(maps.Keys(s.RefusedWhy)); !slices.Equal(got, slices.Sorted(slices.Values(server.RefusalNames()))) {
		t.Errorf("reasons %q: some are missing until they are counted", got)
	}
}

// 4xx and 204 are answers, not refusals to be tried again.
func TestAnswersAreNotCountedAsRefusals(t *testing.T) {
	t.Parallel()
	h := newHarness(t, parkedTCP, setup{subscribe: server.SubscribeOptions{
		Authorize: func(ctx *fasthttp.RequestCtx, _ *server.Subscription) error {
			if ctx.QueryArgs().Has("stop") {
				return server.ErrStop
			}
			return nil
		},
		OnOpen: func(server.Subscriber, *streamwriter.Writer) error { return &server.StatusError{Code: 410} },
	}})
	for _, q := range []request{{topics: []string{"a"}, query: "stop=1"}, {topics: []string{"a"}}, {}} {
		c := h.send(q)
		if strings.Contains(c.status, " 200 ") {
			t.Errorf("%+v: %s", q, c.status)
		}
		c.leave()
	}
	if s := h.hub.Stats(); s.Refused != 0 {
		t.Errorf("refused: %v", s.RefusedWhy)
	}
}
