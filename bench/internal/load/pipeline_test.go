package load

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

// takes serves publishers: answer is called for each request of a connection, and says
// whether to go on.
func takes(t *testing.T, answer func(c net.Conn, r *http.Request, body string) bool) (url string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{}
	w.running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			w.mu.Lock()
			w.conns = append(w.conns, c)
			w.mu.Unlock()
			w.running.Go(func() {
				defer c.Close()
				for in := bufio.NewReader(c); ; {
					r, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					body, _ := io.ReadAll(r.Body)
					if !answer(c, r, string(body)) {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		w.close()
	})
	return fmt.Sprintf("http://%s/publish?topic=x", l.Addr())
}

const accepted = "HTTP/1.1 204 No Content\r\n\r\n"

func publisher(t *testing.T, p Publishing) *Publisher {
	t.Helper()
	got, err := NewPublisher(t.Context(), p, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(got.Close)
	return got
}

func TestPipelinePostsAsGiven(t *testing.T) {
	type request struct {
		*http.Request
		body string
	}
	got := make(chan request, 10)
	url := takes(t, func(c net.Conn, r *http.Request, body string) bool {
		got <- request{r, body}
		fmt.Fprint(c, "HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok")
		return true
	})
	url = strings.Replace(url, "http://", "http://me:secret@", 1)
	p := publisher(t, Publishing{
		URL: url, Method: "PUT", Size: 70, Body: `{"topic":"x","data":"{{.Message}}"}`,
		Header: http.Header{"Content-Type": {"application/json"}, "X-Key": {"k"}, "Host": {"example.test"}},
	})
	if err := p.Run(t.Context(), 3, 1000, Now()); err != nil {
		t.Fatal(err)
	}
	for i := range uint64(3) {
		r := <-got
		user, password, _ := r.BasicAuth()
		head := fmt.Sprint(r.Method, " ", r.RequestURI, " ", r.Host, " ", r.Header["Content-Type"], " ", r.Header.Get("X-Key"), " ", user, " ", password)
		if want := "PUT /publish?topic=x example.test [application/json] k me secret"; head != want {
			t.Errorf("event %d: %s, want %s", i+1, head, want)
		}
		message, ok := strings.CutPrefix(strings.TrimSuffix(r.body, `"}`), `{"topic":"x","data":"`)
		if s, stamped := readStamp([]byte(message)); !ok || !stamped || s.seq != i+1 || len(message) != 70 {
			t.Errorf("event %d: the body is %s", i+1, r.body)
		}
	}
}

func TestPipelinePostsPlainMessages(t *testing.T) {
	got := make(chan string, 1)
	url := takes(t, func(c net.Conn, r *http.Request, body string) bool {
		got <- r.Method + " " + r.Header.Get("Content-Type") + " " + body[:len(marker)]
		fmt.Fprint(c, accepted)
		return true
	})
	if err := publisher(t, Publishing{URL: url}).Now(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if request, want := <-got, "POST text/plain "+string(marker); request != want {
		t.Errorf("%q, want %q", request, want)
	}
}

// A server that is slow to answer does not slow the schedule, until so many events are
// unanswered that no more are sent.
func TestScheduleIsOpenLoop(t *testing.T) {
	var taken atomic.Int64
	answer := make(chan struct{})
	url := takes(t, func(c net.Conn, _ *http.Request, _ string) bool {
		if taken.Add(1) == mostUnanswered {
			<-answer
			for range mostUnanswered {
				fmt.Fprint(c, accepted)
			}
		} else if taken.Load() > mostUnanswered {
			fmt.Fprint(c, accepted)
		}
		return true
	})
	p := publisher(t, Publishing{URL: url})
	done := make(chan error, 1)
	go func() { done <- p.Run(t.Context(), mostUnanswered+100, 20_000, Now()) }()
	testkit.Eventually(t, "all that may be unanswered is sent", func() bool { return taken.Load() == mostUnanswered })
	time.Sleep(50 * time.Millisecond)
	if p.Sent() != mostUnanswered {
		t.Errorf("sent %d without an answer, want %d", p.Sent(), mostUnanswered)
	}
	close(answer)
	if err := <-done; err != nil || p.Sent() != mostUnanswered+100 {
		t.Errorf("sent %d, %v; want %d", p.Sent(), err, mostUnanswered+100)
	}
	if p.worst() < 40*time.Millisecond {
		t.Errorf("%v late, want 50 ms at least: it had to wait", p.worst())
	}
}

// The run ends soon after a refusal, whose number and text are the error.
func TestPublisherSaysWhichEventWasRefused(t *testing.T) {
	for name, closes := range map[string]bool{"goes on": false, "closes": true} {
		t.Run(name, func(t *testing.T) {
			n := 0
			url := takes(t, func(c net.Conn, _ *http.Request, _ string) bool {
				if n++; n == 7 {
					fmt.Fprint(c, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 8\r\n\r\nno disk\n")
					return !closes
				}
				fmt.Fprint(c, accepted)
				return true
			})
			p := publisher(t, Publishing{URL: url})
			err := p.Run(t.Context(), 1_000_000, 500, Now())
			if err == nil {
				t.Fatal("no error")
			}
			for _, says := range []string{"the answer to event 7", "500 Internal Server Error", "no disk"} {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("the error is %q, and does not say %q", err, says)
				}
			}
			if p.Sent() < 7 || p.Sent() > 5000 {
				t.Errorf("sent %d, want little more than 7", p.Sent())
			}
		})
	}
}

func TestPublisherSaysThatTheServerHasGone(t *testing.T) {
	n := 0
	url := takes(t, func(c net.Conn, _ *http.Request, _ string) bool {
		n++
		if n < 4 {
			fmt.Fprint(c, accepted)
		}
		return n < 4
	})
	p := publisher(t, Publishing{URL: url})
	err := p.Now(t.Context(), 1)
	for err == nil {
		err = p.Now(t.Context(), 1)
	}
	if want := "the answer to event 4: the server closed the connection instead"; err.Error() != want {
		t.Errorf("the error is %q, want %q", err, want)
	}
}

// Servers close idle connections, some after sending an answer.
func TestPublisherComesBackAfterAnIdleTime(t *testing.T) {
	for name, farewell := range map[string]string{"silent": "", "timeout": "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"} {
		t.Run(name, func(t *testing.T) {
			var taken atomic.Int64
			url := takes(t, func(c net.Conn, _ *http.Request, _ string) bool {
				fmt.Fprint(c, accepted)
				if taken.Add(1)%2 == 1 {
					return true
				}
				time.Sleep(10 * time.Millisecond) // the answer is read, the next event not sent
				fmt.Fprint(c, farewell)
				return false
			})
			p := publisher(t, Publishing{URL: url})
			for range 6 {
				if err := p.Now(t.Context(), 1); err != nil {
					t.Fatal(err)
				}
				if taken.Load()%2 == 0 {
					testkit.Eventually(t, "the end of the connection", p.poster.(*pipeline).idle)
				}
			}
			if p.Sent() != 6 || taken.Load() != 6 {
				t.Errorf("sent %d, taken %d; want 6", p.Sent(), taken.Load())
			}
		})
	}
}

// idle reports whether the next post makes a connection.
func (l *pipeline) idle() bool {
	_ = l.lock(context.Background())
	defer l.unlock()
	return l.link == nil
}

// A server may close after some answers, if it says so: what it has not read is posted again,
// and reaches it once, in order.
func TestPublisherGoesOnWhenTheServerCloses(t *testing.T) {
	const http10 = "HTTP/1.0 200 OK\r\n\r\nok" // ends with its connection
	for name, c := range map[string]struct {
		each int // requests of a connection
		last string
	}{
		"after each":        {1, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"},
		"after 7":           {7, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"},
		"HTTP/1.0":          {1, http10},
		"HTTP/1.0, after 3": {3, http10},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var got []uint64
			taken := map[net.Conn]int{}
			url := takes(t, func(conn net.Conn, _ *http.Request, body string) bool {
				mu.Lock()
				defer mu.Unlock()
				s, _ := readStamp([]byte(body))
				got = append(got, s.seq)
				if taken[conn]++; taken[conn] == c.each {
					fmt.Fprint(conn, c.last)
					return false
				}
				fmt.Fprint(conn, accepted)
				return true
			})
			for _, publishers := range []int{1, 3} {
				mu.Lock()
				got = nil
				mu.Unlock()
				const events = 200
				p := publisher(t, Publishing{URL: url, Publishers: publishers})
				if err := p.Run(t.Context(), events, 20_000, Now()); err != nil {
					t.Fatal(err)
				}
				mu.Lock()
				if publishers > 1 {
					slices.Sort(got)
				}
				if len(got) != events || got[0] != 1 || !slices.IsSorted(got) || len(slices.Compact(got)) != events {
					t.Errorf("%d publishers: it got %v, want 1 to %d", publishers, got, events)
				}
				mu.Unlock()
			}
		})
	}
}

// A server that has closed once is not taken for one that answers few requests.
func TestOneCloseDoesNotEndThePipelining(t *testing.T) {
	const events = 100
	var first atomic.Bool
	var unanswered, most atomic.Int64
	url := takes(t, func(c net.Conn, _ *http.Request, _ string) bool {
		if first.CompareAndSwap(false, true) {
			fmt.Fprint(c, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
			return false
		}
		most.Store(max(most.Load(), unanswered.Add(1)))
		time.AfterFunc(20*time.Millisecond, func() {
			unanswered.Add(-1)
			fmt.Fprint(c, accepted)
		})
		return true
	})
	p := publisher(t, Publishing{URL: url})
	if err := p.Run(t.Context(), events, 500, Now()); err != nil || p.Sent() != events {
		t.Fatalf("sent %d, %v; want %d", p.Sent(), err, events)
	}
	if most.Load() < 4 {
		t.Errorf("at most %d events were unanswered at a time", most.Load())
	}
}

// The server need not have read an event to refuse it.
func TestPublisherSaysWhyALargeEventWasRefused(t *testing.T) {
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
	}))
	t.Cleanup(refuses.Close)
	p := publisher(t, Publishing{URL: refuses.URL, Size: 8 << 20})
	err := p.Run(t.Context(), 1, 1, Now())
	if want := "the answer to event 1: 413 Request Entity Too Large: too large"; err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %q", err, want)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for name, c := range map[string]struct{ answer, says string }{
		"interim": {"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + accepted, ""},
		"twice":   {accepted + accepted, "more answers than there were requests"},
	} {
		t.Run(name, func(t *testing.T) {
			url := takes(t, func(conn net.Conn, _ *http.Request, _ string) bool {
				fmt.Fprint(conn, c.answer)
				return true
			})
			p := publisher(t, Publishing{URL: url})
			var err error
			testkit.Soon(time.Second, func() bool {
				err = p.Now(t.Context(), 1)
				return err != nil || c.says == ""
			})
			if (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("the error is %v; want one that says %q", err, c.says)
			}
		})
	}
}

// A server that has stopped reading does not keep the publisher from stopping.
func TestPublisherStopsAlthoughItIsBlocked(t *testing.T) {
	never := make(chan struct{})
	url := takes(t, func(net.Conn, *http.Request, string) bool {
		<-never
		return false
	})
	p := publisher(t, Publishing{URL: url, Size: 1 << 20})
	t.Cleanup(func() { close(never) })
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx, 1000, 1000, Now()) }()
	last := uint64(0)
	testkit.Eventually(t, "the publisher is blocked", func() bool {
		was := last
		time.Sleep(100 * time.Millisecond)
		last = p.Sent()
		return last > 0 && last == was
	})
	stop()
	select {
	case err := <-done:
		if err != nil || p.Sent() != last {
			t.Errorf("sent %d, %v; want %d and no error", p.Sent(), err, last)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it did not stop")
	}
}

func TestPublisherCloseLeavesNothing(t *testing.T) {
	leavesNothing(t, func() {
		t.Run("publish", func(t *testing.T) {
			url := takes(t, func(c net.Conn, _ *http.Request, _ string) bool {
				fmt.Fprint(c, accepted)
				return true
			})
			if err := publisher(t, Publishing{URL: url}).Run(t.Context(), 20, 1000, Now()); err != nil {
				t.Error(err)
			}
		})
	})
}
