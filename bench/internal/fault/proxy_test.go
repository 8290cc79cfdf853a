package fault

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Each fault, between two sockets, with exact counts. The stream is of events 1
// to 1003, comments among them.
func TestProxyMakesEachFaultByCount(t *testing.T) {
	server := startUpstream(t, numbers(1003))
	for _, c := range []struct {
		faults Faults
		want   func() []int
		counts Counts
	}{
		{Faults{}, func() []int { return upTo(1003) }, Counts{}},
		{Faults{Drop: 100}, func() []int {
			return slices.DeleteFunc(upTo(1003), func(i int) bool { return i%100 == 0 })
		}, Counts{Dropped: 10}},
		{Faults{Drop: 1}, func() []int { return nil }, Counts{Dropped: 1003}},
		{Faults{Duplicate: 100}, func() (want []int) {
			for _, i := range upTo(1003) {
				if want = append(want, i); i%100 == 0 {
					want = append(want, i)
				}
			}
			return want
		}, Counts{Duplicated: 10}},
		{Faults{Reorder: 100}, func() []int {
			want := upTo(1003)
			for i := 100; i <= 1000; i += 100 {
				want[i-1], want[i] = want[i], want[i-1]
			}
			return want
		}, Counts{Reordered: 10}},
		{Faults{Delay: 20 * ms}, func() []int { return upTo(1003) }, Counts{}},
		{Faults{Cut: time.Hour, Reset: time.Hour}, func() []int { return upTo(1003) }, Counts{}},
	} {
		p, front := startFront(t, server, c.faults)
		for range 2 { // streams count each for itself
			got, comments, err := read(t, front+"/events")
			if err != nil || !slices.Equal(got, c.want()) {
				t.Errorf("%v: %d events, %v; want %d", c.faults, len(got), err, len(c.want()))
			}
			if comments != 1003/5 {
				t.Errorf("%v: %d comments; want %d", c.faults, comments, 1003/5)
			}
		}
		want := c.counts
		want.Streams, want.Dropped, want.Duplicated, want.Reordered = 2, want.Dropped*2, want.Duplicated*2, want.Reordered*2
		if got := countsOf(p, 2); got != want {
			t.Errorf("%v: %v; want %v", c.faults, got, want)
		}
	}
}

// Combined, they do what the documentation says.
func TestProxyFaultsCompose(t *testing.T) {
	p, front := startFront(t, startUpstream(t, numbers(1000)), Faults{Drop: 10, Duplicate: 9, Reorder: 7, Delay: 5 * ms})
	got, _, err := read(t, front+"/events")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]int{}
	for _, i := range got {
		seen[i]++
	}
	twice := 0
	for _, n := range seen {
		twice += n - 1
	}
	if len(seen) != 900 || twice != 100 {
		t.Errorf("%d different events, %d twice; want 900 and 100", len(seen), twice)
	}
	if want := (Counts{Streams: 1, Dropped: 100, Duplicated: 100, Reordered: 128}); countsOf(p, 1) != want {
		t.Errorf("%v; want %v", p.Counts(), want)
	}
}

// A client gets the head of a stream at once, and each event as it comes.
func TestProxyFlushesEachBlock(t *testing.T) {
	next := make(chan string)
	defer close(next)
	_, front := startFront(t, startUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		beginStream(w)
		for text := range next {
			io.WriteString(w, text)
			flush(w)
		}
	}), Faults{Drop: 1000})
	resp := get(t, front+"/events")
	lines := bufio.NewReader(resp.Body)
	for _, text := range []string{":\n\n", "data: 1\n\n", "id: 7\n\n"} {
		next <- text
		for _, want := range strings.SplitAfter(text, "\n")[:2] {
			if line, err := lines.ReadString('\n'); line != want || err != nil {
				t.Fatalf("line %q, %v; want %q", line, err, want)
			}
		}
	}
}

func TestProxyDelays(t *testing.T) {
	_, front := startFront(t, startUpstream(t, numbers(3)), Faults{Delay: 150 * ms})
	start := time.Now()
	got, _, err := read(t, front+"/events")
	if d := time.Since(start); len(got) != 3 || err != nil || d < 150*ms {
		t.Errorf("%d events after %v, %v; want 3 after 150ms or more", len(got), d, err)
	}
}

// What is passed on while the proxy ends is whole, and ends cleanly; new streams are refused.
func TestProxyEndsItsStreams(t *testing.T) {
	u, _ := url.Parse(startUpstream(t, openEnded(3)))
	ctx, stop := context.WithCancel(t.Context())
	p, err := NewProxy(ctx, u, Faults{Delay: 10 * ms})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.Serve(ln) }()
	resp := get(t, "http://"+ln.Addr().String())
	if _, err := io.ReadFull(resp.Body, make([]byte, len("id: 1\ndata: 1\n\n"))); err != nil {
		t.Fatal(err)
	}
	stop()
	if rest, err := io.ReadAll(resp.Body); err != nil || !strings.HasSuffix("\n\n"+string(rest), "\n\n") {
		t.Errorf("the stream ended with %q, %v; want whole events, and an end in order", rest, err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	answer := &http.Response{StatusCode: 200, Request: httptest.NewRequest("GET", "/", nil), Body: http.NoBody,
		Header: http.Header{"Content-Type": {"text/event-stream"}}}
	if err := p.answer(answer); err != nil || answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("status %d, %v for a stream after that; want 503", answer.StatusCode, err)
	}
}

func TestProxyCutsInOrder(t *testing.T) {
	p, front := startFront(t, startUpstream(t, openEnded(3)), Faults{Cut: 200 * ms})
	start := time.Now()
	got, _, err := read(t, front+"/events")
	if d := time.Since(start); len(got) != 3 || err != nil || d < 200*ms {
		t.Errorf("%d events, end after %v with %v; want 3, and an end in order after 200ms or more", len(got), d, err)
	}
	if want := (Counts{Streams: 1, Cut: 1}); countsOf(p, 1) != want {
		t.Errorf("%v; want %v", p.Counts(), want)
	}
}

func TestProxyResets(t *testing.T) {
	p, front := startFront(t, startUpstream(t, openEnded(3)), Faults{Reset: 200 * ms})
	start := time.Now()
	got, _, err := read(t, front+"/events")
	if d := time.Since(start); len(got) != 3 || !errors.Is(err, syscall.ECONNRESET) || d < 200*ms {
		t.Errorf("%d events, end after %v with %v; want 3, and a reset after 200ms or more", len(got), d, err)
	}
	if want := (Counts{Streams: 1, Reset: 1}); countsOf(p, 1) != want {
		t.Errorf("%v; want %v", p.Counts(), want)
	}
}

// A client that has taken nothing finds a reset when it reads, and not what was kept
// for it.
func TestProxyResetsAStalledClient(t *testing.T) {
	_, front := startFront(t, startUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		beginStream(w)
		event := []byte("data: " + strings.Repeat("x", 1<<16) + "\n\n")
		for r.Context().Err() == nil {
			w.Write(event)
		}
	}), Faults{Reset: 300 * ms})
	conn, err := net.Dial("tcp", strings.TrimPrefix(front, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
	time.Sleep(600 * ms) // reading nothing is what is tested
	if n, err := io.Copy(io.Discard, conn); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%d bytes, then %v; want a reset", n, err)
	}
}

// A stream that ends before its reset ends cleanly.
func TestProxyEndsInOrderBeforeTheReset(t *testing.T) {
	p, front := startFront(t, startUpstream(t, numbers(3)), Faults{Reset: time.Hour})
	got, _, err := read(t, front+"/events")
	if len(got) != 3 || err != nil {
		t.Errorf("%d events, %v; want 3 and an end in order", len(got), err)
	}
	if want := (Counts{Streams: 1}); countsOf(p, 1) != want {
		t.Errorf("%v; want %v", p.Counts(), want)
	}
}

// If the upstream breaks off, so does the client's stream.
func TestProxyBreaksOffWithTheUpstream(t *testing.T) {
	_, front := startFront(t, startUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		numbers(3)(w, r)
		panic(http.ErrAbortHandler)
	}), Faults{Drop: 2})
	got, _, err := read(t, front+"/events")
	if !slices.Equal(got, []int{1, 3}) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("events %v, %v; want 1 and 3, and an unexpected end", got, err)
	}
}

// Requests for anything else are neither counted nor refused.
func TestProxyRefusesByCount(t *testing.T) {
	p, front := startFront(t, startUpstream(t, numbers(1)), Faults{Refuse: 3, RefuseStatus: 429})
	var got []int
	for range 7 {
		got = append(got, get(t, front+"/events").StatusCode)
		if other := get(t, front+"/other"); other.StatusCode != 200 {
			t.Errorf("/other: status %d", other.StatusCode)
		}
	}
	if want := []int{200, 200, 429, 200, 200, 429, 200}; !slices.Equal(got, want) {
		t.Errorf("statuses %v; want %v", got, want)
	}
	if c := p.Counts(); c.Refused != 2 {
		t.Errorf("%v; want 2 refused", c)
	}
}

func TestProxyStripsHeaders(t *testing.T) {
	_, front := startFront(t, startUpstream(t, numbers(1)), Faults{Strip: []string{"x-accel-buffering", "Date"}})
	for _, path := range []string{"/events", "/other"} {
		resp := get(t, front+path)
		if resp.Header.Get("X-Accel-Buffering") != "" || resp.Header.Get("Date") != "" || resp.Header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: headers %v; want no X-Accel-Buffering and no Date, and Cache-Control", path, resp.Header)
		}
	}
}

// Everything of a request goes on, and everything of an answer comes back.
func TestProxyPassesOn(t *testing.T) {
	server := startUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Answer", "yes")
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "%s %s %s %q %q %q %s", r.Method, r.URL.EscapedPath(), r.URL.RawQuery,
			r.Header.Get("Last-Event-ID"), r.Header.Get("Accept-Encoding"), r.UserAgent(), body)
	})
	_, front := startFront(t, server+"/base/", Faults{Drop: 1})
	req, err := http.NewRequest("PUT", front+"/a%2Fb/c?topic=T&x=%20", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Last-Event-Id": {"e-7"}, "User-Agent": {"me"}, "Connection": {"X-Hop"}, "X-Hop": {"1"}}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if want := `PUT /base/a%2Fb/c topic=T&x=%20 "e-7" "" "me" hello`; string(body) != want {
		t.Errorf("the server saw %s; want %s", body, want)
	}
	if resp.StatusCode != http.StatusTeapot || resp.Header.Get("X-Answer") != "yes" {
		t.Errorf("status %d, headers %v; want 418 and X-Answer", resp.StatusCode, resp.Header)
	}
}

// The answer to HEAD is not a stream, and a body of another type is passed on as it comes.
func TestProxyPassesOnWhatIsNoEventStream(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	_, front := startFront(t, startUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		io.WriteString(w, "{}\n")
		flush(w)
		<-release
	}), Faults{Drop: 1, Refuse: 1})
	if line, err := bufio.NewReader(get(t, front).Body).ReadString('\n'); line != "{}\n" || err != nil {
		t.Errorf("line %q, %v; want it at once", line, err)
	}
	_, front = startFront(t, startUpstream(t, numbers(1)), Faults{Refuse: 1})
	resp, err := http.Head(front + "/events")
	if err != nil || resp.StatusCode != 200 {
		t.Errorf("HEAD: %v, %v; want 200", resp, err)
	}
}

func TestProxySaysWhatItCannotDo(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	zipped := startUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		beginStream(w)
	})
	for server, says := range map[string]string{gone.URL: "does not answer", zipped: "Content-Encoding gzip"} {
		_, front := startFront(t, server, Faults{Drop: 1})
		resp := get(t, front)
		if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 502 || !strings.Contains(string(body), says) {
			t.Errorf("status %d, %q; want 502 and something of %q", resp.StatusCode, body, says)
		}
	}
	for _, upstream := range []string{"ftp://x/", "localhost", "http://", "http://x/?a=b", "http://x/#a"} {
		u, err := url.Parse(upstream)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := NewProxy(t.Context(), u, Faults{}); err == nil || !strings.Contains(err.Error(), upstream) {
			t.Errorf("NewProxy of %q: %v; want an error that says it", upstream, err)
		}
	}
}

// When a client leaves, its upstream stream ends too.
func TestProxyLeavesWithTheClient(t *testing.T) {
	left := make(chan struct{})
	_, front := startFront(t, startUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		beginStream(w)
		<-r.Context().Done()
		close(left)
	}), Faults{Delay: time.Hour})
	get(t, front).Body.Close()
	select {
	case <-left:
	case <-time.After(10 * time.Second):
		t.Error("the upstream's stream is still open")
	}
}

// numbers sends events 1 to n, with a comment after every fifth, and ends.
func numbers(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Accel-Buffering", "no")
		beginStream(w)
		for i := 1; i <= n; i++ {
			fmt.Fprintf(w, "id: %d\ndata: %d\n\n", i, i)
			if i%5 == 0 {
				io.WriteString(w, ":\n\n")
			}
		}
		flush(w)
	}
}

// openEnded is numbers without an end.
func openEnded(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		numbers(n)(w, r)
		<-r.Context().Done()
	}
}

func beginStream(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(200)
	flush(w)
}

func flush(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }

// startUpstream serves h, and something else at /other.
func startUpstream(t *testing.T, h http.HandlerFunc) (url string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/", h)
	mux.HandleFunc("/other", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Accel-Buffering", "no")
		w.Header().Set("Cache-Control", "no-cache")
		io.WriteString(w, "data: no event\n\n")
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	t.Cleanup(s.CloseClientConnections)
	return s.URL
}

// startFront puts a proxy in front of the server at upstream.
func startFront(t *testing.T, upstream string, f Faults) (p *Proxy, front string) {
	t.Helper()
	u, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	p, err = NewProxy(ctx, u, f)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.Serve(ln) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return p, "http://" + ln.Addr().String()
}

// get returns an answer once its head has come.
func get(t *testing.T, url string) *http.Response {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// read reads a stream of numbers to its end, with none of the proxy's code, and returns
// the error that ended it; nil if it ended cleanly.
func read(t *testing.T, url string) (numbers []int, comments int, err error) {
	t.Helper()
	lines := bufio.NewScanner(get(t, url).Body)
	for lines.Scan() {
		if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			n, err := strconv.Atoi(text)
			if err != nil {
				t.Fatal(err)
			}
			numbers = append(numbers, n)
		}
		if strings.HasPrefix(lines.Text(), ":") {
			comments++
		}
	}
	return numbers, comments, lines.Err()
}

// countsOf returns a proxy's counts once the given number of its streams have ended: a
// client may see the end first.
func countsOf(p *Proxy, streams uint64) Counts {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(ms) {
		if c := p.Counts(); c.Streams >= streams {
			return c
		}
	}
	return p.Counts()
}

func upTo(n int) (all []int) {
	for i := 1; i <= n; i++ {
		all = append(all, i)
	}
	return all
}
