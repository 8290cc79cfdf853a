package main

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// run finds whatever is wrong with a server, and how often it happened: each fault that
// serve can make is made in front of a hub, and counted.
func TestRunFindsEachFault(t *testing.T) {
	t.Parallel()
	const streams = 10
	for _, c := range []struct {
		fault  string // of serve; one that begins with a letter is a proxy's, in front of it
		run    string // besides what all runs have
		status int
		wrong  func(r *result.Result) bool
		want   string
	}{
		{"-strip X-Nothing", "-rate 1050 -duration 2s", 0, func(r *result.Result) bool {
			return *r.Lost+*r.Missing+*r.Duplicated+*r.OutOfOrder != 0 || r.Ended != 0
		}, "nothing wrong: the proxy alone does no harm"},
		{"-drop 1000", "-rate 1050 -duration 2s", 0, func(r *result.Result) bool {
			return *r.Lost != 2*streams || *r.Missing != 2*streams || *r.Duplicated+*r.OutOfOrder != 0
		}, "2 of 2,100 lost on each stream"},
		{"-duplicate 500", "-rate 1050 -duration 2s", 0, func(r *result.Result) bool {
			return *r.Duplicated != 4*streams || *r.Lost+*r.OutOfOrder != 0
		}, "4 of 2,100 twice on each stream"},
		{"-reorder 500", "-rate 1050 -duration 2s", 0, func(r *result.Result) bool {
			return *r.OutOfOrder != 4*streams || *r.Lost+*r.Missing+*r.Duplicated != 0
		}, "4 of 2,100 out of order on each stream"},
		{"-delay 300ms", "-rate 50 -duration 2s", 0, func(r *result.Result) bool {
			return *r.Lost != 0 || r.SpreadMS.First.P50 < 300 || r.LatencyMS.P50 < 300 || r.LatencyMS.P50 > 600
		}, "a median latency of 300 ms and a little"},
		{"-stall 1s", "-rate 50 -duration 4s", 0, func(r *result.Result) bool {
			return *r.Lost+*r.Duplicated+*r.OutOfOrder != 0 || r.LatencyMS.Max < 950 || r.LatencyMS.P50 > 500
		}, "one silence of a second, after which everything comes"},
		{"hold", "-rate 50 -duration 4s", 0, func(r *result.Result) bool {
			return *r.Lost != 0 || r.LatencyMS.P50 < 250 || r.LatencyMS.P90 < 600 || r.LatencyMS.P90 > 2000
		}, "latencies of 0 to 1 s, since events come together each second"},
		{"drip", "-rate 50 -duration 2s", 0, func(r *result.Result) bool {
			return r.LatencyMS.Max < 500
		}, "ever later events: 7 kB/s do not fit through 1 kB/s"},
		{"-cut 5s", "-rate 50 -duration 8500ms", 0, func(r *result.Result) bool {
			return r.Ended != streams || r.Reconnected != streams || *r.Lost+*r.Duplicated != 0 || endedIn(r, 4, 7) != streams
		}, "each stream ended after 5 s, and resumed without a loss"},
		{"-reset 1s", "-rate 50 -duration 4300ms", 0, func(r *result.Result) bool {
			return r.Ended != streams || r.Reconnected != streams || *r.Lost+*r.Duplicated != 0 || !strings.Contains(r.FirstError, "reset")
		}, "each stream reset after 1 s, and resumed without a loss"},
		{"-refuse 2", "-rate 50 -duration 1s", 1, func(r *result.Result) bool {
			return r.Opened != streams/2 || r.Refused != streams/2 || *r.Lost != 0 || !strings.Contains(r.FirstError, "503")
		}, "every second stream refused with 503"},
	} {
		t.Run(c.fault, func(t *testing.T) {
			t.Parallel()
			url := startFaulty(t, c.fault)
			var out, errs bytes.Buffer
			line := "run -c 10 -settle 100ms -size 60 -patience 2s -linger 0s -json - -url " + url + "/events?topic=a -publish-url " + url + "/publish?topic=a " + c.run
			if status := run(t.Context(), strings.Fields(line), &out, &errs); status != c.status {
				t.Fatalf("status %d, want %d\n%s", status, c.status, errs.String())
			}
			r, err := result.Decode(&out)
			if err != nil {
				t.Fatal(err)
			}
			if c.wrong(r) {
				t.Errorf("want %s; found:\n%s", c.want, errs.String())
			}
		})
	}
}

// startFaulty serves a hub with a fault, and returns its URL.
func startFaulty(t *testing.T, fault string) string {
	switch fault {
	case "hold":
		return buffering(t, startServe(t).url, time.Second, 1<<20)
	case "drip":
		return buffering(t, startServe(t).url, 50*time.Millisecond, 50)
	}
	return startServe(t, strings.Fields(fault)...).url
}

// buffering is a proxy that sends on what has come since the last time, at most so many
// bytes, once in a while. It returns its URL.
func buffering(t *testing.T, upstream string, every time.Duration, most int) string {
	u, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(u)
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	proxy.Transport = &http.Transport{ReadBufferSize: 1 << 20, MaxIdleConnsPerHost: 8}
	proxy.ModifyResponse = func(res *http.Response) error {
		if res.Request.Method == http.MethodGet {
			res.Body = &slowBody{res.Body, every, most}
		}
		return nil
	}
	front := httptest.NewServer(proxy)
	t.Cleanup(front.Close)
	t.Cleanup(front.CloseClientConnections)
	return front.URL
}

type slowBody struct {
	io.ReadCloser
	every time.Duration
	most  int
}

func (s *slowBody) Read(b []byte) (int, error) {
	time.Sleep(s.every)
	return s.ReadCloser.Read(b[:min(len(b), s.most)])
}

// endedIn is how many streams ended between two times after the beginning, in
// seconds.
func endedIn(r *result.Result, from, to float64) (n int) {
	for _, v := range r.Samples {
		if v.At > from && v.At-1 < to {
			n += v.Ended
		}
	}
	return n
}

// check finds those faults that it looks for: how streams end, and what is held back.
func TestCheckFindsFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ fault, args, says string }{
		{"-cut 5s", "-for 8s -strict", "ended by the server after 5."},
		{"-reset 1s", "-for 3s", "reset"},
		{"hold", "-for 3s", "BUFFERED"},
		{"-strip X-Accel-Buffering", "-for 2s -strict", "X-Accel-Buffering"},
		{"-refuse 1", "-for 2s", "503"},
	} {
		t.Run(c.fault, func(t *testing.T) {
			t.Parallel()
			url := startFaulty(t, c.fault)
			var out, errs bytes.Buffer
			line := "check -url " + url + "/events?topic=a -publish-url " + url + "/publish?topic=a " + c.args
			status := run(t.Context(), strings.Fields(line), &out, &errs)
			if status != 2 || !strings.Contains(out.String(), c.says) {
				t.Errorf("status %d, want 2 and something of %q\n%s%s", status, c.says, out.String(), errs.String())
			}
		})
	}
}

func TestCheckPassesOnOurs(t *testing.T) {
	t.Parallel()
	s := startServe(t)
	var out, errs bytes.Buffer
	line := "check -for 21s -url " + s.url + "/events?topic=a -publish-url " + s.url + "/publish?topic=a"
	if status := run(t.Context(), strings.Fields(line), &out, &errs); status != 0 {
		t.Errorf("status %d\n%s%s", status, out.String(), errs.String())
	}
	if !strings.Contains(out.String(), "0 warnings, 0 failed") {
		t.Errorf("it found something:\n%s", out.String())
	}
}
