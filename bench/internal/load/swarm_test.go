package load

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

func TestStreamsOpenAtTheRate(t *testing.T) {
	eachCarrier(t, func(t *testing.T, r Request) {
		r.URL = serve(t, func(c *net.TCPConn, _ *http.Request, _ int) {
			fmt.Fprint(c, head)
			_ = hold(c)
		})
		s, begin := swarm(t, r), time.Now()
		s.Open(t.Context(), 30, 200, Client{})
		if took := time.Since(begin); took < 140*time.Millisecond {
			t.Errorf("30 streams at 200 per second took %v, want 145 ms at least", took)
		}
		if err := s.AwaitOpen(t.Context(), 10*time.Second); err != nil {
			t.Fatal(err)
		}
		open, connecting := s.Now()
		if got := total(s); open != 30 || connecting != 0 || got.Opened != 30 || got.Opening.TotalCount() != 30 {
			t.Errorf("%d open, %d connecting, %d opened, %d timed; want 30, 0, 30, 30", open, connecting, got.Opened, got.Opening.TotalCount())
		}
	})
}

func TestRequestsArriveAsGiven(t *testing.T) {
	eachCarrier(t, func(t *testing.T, r Request) {
		got, bodies := make(chan *http.Request, 1), make(chan string, 1)
		r.URL = serve(t, func(c *net.TCPConn, r *http.Request, _ int) {
			body, _ := io.ReadAll(r.Body)
			got <- r
			bodies <- string(body)
			fmt.Fprint(c, head)
		})
		r.URL = strings.Replace(r.URL, "http://", "http://me:p%40ss@", 1) + "?topic=a%20b"
		r.Method, r.Body = "POST", `{"q":1}`
		r.Header = http.Header{"Cookie": {"a=b; c=d"}, "X-Two": {"1", "2"}, "Content-Type": {"application/json"}, "Host": {"example.test"}}
		s := swarm(t, r)
		s.Open(t.Context(), 1, 0, Client{})
		req := <-got
		user, password, _ := req.BasicAuth()
		for what, pair := range map[string][2]string{
			"method":       {req.Method, "POST"},
			"target":       {req.RequestURI, "/events?topic=a%20b"},
			"host":         {req.Host, "example.test"},
			"cookies":      {req.Header.Get("Cookie"), "a=b; c=d"},
			"both values":  {fmt.Sprint(req.Header["X-Two"]), "[1 2]"},
			"type":         {req.Header.Get("Content-Type"), "application/json"},
			"accept":       {req.Header.Get("Accept"), "text/event-stream"},
			"no cache":     {req.Header.Get("Cache-Control"), "no-cache"},
			"not net/http": {fmt.Sprint(strings.HasPrefix(req.UserAgent(), "Go-http-client")), "false"},
			"user":         {user + " " + password, "me p@ss"},
			"body":         {<-bodies, `{"q":1}`},
			"no id so far": {req.Header.Get("Last-Event-ID"), ""},
		} {
			if pair[0] != pair[1] {
				t.Errorf("%s: %q, want %q", what, pair[0], pair[1])
			}
		}
	})
}

// A browser does not come back after a refusal, however soon it would otherwise.
func TestRefusalsAreForGood(t *testing.T) {
	for name, answer := range map[string]string{
		"404":               "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
		"204":               "HTTP/1.1 204 No Content\r\n\r\n",
		"503":               "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/event-stream\r\nContent-Length: 0\r\n\r\n",
		"304":               "HTTP/1.1 304 Not Modified\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
		"no location":       "HTTP/1.1 307 Temporary Redirect\r\nContent-Length: 0\r\n\r\n",
		"wrong type":        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Wanted: text/event-stream\r\nContent-Length: 0\r\n\r\n",
		"longer type":       "HTTP/1.1 200 OK\r\nContent-Type: text/event-streams\r\nContent-Length: 0\r\n\r\n",
		"no type":           "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"unasked encoding":  "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: br\r\n\r\n",
		"after early hints": "HTTP/1.1 103 Early Hints\r\nContent-Type: text/event-stream\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachCarrier(t, func(t *testing.T, r Request) { testRefusal(t, r, answer) })
		})
	}
}

func testRefusal(t *testing.T, r Request, answer string) {
	var visits atomic.Int32
	r.URL = serve(t, func(c *net.TCPConn, _ *http.Request, visit int) {
		visits.Add(1)
		if visit == 1 { // it would come back soon
			fmt.Fprint(c, head+"retry: 30\n\n")
			return
		}
		fmt.Fprint(c, answer)
	})
	s := swarm(t, r)
	s.Open(t.Context(), 1, 0, Client{Returns: true})
	testkit.Eventually(t, "a refusal", func() bool { return total(s).Refused == 1 })
	time.Sleep(150 * time.Millisecond)
	got := total(s)
	if visits.Load() != 2 || got.Opened != 1 || got.Refused != 1 || got.Failed != 0 || got.Ended != 1 || got.Reconnected != 0 {
		t.Errorf("%d visits, %+v; want 2, and 1 opened, refused and ended", visits.Load(), got)
	}
	if open, connecting := s.Now(); open+connecting != 0 {
		t.Errorf("%d open and %d connecting afterwards", open, connecting)
	}
}

// A refusal of status 200 says what the answer is: its status, its type and how its body begins.
func TestAnswersOfAnotherTypeAreDescribed(t *testing.T) {
	for answer, says := range map[string]string{
		"Content-Type: text/plain\r\nContent-Length: 12\r\n\r\nno such hub\n":                   `the answer is "200 OK", "text/plain" and not text/event-stream: no such hub`,
		"Transfer-Encoding: chunked\r\n\r\n5\r\nwrong\r\n0\r\n\r\n":                             `the answer is "200 OK" without a Content-Type, and not text/event-stream: wrong`,
		"Content-Length: 0\r\n\r\n":                                                             `the answer is "200 OK" without a Content-Type, and not text/event-stream, and has no body; is the URL right?`,
		"Content-Type: text/html\r\nContent-Encoding: identity\r\nContent-Length: 3\r\n\r\nyes": `the answer is "200 OK", "text/html" and not text/event-stream: yes`,
	} {
		eachCarrier(t, func(t *testing.T, r Request) {
			r.URL = serve(t, func(c *net.TCPConn, _ *http.Request, _ int) { fmt.Fprint(c, "HTTP/1.1 200 OK\r\n"+answer) })
			s := swarm(t, r)
			s.Open(t.Context(), 1, 0, Client{})
			testkit.Eventually(t, "a refusal", func() bool { return total(s).Refused == 1 })
			if err := s.AwaitOpen(t.Context(), time.Second); err == nil || !strings.HasSuffix(err.Error(), says) {
				t.Errorf("%q: the error is %v; want %s at its end", answer, err, says)
			}
		})
	}
}

func TestEncodingThatWasNotAskedForIsRefused(t *testing.T) {
	url := serve(t, func(c *net.TCPConn, _ *http.Request, _ int) {
		fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\n")
	})
	for _, r := range []Request{{URL: url}, {URL: url, HTTP2: true}} {
		s := swarm(t, r)
		s.Open(t.Context(), 1, 0, Client{})
		testkit.Eventually(t, "a refusal", func() bool { return total(s).Refused == 1 })
		if err := s.AwaitOpen(t.Context(), time.Second); err == nil || !strings.Contains(err.Error(), "encoded (gzip)") {
			t.Errorf("the error is %v, and does not name the encoding", err)
		}
	}
}

func TestConnectionsThatComeToNothingHaveFailed(t *testing.T) {
	eachCarrier(t, func(t *testing.T, r Request) {
		free := serve(t, nil)
		for name, c := range map[string]struct{ url, says string }{
			"nobody listens":      {strings.Replace(free, "127.0.0.1", "127.0.0.9", 1), "refused"},
			"closed at once":      {serve(t, func(*net.TCPConn, *http.Request, int) {}), ""},
			"closed in the head":  {serve(t, func(c *net.TCPConn, _ *http.Request, _ int) { fmt.Fprint(c, head[:30]) }), ""},
			"reset in the answer": {serve(t, func(c *net.TCPConn, _ *http.Request, _ int) { _ = c.SetLinger(0) }), ""},
		} {
			r.URL = c.url
			s := swarm(t, r)
			s.Open(t.Context(), 1, 0, Client{Returns: true})
			testkit.Eventually(t, name, func() bool { return total(s).Failed == 1 })
			got := total(s)
			if open, connecting := s.Now(); open+connecting != 0 || got.Refused+got.Ended+got.Opened != 0 {
				t.Errorf("%s: %d open, %d connecting, %+v", name, open, connecting, got)
			}
			if err := s.AwaitOpen(t.Context(), time.Second); err == nil || !strings.Contains(err.Error(), "1 of 1 failed") || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: the error is %v", name, err)
			}
		}
	})
}

func TestEndsOfOpenStreamsAreCounted(t *testing.T) {
	chunked := strings.Replace(head, "\r\n\r\n", "\r\nTransfer-Encoding:chunked\r\n\r\n", 1)
	for name, answer := range map[string]script{
		"closed":     func(c *net.TCPConn, _ *http.Request, _ int) { fmt.Fprint(c, head) },
		"last chunk": func(c *net.TCPConn, _ *http.Request, _ int) { fmt.Fprint(c, chunked+"0\r\n\r\n"); _ = hold(c) },
		"cut chunk":  func(c *net.TCPConn, _ *http.Request, _ int) { fmt.Fprint(c, chunked+"ff\r\ndata: x") },
		"bad chunk":  func(c *net.TCPConn, _ *http.Request, _ int) { fmt.Fprint(c, chunked+"zz\r\n"); _ = hold(c) },
		"its length": func(c *net.TCPConn, _ *http.Request, _ int) {
			fmt.Fprint(c, strings.Replace(head, "\r\n\r\n", "\r\nContent-Length: 9\r\n\r\ndata: x\n\n", 1))
			_ = hold(c)
		},
		"reset": func(c *net.TCPConn, _ *http.Request, _ int) {
			fmt.Fprint(c, head)
			time.Sleep(50 * time.Millisecond) // a reset would overtake the head
			_ = c.SetLinger(0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachCarrier(t, func(t *testing.T, r Request) {
				r.URL = serve(t, answer)
				s := swarm(t, r)
				s.Open(t.Context(), 1, 0, Client{})
				testkit.Eventually(t, "an end", func() bool { return total(s).Ended == 1 })
				got := total(s)
				if open, connecting := s.Now(); open+connecting != 0 || got.Opened != 1 || got.Failed+got.Refused != 0 {
					t.Errorf("%d open, %d connecting, %+v; want it opened and ended", open, connecting, got)
				}
				if s.Err() == nil || !strings.HasPrefix(s.Err().Error(), "stream 1: ") {
					t.Errorf("the error is %v, and names no stream", s.Err())
				}
			})
		})
	}
}

// Each visit is a connection: what the server sends, and the id and the delay with which
// the client must come back.
func TestStreamsComeBackAsBrowsersDo(t *testing.T) {
	visits := []struct {
		says string
		id   string        // that it came with
		wait time.Duration // since the one before ended
	}{
		{says: head + "retry: 90\nid: 1\ndata: x\n\nid: 9\nretry: 60\ndata: unfinished\n"},
		{says: head + ": nothing\n\nretry: 3x\n\n", id: "1", wait: 60 * time.Millisecond},
		{says: "", id: "1", wait: 60 * time.Millisecond}, // failed, not refused: it comes back
		{says: head + "id: 2\n\nretry: 30\n", id: "1", wait: 60 * time.Millisecond},
		{says: head + "id\n\n", id: "2", wait: 30 * time.Millisecond},
		{says: head + "data: y\n\n", id: "", wait: 30 * time.Millisecond},
	}
	eachCarrier(t, func(t *testing.T, r Request) {
		var ended atomic.Int64
		done := make(chan struct{})
		r.URL = serve(t, func(c *net.TCPConn, r *http.Request, visit int) {
			v := visits[visit-1]
			if got := r.Header.Get("Last-Event-ID"); got != v.id {
				t.Errorf("visit %d has the id %q, want %q", visit, got, v.id)
			}
			if took := Now() - time.Duration(ended.Load()); visit > 1 && took < v.wait-5*time.Millisecond {
				t.Errorf("visit %d came after %v, want %v", visit, took, v.wait)
			}
			fmt.Fprint(c, v.says)
			if visit == len(visits) {
				close(done)
				_ = hold(c)
			}
			ended.Store(int64(Now()))
		})
		s := swarm(t, r)
		s.Open(t.Context(), 1, 0, Client{Returns: true})
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Fatalf("it did not come back: %+v", total(s))
		}
		testkit.Eventually(t, "two finished events", func() bool { return total(s).Other >= 2 })
		got := total(s)
		if got.Opened != 1 || got.Reconnected != 4 || got.Ended != 4 || got.Failed != 1 || got.Refused != 0 || got.Other != 2 {
			t.Errorf("%+v; want 1 opened, 4 back, 4 ended, 1 failed, 2 events", got)
		}
	})
}

func TestRetryZeroIsBounded(t *testing.T) {
	eachCarrier(t, func(t *testing.T, r Request) {
		var visits atomic.Int32
		r.URL = serve(t, func(c *net.TCPConn, _ *http.Request, _ int) {
			visits.Add(1)
			fmt.Fprint(c, head+"retry: 5000\nretry: 0\n\n")
		})
		s, begin := swarm(t, r), time.Now()
		s.Open(t.Context(), 1, 0, Client{Returns: true})
		testkit.Eventually(t, "five visits", func() bool { return visits.Load() >= 5 })
		if took := time.Since(begin); took < 4*soonest {
			t.Errorf("five visits in %v, want %v between any two", took, soonest)
		}
	})
}

func TestDuplicatesAreToldFromLateEvents(t *testing.T) {
	eachCarrier(t, func(t *testing.T, r Request) {
		r.URL = serve(t, func(c *net.TCPConn, r *http.Request, visit int) {
			if visit == 1 {
				fmt.Fprint(c, head+"retry: 30\n\n"+event(1)+event(2)+event(4))
				return
			}
			if id := r.Header.Get("Last-Event-ID"); id != "4" {
				t.Errorf("it came back with the id %q, want 4", id)
			}
			fmt.Fprint(c, head+event(2)+event(3)+event(4)+event(7)+event(5)+"data: somebody else's\n\n")
			_ = hold(c)
		})
		s := swarm(t, r)
		s.Open(t.Context(), 1, 0, Client{Returns: true})
		testkit.Eventually(t, "the last event", func() bool { return total(s).Other == 1 })
		got := total(s)
		l := got.Lanes[0]
		if l.Delivered != 6 || l.Duplicated != 2 || l.OutOfOrder != 2 || l.Missing != 1 || l.Latency.TotalCount() != 6 {
			t.Errorf("%+v; want 6 delivered and timed, 2 twice, 2 out of order, 1 missing", l)
		}
		if n, last := s.Delivered(); n != 6 || last <= 0 {
			t.Errorf("delivered %d, the last at %v; want 6", n, last)
		}
		if at := s.CaughtUp(0, 7); len(at) != 0 {
			t.Errorf("it has caught up although an event is missing")
		}
	})
}

// flood writes events as fast as they go, and counts the bytes.
func flood(t *testing.T, taken *atomic.Int64) string {
	return serve(t, func(c *net.TCPConn, _ *http.Request, _ int) {
		_ = c.SetWriteBuffer(4096)
		fmt.Fprint(c, head)
		for seq := uint64(1); ; seq++ {
			n, err := io.WriteString(c, event(seq))
			if taken.Add(int64(n)); err != nil {
				return
			}
		}
	})
}

func TestSlowClientsReadAtTheirRate(t *testing.T) {
	for _, rate := range []int64{20_000, 100_000} {
		eachCarrier(t, func(t *testing.T, r Request) {
			if r.Compress != "" && rate < 100_000 {
				t.Skip("its first window is 64 KiB, which takes that client long to read")
			}
			t.Parallel()
			var taken atomic.Int64
			r.URL = flood(t, &taken)
			s := opened(t, r, 1, Client{Rate: int(rate)})
			time.Sleep(500 * time.Millisecond) // until the buffers are full
			before, begin := taken.Load(), time.Now()
			time.Sleep(1500 * time.Millisecond)
			got := float64(taken.Load()-before) / time.Since(begin).Seconds()
			t.Logf("%d bytes per second: %.0f", rate, got)
			if got < 0.15*float64(rate) || got > 1.6*float64(rate) { // a busy machine is slower, never faster
				t.Errorf("it read %.0f bytes per second, want about %d", got, rate)
			}
			if n, _ := s.Delivered(); n != 0 || len(total(s).Lanes) != 0 {
				t.Errorf("%d events of a slow client were counted", n)
			}
		})
	}
}

func TestStoppedClientsStop(t *testing.T) {
	eachCarrier(t, func(t *testing.T, r Request) {
		t.Parallel()
		var taken atomic.Int64
		r.URL = flood(t, &taken)
		s := opened(t, r, 2, Client{Stops: true})
		last := int64(-1)
		testkit.Eventually(t, "the server can write no more", func() bool {
			time.Sleep(300 * time.Millisecond)
			was := last
			last = taken.Load()
			return was == last
		})
		if last > 1<<20 {
			t.Errorf("two stopped clients took %d bytes", last)
		}
		open, _ := s.Now()
		if got := total(s); open != 2 || got.Ended != 0 || len(got.Lanes) != 0 {
			t.Errorf("%d open, %+v; want both open, and nothing delivered", open, got)
		}
	})
}

func TestServersSeeHowStreamsLeave(t *testing.T) {
	eachCarrier(t, func(t *testing.T, r Request) {
		seen := make(chan error, 1)
		r.URL = serve(t, func(c *net.TCPConn, _ *http.Request, _ int) {
			fmt.Fprint(c, head)
			_, err := c.Read(make([]byte, 1))
			seen <- err
		})
		for _, reset := range []bool{false, true} {
			s := opened(t, r, 1, Client{Returns: true})
			s.leaveOne(0, reset)
			err := <-seen
			if opErr, ok := err.(*net.OpError); ok {
				err = opErr.Err
			}
			if call, ok := err.(*os.SyscallError); ok {
				err = call.Err
			}
			want := error(io.EOF)
			if reset {
				want = syscall.ECONNRESET
			}
			if err != want {
				t.Errorf("reset %v: the server read %v, want %v", reset, err, want)
			}
			open, _ := s.Now()
			if got := total(s); open != 0 || got.Ended != 0 || s.Streams() != 0 {
				t.Errorf("reset %v: %d open of %d, %d ended by the server; want none", reset, open, s.Streams(), got.Ended)
			}
		}
	})
}

// replay sends the events that a client has not had, with a retry time, and an unfinished
// event.
func replay(t *testing.T, retry int, ids chan<- string) string {
	return serve(t, func(c *net.TCPConn, r *http.Request, _ int) {
		id := r.Header.Get("Last-Event-ID")
		ids <- id
		from := uint64(1)
		if id != "" {
			_, _ = fmt.Sscan(id, &from)
			from++
		}
		fmt.Fprintf(c, "%sretry: %d\n\n%s%sid: 99\ndata: unfinished\n", head, retry, event(from), event(from+1))
		_ = hold(c)
	})
}

func TestAllAreResetAndReopened(t *testing.T) {
	eachCarrier(t, func(t *testing.T, r Request) {
		ids := make(chan string, 40)
		r.URL = replay(t, 5000, ids)
		s := opened(t, r, 10, Client{Returns: true})
		testkit.Eventually(t, "two events each", func() bool { n, _ := s.Delivered(); return n == 20 })
		s.ResetAll()
		if open, connecting := s.Now(); open+connecting != 0 {
			t.Fatalf("%d open and %d connecting after the reset", open, connecting)
		}
		before := Now()
		s.ReopenAll()
		if err := s.AwaitOpen(t.Context(), 10*time.Second); err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, "two more each", func() bool { return len(s.CaughtUp(0, 4)) == 10 })
		for _, at := range s.CaughtUp(0, 4) {
			if at < before {
				t.Errorf("caught up at %v, before it came back at %v", at, before)
			}
		}
		for i := range 20 {
			if id, want := <-ids, []string{"", "2"}[i/10]; id != want {
				t.Errorf("visit %d has the id %q, want %q", i+1, id, want)
			}
		}
		if got := total(s); got.Opened != 10 || got.Reconnected != 10 || got.Ended != 0 || got.Other != 0 || got.Lanes[0].Duplicated != 0 {
			t.Errorf("%+v; want 10 opened, 10 reconnected, none ended, nothing unfinished", got)
		}
	})
}

func TestAllReturnByThemselves(t *testing.T) {
	eachCarrier(t, func(t *testing.T, r Request) {
		ids := make(chan string, 40)
		r.URL = replay(t, 80, ids)
		s := opened(t, r, 10, Client{Returns: true})
		testkit.Eventually(t, "two events each", func() bool { n, _ := s.Delivered(); return n == 20 })
		s.ResetAll()
		begin := Now()
		if first := s.ReturnAll(); first != 80*time.Millisecond {
			t.Errorf("the first is to come back after %v, want 80 ms", first)
		}
		testkit.Eventually(t, "all are back", func() bool { open, _ := s.Now(); return open == 10 })
		if took := Now() - begin; took < 80*time.Millisecond {
			t.Errorf("all were back after %v, want 80 ms at least", took)
		}
		testkit.Eventually(t, "two more each", func() bool { return len(s.CaughtUp(0, 4)) == 10 })
	})
}

// Streams that wait to reconnect when they are reset come back when they are told to, and
// not before.
func TestReturnTimesOfTheResetDoNotCount(t *testing.T) {
	eachCarrier(t, func(t *testing.T, r Request) {
		var visits atomic.Int32
		r.URL = serve(t, func(c *net.TCPConn, _ *http.Request, visit int) {
			visits.Add(1)
			fmt.Fprint(c, head+"retry: 500\n\n")
			if visit > 1 {
				_ = hold(c)
			}
		})
		s := swarm(t, r)
		s.Open(t.Context(), 1, 0, Client{Returns: true})
		testkit.Eventually(t, "its end", func() bool { return total(s).Ended == 1 })
		time.Sleep(100 * time.Millisecond)
		s.ResetAll()
		if visits.Load() > 1 {
			t.Skip("a sleep of 100 ms took 500")
		}
		begin := Now()
		s.ReturnAll()
		testkit.Eventually(t, "it is back", func() bool { return visits.Load() == 2 })
		if took := Now() - begin; took < 495*time.Millisecond {
			t.Errorf("it was back after %v, want 500 ms", took)
		}
	})
}

func TestAwaitOpenLosesPatience(t *testing.T) {
	eachCarrier(t, func(t *testing.T, r Request) {
		r.URL = serve(t, func(c *net.TCPConn, _ *http.Request, visit int) {
			if visit == 1 {
				fmt.Fprint(c, head)
			}
			_ = hold(c)
		})
		s := swarm(t, r)
		s.Open(t.Context(), 3, 0, Client{})
		err := s.AwaitOpen(t.Context(), 200*time.Millisecond)
		if want := "open streams: 1 are open, and 2 have had no answer for 200ms"; err == nil || err.Error() != want {
			t.Errorf("the error is %v, want %s", err, want)
		}
	})
}

func TestChurnLeavesNothing(t *testing.T) {
	for _, reset := range []bool{false, true} {
		eachCarrier(t, func(t *testing.T, r Request) {
			leavesNothing(t, func() {
				t.Run("churn", func(t *testing.T) {
					var visits atomic.Int64
					r.URL = serve(t, func(c *net.TCPConn, _ *http.Request, _ int) {
						visits.Add(1)
						fmt.Fprint(c, head+event(1))
						_ = hold(c)
					})
					s := swarm(t, r)
					c := NewChurn(s, 800, reset)
					testkit.Eventually(t, "300 streams", func() bool { return c.Done() >= 300 })
					c.Stop()
					testkit.Eventually(t, "all answered", func() bool { _, connecting := s.Now(); return connecting == 0 })
					open, _ := s.Now()
					if got := total(s); open != Stay(800) || got.Reconnected != 0 || got.Failed != 0 {
						t.Errorf("%d open, %d reconnected, %d failed; want %d, and none", open, got.Reconnected, got.Failed, Stay(800))
					}
				})
			})
		})
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	for name, c := range map[string]Client{"reading": {Returns: true}, "slow": {Rate: 100}, "stopped": {Stops: true}} {
		t.Run(name, func(t *testing.T) {
			eachCarrier(t, func(t *testing.T, r Request) {
				leavesNothing(t, func() {
					t.Run("streams", func(t *testing.T) {
						r.URL = serve(t, func(c *net.TCPConn, _ *http.Request, visit int) {
							if visit%5 == 0 {
								return // it fails
							}
							fmt.Fprint(c, head+event(1))
							if visit%3 > 0 { // else it ends
								_ = hold(c)
							}
						})
						s, err := NewSwarm(t.Context(), SwarmConfig{Request: r, Readers: 3})
						if err != nil {
							t.Fatal(err)
						}
						s.Open(t.Context(), 30, 0, c)
						testkit.Eventually(t, "some answers", func() bool { open, _ := s.Now(); return open > 10 })
						s.Close() // some are still connecting, perhaps
						if open, connecting := s.Now(); open+connecting != 0 {
							t.Errorf("%d open and %d connecting after Close", open, connecting)
						}
					})
				})
			})
		})
	}
}
