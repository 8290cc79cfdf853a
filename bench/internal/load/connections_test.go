package load

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

// posts are the events that each connection of a publisher has brought.
type posts struct {
	mu   sync.Mutex // guards what follows
	seqs map[string][]uint64
}

func (p *posts) note(conn, body string) {
	s, _ := readStamp([]byte(body))
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seqs == nil {
		p.seqs = map[string][]uint64{}
	}
	p.seqs[conn] = append(p.seqs[conn], s.seq)
}

// turns fails unless each of n connections has brought each n-th of all events, in order.
func (p *posts) turns(t *testing.T, n int, all uint64) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.seqs) != n {
		t.Fatalf("%d connections, want %d", len(p.seqs), n)
	}
	for _, got := range p.seqs {
		var want []uint64
		for seq := got[0]; seq <= all; seq += uint64(n) {
			want = append(want, seq)
		}
		if got[0] < 1 || got[0] > uint64(n) || !slices.Equal(got, want) {
			t.Errorf("a connection has brought %v, want %v", got, want)
		}
	}
}

func TestPublishersTakeTurns(t *testing.T) {
	got := &posts{}
	url := takes(t, func(c net.Conn, _ *http.Request, body string) bool {
		got.note(c.RemoteAddr().String(), body)
		fmt.Fprint(c, accepted)
		return true
	})
	p := publisher(t, Publishing{URL: url, Publishers: 4})
	if err := p.Run(t.Context(), 22, 1000, Now()); err != nil || p.Sent() != 22 {
		t.Fatalf("sent %d, %v", p.Sent(), err)
	}
	got.turns(t, 4, 22)
}

// served is an https server with a handler that is given the body.
func served(t *testing.T, h func(w http.ResponseWriter, r *http.Request, body string)) (url string) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h(w, r, string(body))
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

// Nothing is answered before four posts are there: they do not wait for each other.
func TestPublishersByHTTPSPostAtATime(t *testing.T) {
	got, four, waiting := &posts{}, make(chan struct{}), make(chan struct{}, 100)
	url := served(t, func(_ http.ResponseWriter, r *http.Request, body string) {
		got.note(r.RemoteAddr, body)
		if waiting <- struct{}{}; len(waiting) == 4 {
			close(four)
		}
		<-four
	})
	p := publisher(t, Publishing{URL: url, TLS: anyServer, Publishers: 4})
	if err := p.Run(t.Context(), 22, 1000, Now()); err != nil || p.Sent() != 22 {
		t.Fatalf("sent %d, %v", p.Sent(), err)
	}
	got.turns(t, 4, 22)
}

// Each event has its number in the error, whichever connection it was for.
func TestPublishersSayWhichEventWasRefused(t *testing.T) {
	refused := func(body string) bool {
		s, _ := readStamp([]byte(body))
		return s.seq == 7
	}
	plain := takes(t, func(c net.Conn, _ *http.Request, body string) bool {
		if refused(body) {
			fmt.Fprint(c, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
			return true
		}
		fmt.Fprint(c, accepted)
		return true
	})
	secure := served(t, func(w http.ResponseWriter, _ *http.Request, body string) {
		if refused(body) {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	for url, says := range map[string]string{plain: "the answer to event 7: 500", secure: "publish event 7: 500"} {
		p := publisher(t, Publishing{URL: url, TLS: anyServer, Publishers: 3})
		if err := p.Run(t.Context(), 1_000_000, 500, Now()); err == nil || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("the error is %v, want %q", err, says)
		}
	}
}

// A slow connection makes the publisher late, and late says so: the event waits for its turn.
func TestPublishersByHTTPSAreLateIfNoneIsFree(t *testing.T) {
	url := served(t, func(http.ResponseWriter, *http.Request, string) { time.Sleep(60 * time.Millisecond) })
	p := publisher(t, Publishing{URL: url, TLS: anyServer, Publishers: 2})
	if err := p.Run(t.Context(), 3, 1000, Now()); err != nil {
		t.Fatal(err)
	}
	if late := p.Late(); late.TotalCount() != 3 || late.Max() < 55_000 {
		t.Errorf("%d events, at most %d µs late; want the third to be 58 ms late at least", late.TotalCount(), late.Max())
	}
}

func TestPublishersStopWithTheirContext(t *testing.T) {
	release := make(chan struct{})
	url := served(t, func(_ http.ResponseWriter, r *http.Request, _ string) {
		select {
		case <-r.Context().Done():
		case <-release:
		}
	})
	defer close(release)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	p := publisher(t, Publishing{URL: url, TLS: anyServer, Publishers: 3})
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx, 100, 1000, Now()) }()
	testkit.Eventually(t, "all connections have an event", func() bool { return p.Sent() == 3 })
	stop()
	select {
	case err := <-done:
		if err != nil || p.Sent() != 3 {
			t.Errorf("sent %d, %v; want 3, and no error", p.Sent(), err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it did not stop")
	}
}

func TestPublishersRunCommandsAtATime(t *testing.T) {
	command, file := tool(t, "post")
	p := publisher(t, Publishing{Command: command, Size: 60, Publishers: 3})
	if err := p.Run(t.Context(), 7, 1000, Now()); err != nil || p.Sent() != 7 {
		t.Fatalf("sent %d, %v", p.Sent(), err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for seq := 1; seq <= 7; seq++ {
		if n := strings.Count(string(b), fmt.Sprintf("%s0 %d ", marker, seq)); n != 1 {
			t.Errorf("event %d was published %d times", seq, n)
		}
	}
}

func TestPublishersLeaveNothing(t *testing.T) {
	leavesNothing(t, func() {
		t.Run("publish", func(t *testing.T) {
			taking := takes(t, func(c net.Conn, _ *http.Request, _ string) bool {
				fmt.Fprint(c, accepted)
				return true
			})
			for _, url := range []string{taking, served(t, func(http.ResponseWriter, *http.Request, string) {})} {
				if err := publisher(t, Publishing{URL: url, TLS: anyServer, Publishers: 4}).Run(t.Context(), 20, 1000, Now()); err != nil {
					t.Error(err)
				}
			}
		})
	})
}

// What a late stream gets first says nothing of events that may have come to the server before
// it. Those that were due afterwards it has to get, all from the lowest that came.
func TestLateStreamsOfSeveralPublishers(t *testing.T) {
	eachCarrier(t, func(t *testing.T, r Request) {
		later := make(chan struct{})
		r.URL = serve(t, func(c *net.TCPConn, _ *http.Request, _ int) {
			fmt.Fprint(c, head, event(9), event(7))
			<-later
			for _, seq := range []uint64{14, 12, 11, 15, 12, 17} {
				fmt.Fprint(c, event(seq))
			}
			_ = hold(c)
		})
		s, err := NewSwarm(t.Context(), SwarmConfig{Request: r, Unordered: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		s.Expect(0)
		s.Open(t.Context(), 1, 0, Client{})
		testkit.Eventually(t, "a first event", func() bool { return s.Ledger(0, 17).Late == 1 })
		close(later)
		testkit.Eventually(t, "the last event", func() bool { return s.Ledger(0, 18).LateDelivered == 5 })
		got, all := s.Ledger(0, 18), total(s)
		if want := (Ledger{Late: 1, LateDelivered: 5, LateLost: 3}); got != want || all.Lanes[0].Duplicated != 1 || all.Lanes[0].Missing != 2 {
			t.Errorf("%+v, %+v; want %+v: 13, 16 and 18 are lost, and 12 came twice", got, all.Lanes[0], want)
		}
	})
}
