package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fastsse/fastsse/server"
)

// Without faults there is no proxy in front of the hub.
func TestServeWithoutFaultsParksItsStreams(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("streams are parked on Linux")
	}
	h, err := listenHub("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.run(ctx) }()
	c := subscribe(t, fmt.Sprintf("http://%s/events?topic=a", h.ln.Addr()), "")
	for range 10_000 { // it is seated after its head is sent
		if h.hub.Stats().Parked > 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if s := h.hub.Stats(); s.Parked != 1 || s.Subscribers != 1 {
		t.Errorf("%d streams, %d parked; want 1 and 1", s.Subscribers, s.Parked)
	}
	stop()
	if err := c.end(); err != io.EOF {
		t.Errorf("the stream ended with %v; want an end in order", err)
	}
	c.body.Close() // run waits for that
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n := h.hub.Stats().Ended[server.ReasonDrain.String()]; n != 1 {
		t.Errorf("%d streams were drained; want 1", n)
	}
}

func TestServeWithoutFaultsSaysOneLine(t *testing.T) {
	s := startServe(t)
	if status, said := s.stop(t); status != 0 || said != "" || strings.Count(s.out.String(), "\n") != 1 {
		t.Errorf("status %d, said %q and %q; want 0, one line and nothing", status, s.out.String(), said)
	}
}

// Events are published through the proxy, and those that are left come out. The last one
// does: when it comes, all before it have been counted.
func TestServeMakesFaults(t *testing.T) {
	s := startServe(t, "-drop", "10", "-duplicate=9", "-strip", "x-accel-buffering", "-strip", "Date")
	c := subscribe(t, s.url+"/events?topic=a", "")
	if c.header.Get("X-Accel-Buffering") != "" || c.header.Get("Date") != "" {
		t.Errorf("headers %v; want no X-Accel-Buffering and no Date", c.header)
	}
	for i := 1; i <= 101; i++ {
		publishTo(t, s.url, i)
	}
	var want []int
	for i, kept := 1, 0; i <= 101; i++ {
		if i%10 == 0 {
			continue
		}
		want = append(want, i)
		if kept++; kept%9 == 0 {
			want = append(want, i)
		}
	}
	for _, n := range want {
		if got := c.next(t); got != n {
			t.Fatalf("event %d; want %d", got, n)
		}
	}
	c.body.Close()
	status, said := s.stop(t)
	for _, says := range []string{"drop 1 in 10, duplicate 1 in 9, strip", "events: 10 dropped, 10 duplicated, 0 reordered"} {
		if status != 0 || !strings.Contains(said, says) {
			t.Errorf("status %d, said %q; want 0 and something of %q", status, said, says)
		}
	}
}

// A client that comes back after a cut or a reset gets what it missed from the hub.
func TestServeResumesThroughFaults(t *testing.T) {
	for flag, want := range map[string]error{"-cut": io.EOF, "-reset": syscall.ECONNRESET} {
		s := startServe(t, flag, "300ms")
		c := subscribe(t, s.url+"/events?topic=a", "")
		publishTo(t, s.url, 1)
		if got := c.next(t); got != 1 {
			t.Errorf("%s: event %d; want 1", flag, got)
		}
		if err := c.end(); !errors.Is(err, want) {
			t.Errorf("%s: the stream ended with %v; want %v", flag, err, want)
		}
		publishTo(t, s.url, 2)
		if got := subscribe(t, s.url+"/events?topic=a", c.lastID).next(t); got != 2 {
			t.Errorf("%s: event %d after coming back; want 2", flag, got)
		}
	}
}

func TestServeRefuses(t *testing.T) {
	s := startServe(t, "-refuse", "2", "-refuse-status", "429")
	subscribe(t, s.url+"/events?topic=a", "")
	resp, err := http.Get(s.url + "/events?topic=a")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 429 {
		t.Errorf("status %d; want 429", resp.StatusCode)
	}
}

// In front of another server, with faults and without.
func TestServeViaAnotherServer(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := 1; i <= 6; i++ {
			fmt.Fprintf(w, "data: %d\n\n", i)
		}
		fmt.Fprintf(w, ": %s %s\n\n", r.URL.Path, r.Header.Get("Last-Event-ID"))
	}))
	defer other.Close()
	for _, c := range []struct {
		args string
		want []int
	}{
		{"-drop=2", []int{1, 3, 5}},
		{"-reorder=4", []int{1, 2, 3, 5, 4, 6}},
		{"", []int{1, 2, 3, 4, 5, 6}},
	} {
		s := startServe(t, append(strings.Fields(c.args), "-via", other.URL+"/base")...)
		sub := subscribe(t, s.url+"/live", "e-1")
		for _, want := range c.want {
			if got := sub.next(t); got != want {
				t.Fatalf("%s: event %d; want %d", c.args, got, want)
			}
		}
		if rest, err := io.ReadAll(sub.lines); err != nil || !strings.Contains(string(rest), ": /base/live e-1") {
			t.Errorf("%s: then %q, %v; want the path and the last id as the server saw them", c.args, rest, err)
		}
	}
}

// Open streams do not keep serve from ending.
func TestServeEnds(t *testing.T) {
	s := startServe(t, "-delay=1h")
	a, b := subscribe(t, s.url+"/events?topic=a", ""), subscribe(t, s.url+"/events?topic=a", "")
	start := time.Now()
	if status, said := s.stop(t); status != 0 || time.Since(start) > 5*time.Second {
		t.Errorf("status %d after %v, said %q; want 0 within 5s", status, time.Since(start), said)
	}
	for _, c := range []*subscriber{a, b} {
		if err := c.end(); err != io.EOF {
			t.Errorf("a stream ended with %v; want an end in order", err)
		}
	}
}

// Nor does a client that takes nothing, while a write to it is under way.
func TestServeEndsDespiteAStalledClient(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 3 s")
	}
	var sent atomic.Int64
	flood := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		event := []byte("data: " + strings.Repeat("x", 1<<16) + "\n\n")
		for r.Context().Err() == nil {
			n, _ := w.Write(event)
			sent.Add(int64(n))
		}
	}))
	defer flood.Close()
	s := startServe(t, "-via", flood.URL, "-drop", "2")
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	for last := int64(-1); last < 1<<20 || last != sent.Load(); { // until nobody takes any more
		last = sent.Load()
		time.Sleep(100 * time.Millisecond)
	}
	start := time.Now()
	if status, said := s.stop(t); status != 0 || time.Since(start) > 5*time.Second {
		t.Errorf("status %d after %v, said %q; want 0 within 5s", status, time.Since(start), said)
	}
}

func TestServeSaysWhichFlagIsWrong(t *testing.T) {
	for args, says := range map[string]string{
		"-drop=-1":            "drop of -1: give 1 or more",
		"-stall=-2s":          "stall of -2s: give a duration above zero",
		"-hold=2s":            "put toxiproxy in front",
		"-slow-drain 0":       "-slow-drain is no fault of serve any more",
		"-refuse-status=99":   "refuse-status of 99",
		"-strip=X:y":          `strip of "X:y": give the name of a header alone`,
		"-via=ftp://x/":       "give the server's URL as http://host:port",
		"-drop=1 -addr=no:no": "-addr",
	} {
		var out, errs bytes.Buffer
		status := run(t.Context(), append([]string{"serve"}, strings.Fields(args)...), &out, &errs)
		if status == 0 || out.Len() > 0 || !strings.Contains(errs.String(), says) {
			t.Errorf("bench serve %s: status %d, said %q; want a failure and something of %q", args, status, errs.String(), says)
		}
	}
}

// subscriber reads a stream of numbers.
type subscriber struct {
	header http.Header
	body   io.Closer
	lines  *bufio.Reader
	lastID string
}

// subscribe opens a stream; the head has arrived when it returns.
func subscribe(t *testing.T, url, lastID string) *subscriber {
	t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Accept": {"text/event-stream"}, "Cache-Control": {"no-cache"}, "User-Agent": {"an EventSource"}}
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != 200 {
		t.Fatalf("GET %s: %s", url, resp.Status)
	}
	return &subscriber{resp.Header, resp.Body, bufio.NewReader(resp.Body), ""}
}

// next returns the next number, and keeps its id.
func (s *subscriber) next(t *testing.T) (n int) {
	t.Helper()
	for isEvent := false; ; {
		line, err := s.lines.ReadString('\n')
		if err != nil {
			t.Fatalf("the stream ended with %v", err)
		}
		if id, ok := strings.CutPrefix(line, "id: "); ok {
			s.lastID = strings.TrimSpace(id)
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			fmt.Sscan(data, &n)
			isEvent = true
		}
		if isEvent && line == "\n" {
			return n
		}
	}
}

// end reads to the end, and returns the error: io.EOF if the end was clean.
func (s *subscriber) end() error {
	for {
		if _, err := s.lines.ReadByte(); err != nil {
			return err
		}
	}
}

func publishTo(t *testing.T, url string, n int) {
	t.Helper()
	resp, err := http.Post(url+"/publish?topic=a", "text/plain", strings.NewReader(fmt.Sprint(n)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		t.Fatalf("publish: %s", resp.Status)
	}
}
