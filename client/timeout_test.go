package client_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/client"
	"github.com/fastsse/fastsse/internal/testkit"
)

func TestSilentConnectionsAreReplaced(t *testing.T) {
	var headless atomic.Bool
	s := newResumed(t, map[string]http.HandlerFunc{
		"": silent("data: a\nid: 1\n\n"),
		"1": func(w http.ResponseWriter, r *http.Request) {
			if headless.Swap(true) {
				send(w, "data: b\nid: 2\n\n")
				return
			}
			<-r.Context().Done()
		},
	})
	source := quick(t, s.URL)
	source.ReadTimeout = 50 * time.Millisecond
	silences := 0
	source.OnReconnect = func(err error, _ time.Duration) {
		if errors.Is(err, client.ErrReadTimeout) {
			silences++
		}
	}
	events, err := all(t, &source)
	if err != nil || silences < 2 {
		t.Errorf("%v after %d silences", err, silences)
	}
	expect(t, "events", events, []string{"|1|a", "|2|b"})
}

// Any byte counts, and while the loop's body works nothing does.
func TestReadTimeoutCountsWhileTheClientWaits(t *testing.T) {
	const limit = 300 * time.Millisecond
	s := newScript(t, func(w http.ResponseWriter, r *http.Request) {
		send(w, "data: a\n\n")
		for range 15 {
			time.Sleep(limit / 10)
			send(w, ":")
		}
		send(w, "\ndata: b\n\n")
	})
	source := quick(t, s.URL)
	source.ReadTimeout = limit
	var events []string
	for e, err := range source.Events(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if events = append(events, said(e)); len(events) == 1 {
			time.Sleep(2 * limit)
		}
	}
	expect(t, "events", events, []string{"||a", "||b"})
	if n := len(s.got()); n != 2 {
		t.Errorf("%d requests, want the stream's and one more", n)
	}
}

// A connection of HTTP/2 outlives its streams. One that has died is not used again.
func TestSilentConnectionsOfHTTP2AreReplaced(t *testing.T) {
	script := newResumed(t, map[string]http.HandlerFunc{"": silent("data: a\nid: 1\n\n"), "1": stream("data: b\nid: 2\n\n")})
	s := httptest.NewUnstartedServer(script.Config.Handler)
	s.EnableHTTP2 = true
	s.Config.ErrorLog = quiet
	s.StartTLS()
	defer s.Close()
	defer s.CloseClientConnections() // the server is not told that one has vanished
	network := newSwallower(t, s.Listener.Addr().String())

	source := quick(t, "https://"+network.Addr().String())
	source.Client = s.Client()
	source.ReadTimeout = 200 * time.Millisecond
	source.OnOpen = func(r *http.Response) {
		if r.ProtoMajor != 2 {
			t.Errorf("%s, want HTTP/2", r.Proto)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	var events []string
	for e, err := range source.Events(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if events = append(events, said(e)); len(events) == 1 {
			network.swallow()
		}
	}
	expect(t, "events", events, []string{"|1|a", "|2|b"})
}

// swallower is a network between a client and a server, from which connections vanish: what
// is sent on them arrives nowhere, and neither side is told.
type swallower struct {
	net.Listener

	mu      sync.Mutex      // guards present
	present []chan struct{} // one for each connection, closed when it vanishes
}

func newSwallower(t *testing.T, server string) *swallower {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &swallower{Listener: l}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", server)
			if err != nil {
				return
			}
			t.Cleanup(func() { near.Close(); far.Close() })
			vanished := make(chan struct{})
			n.mu.Lock()
			n.present = append(n.present, vanished)
			n.mu.Unlock()
			go pipe(near, far, vanished)
			go pipe(far, near, vanished)
		}
	}()
	return n
}

// swallow makes all connections vanish that there are.
func (n *swallower) swallow() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.present {
		close(c)
	}
	n.present = nil
}

func pipe(from, to net.Conn, vanished <-chan struct{}) {
	b := make([]byte, 4<<10)
	for {
		k, err := from.Read(b)
		select {
		case <-vanished:
			if err != nil {
				return
			}
			continue
		default:
		}
		if err != nil {
			to.Close()
			return
		}
		if _, err := to.Write(b[:k]); err != nil {
			from.Close()
			return
		}
	}
}
