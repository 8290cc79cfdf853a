package load

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"golang.org/x/sys/unix"
)

func TestSourcesAreUsedInTurn(t *testing.T) {
	eachCarrier(t, func(t *testing.T, r Request) {
		from := make(chan string, 10)
		r.URL = serve(t, func(c *net.TCPConn, _ *http.Request, _ int) {
			host, _, _ := net.SplitHostPort(c.RemoteAddr().String())
			from <- host
			fmt.Fprint(c, head)
			_ = hold(c)
		})
		r.Sources = []netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.3")}
		s := opened(t, r, 4, Client{})
		var got []string
		for range 4 {
			got = append(got, <-from)
		}
		slices.Sort(got)
		if want := []string{"127.0.0.2", "127.0.0.2", "127.0.0.3", "127.0.0.3"}; !slices.Equal(got, want) {
			t.Errorf("from %v, want %v", got, want)
		}
		if n := s.PerAddress(); n != 2 {
			t.Errorf("%d of one address at most, want 2", n)
		}
	})
}

func TestSourcesThatAreNotHereFail(t *testing.T) {
	eachCarrier(t, func(t *testing.T, r Request) {
		r.URL, r.Sources = serve(t, nil), []netip.Addr{netip.MustParseAddr("192.0.2.1")}
		s := swarm(t, r)
		s.Open(t.Context(), 1, 0, Client{})
		err := s.AwaitOpen(t.Context(), 10*time.Second)
		if err == nil || !strings.Contains(err.Error(), "192.0.2.1") || !strings.Contains(err.Error(), "assign requested address") {
			t.Errorf("the error is %v, and does not name the address", err)
		}
	})
}

func TestStreamsByIPv6(t *testing.T) {
	eachCarrier(t, func(t *testing.T, r Request) {
		r.URL = serveAt(t, "[::1]:0", func(c *net.TCPConn, r *http.Request, _ int) {
			if r.Host != c.LocalAddr().String() {
				t.Errorf("the host is %q, want %s", r.Host, c.LocalAddr())
			}
			fmt.Fprint(c, head+event(1))
			_ = hold(c)
		})
		r.Sources = []netip.Addr{netip.MustParseAddr("::1")}
		s := opened(t, r, 3, Client{})
		testkit.Eventually(t, "their events", func() bool { n, _ := s.Delivered(); return n == 3 })
	})
}

func TestStreamsThatComeByteByByte(t *testing.T) {
	eachCarrier(t, func(t *testing.T, r Request) {
		r.URL = serve(t, func(c *net.TCPConn, _ *http.Request, _ int) {
			wire := chunkedHead
			for _, part := range []string{event(1) + "id: 1", "\r\n", "\r", "\ndata: more\n\n" + event(2)} {
				wire += fmt.Sprintf("%x\r\n%s\r\n", len(part), part)
			}
			for i := range wire {
				if _, err := c.Write([]byte{wire[i]}); err != nil {
					return
				}
			}
			_ = hold(c)
		})
		s := opened(t, r, 2, Client{})
		testkit.Eventually(t, "their events", func() bool { n, _ := s.Delivered(); return n == 4 })
		if got := total(s); got.Other != 2 || got.Ended != 0 || got.Lanes[0].Missing != 0 {
			t.Errorf("%+v; want one other event each, and nothing missing", got)
		}
	})
}

// While a server accepts no more connections, streams that are open are still read.
func TestFullBacklogHoldsNobodyElseUp(t *testing.T) {
	l, addr := crowded(t)
	s := swarm(t, Request{URL: "http://" + addr + "/"})
	s.Open(t.Context(), 6, 0, Client{})
	c, _, err := unix.Accept(l)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(c)
	for seq := uint64(1); seq <= 5; seq++ {
		text := event(seq)
		if seq == 1 {
			text = head + text
		}
		if _, err := unix.Write(c, []byte(text)); err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, "the event of the one that is open", func() bool { n, _ := s.Delivered(); return n == seq })
	}
	if open, connecting := s.Now(); open != 1 || connecting != 5 {
		t.Errorf("%d open and %d connecting, want 1 and 5", open, connecting)
	}
}

// crowded listens with the shortest backlog, and accepts nothing.
func crowded(t *testing.T) (l int, addr string) {
	l, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(l) })
	if err := unix.Bind(l, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(l, 0); err != nil {
		t.Fatal(err)
	}
	at, err := unix.Getsockname(l)
	if err != nil {
		t.Fatal(err)
	}
	return l, fmt.Sprintf("127.0.0.1:%d", at.(*unix.SockaddrInet4).Port)
}

// An answer that comes before the request is read is an answer all the same.
func TestAnswersBeforeTheWholeRequest(t *testing.T) {
	var stop atomic.Bool
	url := serve(t, func(c *net.TCPConn, _ *http.Request, _ int) {
		fmt.Fprint(c, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
		for !stop.Load() {
			time.Sleep(time.Millisecond)
		}
	})
	defer stop.Store(true)
	s := swarm(t, Request{URL: url, Method: "POST", Body: strings.Repeat("x", 32<<20)})
	s.Open(t.Context(), 1, 0, Client{})
	testkit.Eventually(t, "a refusal", func() bool { return total(s).Refused == 1 })
}

// A wait that is not over counts as idle, and work that is not over as work.
func TestBusyIsAShareOfTheTime(t *testing.T) {
	s := swarm(t, Request{URL: serve(t, nil)})
	time.Sleep(20 * time.Millisecond)
	before := LookAtReaders(s)
	time.Sleep(50 * time.Millisecond)
	if share, known := LookAtReaders(s).BusyShare(before); share > 0.5 || !known {
		t.Errorf("readers without streams were busy %.2f of the time", share)
	}
	var reader *epollReader
	for _, reader = range s.carrier.(*epollCarrier).readers {
	}
	reader.meter.mu.Lock() // so that it has to wait with what it does
	reader.nudge()
	time.Sleep(10 * time.Millisecond)
	before = LookAtReaders(s)
	time.Sleep(50 * time.Millisecond)
	share, _ := LookAtReaders(s).BusyShare(before)
	reader.meter.mu.Unlock()
	if share < 0.9 {
		t.Errorf("a reader that was held up all the time was busy %.2f of it", share)
	}
}

// What a reader has not come to read is seen to have waited.
func TestWaitingIsSinceTheKernelHadTheBytes(t *testing.T) {
	events := make(chan uint64)
	s := opened(t, Request{URL: serve(t, func(c *net.TCPConn, _ *http.Request, _ int) {
		fmt.Fprint(c, head)
		for seq := range events {
			fmt.Fprint(c, event(seq))
		}
	})}, 1, Client{})
	defer close(events)
	st := s.streams[0]
	r := s.carrier.(*epollCarrier).readers[st.meter]
	seq := uint64(0)
	send := func(hold time.Duration) {
		seq++
		r.meter.mu.Lock() // so that the reader has to wait with what it does
		r.reads = sampled - 1
		events <- seq
		time.Sleep(hold)
		r.meter.mu.Unlock()
		testkit.Eventually(t, "the event", func() bool { n, _ := s.Delivered(); return n == seq })
	}
	testkit.Eventually(t, "a stamp of the kernel's", func() bool { send(0); return total(s).Waiting.TotalCount() > 0 })
	before := total(s).Waiting.TotalCount()
	send(50 * time.Millisecond)
	w := total(s).Waiting
	if most := time.Duration(w.Max()) * time.Microsecond; w.TotalCount() != before+1 || most < 40*time.Millisecond || most > 20*time.Second {
		t.Errorf("%d reads waited, at most %v; want %d, and 50 ms", w.TotalCount(), most, before+1)
	}
}
