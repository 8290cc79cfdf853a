package proxies

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/examples/internal/exampletest"
	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/valyala/fasthttp"
)

// eventSource is what every EventSource sends, and others are what similar clients do.
var (
	eventSource = http.Header{"Accept": {"text/event-stream"}, "Cache-Control": {"no-cache"}, "User-Agent": {"Mozilla/5.0"}}
	ordinary    = http.Header{"Accept": {"*/*"}}

	others = map[string]http.Header{
		"fetch-event-source":         {"Accept": {"text/event-stream"}, "User-Agent": {"Mozilla/5.0"}},
		"Datastar":                   {"Accept": {"text/event-stream, text/html, application/json"}, "User-Agent": {"Mozilla/5.0"}},
		"Datastar without the cache": {"Accept": {"text/event-stream, text/html, application/json"}, "Cache-Control": {"no-cache"}, "User-Agent": {"Mozilla/5.0"}},
		"r3labs":                     {"Accept": {"text/event-stream"}, "Cache-Control": {"no-cache"}}, // Go's User-Agent
	}
)

// visitors is how many EventSources come while the server is down. That all are told the
// same of 4000 times by chance happens once in 4000 to the power of eleven.
const visitors = 12

// answer is what a client saw of an answer.
type answer struct {
	status int
	header http.Header
	body   string
	proto  string
	err    error
}

// ask sends a request over a connection of its own.
func ask(ctx context.Context, method, url string, header http.Header) (a answer) {
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		ForceAttemptHTTP2: true,
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return answer{err: err}
	}
	request.Header = header.Clone()
	client := &http.Client{Transport: transport, Timeout: testkit.Patience}
	response, err := client.Do(request)
	if err != nil {
		return answer{err: err}
	}
	defer response.Body.Close()
	a = answer{status: response.StatusCode, header: response.Header, proto: response.Proto}
	body, err := io.ReadAll(response.Body)
	a.body, a.err = string(body), err
	return a
}

// ways calls test for each proxy over each protocol that it has, in parallel and on
// goroutines of their own.
func ways(t *testing.T, origin string, test func(t *testing.T, p program, url, proto string)) {
	t.Helper()
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			up := p.start(t, origin)
			var both sync.WaitGroup
			both.Go(func() { test(t, p, up.http1, "HTTP/1.1") })
			if up.http2 != "" {
				both.Go(func() { test(t, p, up.http2, "HTTP/2.0") })
			}
			both.Wait()
		})
	}
}

func TestAnswersWhileTheServerIsDown(t *testing.T) {
	t.Parallel()
	ways(t, testkit.FreeAddress(t), func(t *testing.T, p program, url, proto string) {
		var all sync.WaitGroup // HAProxy takes three seconds for each
		all.Go(func() { spreads(t, url+"/events?topic=news", proto) })
		for client, header := range others {
			all.Go(func() { comesBack(t, p, url+"/events?topic=news", proto, client, header) })
		}
		for _, o := range []struct {
			method, path string
			header       http.Header
		}{
			{http.MethodGet, "/", ordinary},
			{http.MethodGet, "/events?topic=news", ordinary},
			{http.MethodPost, "/publish?topic=news", ordinary},
			{http.MethodPost, "/events?topic=news", eventSource},
			{http.MethodPost, "/events?topic=news", others["Datastar"]},
		} {
			all.Go(func() {
				a := ask(t.Context(), o.method, url+o.path, o.header)
				if a.status != http.StatusBadGateway && a.status != http.StatusServiceUnavailable {
					t.Errorf("%s: %s %s is answered %+v; want 502 or 503", proto, o.method, o.path, a)
				}
			})
		}
		all.Wait()
	})
}

// spreads asks as EventSources do, all at once: each must be told to come back, and not
// all at the same time.
func spreads(t *testing.T, url, proto string) {
	var (
		mu   sync.Mutex // guards told
		told = map[string]int{}
		all  sync.WaitGroup
	)
	for range visitors {
		all.Go(func() {
			a := ask(t.Context(), http.MethodGet, url, eventSource)
			retry, err := a.retry()
			if err != nil || a.proto != proto || a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: an EventSource is answered %+v: %v; want 200, a stream with a retry line, no-store", proto, a, err)
			}
			mu.Lock()
			defer mu.Unlock()
			told[retry]++
		})
	}
	all.Wait()
	if len(told) == 1 {
		t.Errorf("%s: %d EventSources are told the same time: %v", proto, visitors, told)
	}
}

// comesBack asks as a client does that reads streams and is no EventSource. A proxy that
// can does not answer it; the others answer 503.
func comesBack(t *testing.T, p program, url, proto, client string, header http.Header) {
	silent := p.name == "nginx" || p.name == "caddy"
	limit := testkit.Patience
	if silent {
		limit = time.Second // Go's client repeats what nginx ends with PROTOCOL_ERROR
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	a := ask(ctx, http.MethodGet, url, header)
	if silent && a.err == nil || !silent && a.status != http.StatusServiceUnavailable {
		t.Errorf("%s: %s is answered %+v; want no answer by nginx and Caddy, and 503 by others", proto, client, a)
	}
}

// retry returns the reconnection time that the answer tells an EventSource.
func (a answer) retry() (string, error) {
	if a.err != nil {
		return "", a.err
	}
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "text/event-stream" {
		return "", errors.New("not a stream")
	}
	decoder := testkit.NewDecoder(strings.NewReader(a.body))
	if events, err := decoder.All(); err != nil || len(events) != 0 {
		return "", errors.New("there are events in it")
	}
	if ms, err := strconv.Atoi(decoder.Retry); err != nil || ms < 1000 || ms >= 5000 {
		return "", errors.New("the time is not from 1 s to 5 s")
	}
	return decoder.Retry, nil
}

// The proxy adds its client's address at the end, so that ForwardedHops: 1 is right.
func TestTheServerLearnsWhoItsClientIs(t *testing.T) {
	t.Parallel()
	origin := exampletest.Serve(t, "", func(ctx *fasthttp.RequestCtx) {
		ctx.SetBody(bytes.Join(ctx.Request.Header.PeekAll("X-Forwarded-For"), []byte(", ")))
	})
	ways(t, origin.Addr, func(t *testing.T, _ program, url, proto string) {
		header := eventSource.Clone()
		header.Set("X-Forwarded-For", "203.0.113.9") // by a client who would be another
		for _, path := range []string{"/", "/events"} {
			a := ask(t.Context(), http.MethodGet, url+path, header)
			if hops := strings.Split(a.body, ", "); hops[len(hops)-1] != "127.0.0.1" {
				t.Errorf("%s: at %s the server is told %q; want 127.0.0.1 at the end (%v)", proto, path, a.body, a.err)
			}
		}
	})
}

// What the server itself answers is passed on, be it a 503.
func TestTheServersOwnAnswersArePassedOn(t *testing.T) {
	t.Parallel()
	hub := newHub(t)
	subscribe := hub.SubscribeHandler(server.SubscribeOptions{
		Authorize: func(ctx *fasthttp.RequestCtx, _ *server.Subscription) error {
			return &server.StatusError{Code: ctx.QueryArgs().GetUintOrZero("status")}
		},
	})
	origin := exampletest.Serve(t, "", subscribe)
	ways(t, origin.Addr, func(t *testing.T, p program, url, proto string) {
		for _, status := range []int{204, 401, 404, 500, 502, 503, 504} {
			a := ask(t.Context(), http.MethodGet, url+"/events?topic=news&status="+strconv.Itoa(status), eventSource)
			if a.err != nil || a.status != status || a.proto != proto {
				t.Errorf("%s: the server says %d and its client sees %+v", proto, status, a)
			}
		}
	})
}
