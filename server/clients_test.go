package server_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// However streams end, or fail to open, the count of their addresses is given back: while
// they are open it is that of the open streams, and at last there is none.
func TestEveryEndOfAStreamGivesItsPlaceBack(t *testing.T) {
	t.Parallel()
	kinds := append(twoKinds, connKind{name: "TLS", path: "/events", listen: listenTLS})
	for _, end := range []string{"leave", "Drain", "cut Drain", "Close"} {
		forEachKind(t, kinds, func(t *testing.T, kind connKind) {
			t.Run(end, func(t *testing.T) {
				t.Parallel()
				lives := &randomLives{seed: rand.Uint64()}
				lives.live(t, kind, end)
				if t.Failed() {
					t.Logf("seed %d", lives.seed)
				}
			})
		})
	}
}

// randomLives opens streams whose hooks do, by chance, whatever hooks can do.
type randomLives struct {
	seed uint64

	mu  sync.Mutex // guards rng
	rng *rand.Rand
}

func (l *randomLives) n(n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rng.IntN(n)
}

// fate is what a hook does.
func (l *randomLives) fate() error {
	switch l.n(12) {
	case 0:
		return errors.New("not now")
	case 1:
		return &server.StatusError{Code: 410}
	case 2:
		panic("by chance")
	case 3:
		runtime.Goexit()
	}
	return nil
}

// subscribe is a handler with such hooks.
func (l *randomLives) subscribe() server.SubscribeOptions {
	return server.SubscribeOptions{
		Authorize: func(_ *fasthttp.RequestCtx, s *server.Subscription) error {
			if l.n(2) == 0 {
				s.User = l.n(4)
			}
			if l.n(8) == 0 {
				s.Expires = time.Now().Add(time.Duration(l.n(100)) * time.Millisecond)
			}
			if l.n(10) == 0 {
				return errors.New("not now")
			}
			return nil
		},
		OnOpen:  func(server.Subscriber, *streamwriter.Writer) error { return l.fate() },
		OnClose: func(server.Subscriber, server.Reason) { _ = l.fate() },
	}
}

func (l *randomLives) live(t *testing.T, kind connKind, end string) {
	l.rng = rand.New(rand.NewPCG(l.seed, 0))
	h := newHarness(t, kind, setup{
		config:    server.Config{MaxSubscribersPerIP: 2, ForwardedHops: 1, Heartbeat: 100 * time.Millisecond, Shards: 2},
		subscribe: l.subscribe(),
	})
	conns := l.open(h, 150)
	if end == "leave" {
		// Between two turns of the loop both are the same, if nothing is opening or ending.
		testkit.Eventually(t, "the count is that of the open streams", func() bool {
			_, streams := h.hub.ClientsCounted()
			s := h.hub.Stats()
			return int64(streams) == s.Subscribers
		})
	}
	l.end(t, h, end, conns)
	testkit.Eventually(t, "no address is counted", func() bool {
		addresses, _ := h.hub.ClientsCounted()
		return addresses == 0
	})
	if s := h.hub.Stats(); s.Opened == 0 || s.Subscribers != 0 {
		t.Errorf("streams that were opened, or are left: %+v", s)
	}
}

// open makes n connections, some of which leave at once, and kicks meanwhile.
func (l *randomLives) open(h *harness, n int) (conns []net.Conn) {
	for i := range n {
		conn, err := h.dial()
		if err != nil {
			h.t.Fatal(err)
		}
		conns = append(conns, conn)
		q := request{path: h.kind.path, topics: []string{"a"}, headers: []string{fmt.Sprintf("X-Forwarded-For: 192.0.2.%d", l.n(4))}}
		if _, err := conn.Write(q.bytes()); err != nil {
			h.t.Fatal(err)
		}
		if i%3 == 0 { // the others are not waited for. (No answer comes if OnOpen exits.)
			_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
			_, _ = conn.Read(make([]byte, 1))
		}
		switch l.n(8) {
		case 0:
			conn.Close()
		case 1:
			h.hub.KickUser(l.n(4))
		case 2:
			h.hub.Kick(func(server.Subscriber) bool { return l.fate() != nil })
		case 3:
			h.publish("a", "1")
		}
	}
	return conns
}

// end ends what is open.
func (l *randomLives) end(t *testing.T, h *harness, how string, conns []net.Conn) {
	switch how {
	case "Drain":
		if err := h.hub.Drain(timeout(t, patience)); err != nil {
			t.Error(err)
		}
	case "cut Drain":
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_ = h.hub.Drain(ctx) // the streams are cut
	case "Close":
		closeHub(t, h)
	}
	for _, c := range conns {
		c.Close()
	}
}
