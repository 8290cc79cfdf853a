package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse"
	"github.com/fastsse/fastsse/client"
	"github.com/fastsse/fastsse/internal/testkit"
)

// script is a server that answers the n-th request with the n-th step, and each one after the
// last step with 204.
type script struct {
	*httptest.Server
	steps []http.HandlerFunc

	mu       sync.Mutex // guards requests
	requests []request
}

// request is what a client has sent.
type request struct {
	Method, Path, Host, Body string
	Header                   http.Header
}

func newScript(t *testing.T, steps ...http.HandlerFunc) *script {
	t.Helper()
	s := &script{steps: steps}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	n := len(s.requests)
	s.requests = append(s.requests, request{r.Method, r.URL.Path, r.Host, string(body), r.Header})
	s.mu.Unlock()
	if n >= len(s.steps) {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	s.steps[n](w, r)
}

// got is the requests that have come.
func (s *script) got() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// lastIDs is the Last-Event-ID of each request; "-": it had none.
func (s *script) lastIDs() (ids []string) {
	for _, r := range s.got() {
		id := "-"
		if values, ok := r.Header["Last-Event-Id"]; ok {
			id = strings.Join(values, "|")
		}
		ids = append(ids, id)
	}
	return ids
}

// newResumed is a server that answers by the request's Last-Event-ID, so that an attempt that
// fails on a slow machine changes nothing. To another one it answers 204.
func newResumed(t *testing.T, steps map[string]http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		step, ok := steps[r.Header.Get("Last-Event-ID")]
		if !ok {
			step = status(http.StatusNoContent, "")
		}
		step(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// stream is a step that ends cleanly after body.
func stream(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { send(w, body) }
}

// cut is a step whose response ends without its last chunk.
func cut(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		send(w, body)
		panic(http.ErrAbortHandler)
	}
}

// reset is a step whose connection is reset after body.
func reset(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		send(w, body)
		time.Sleep(20 * time.Millisecond) // a reset overtakes what was not read yet
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		_ = c.(*net.TCPConn).SetLinger(0)
		_ = c.Close()
	}
}

// quiet is the log of a server whose clients leave in a hurry.
var quiet = log.New(io.Discard, "", 0)

// silent is a step that goes on after body, without a word, until its client leaves.
func silent(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		send(w, body)
		<-r.Context().Done()
	}
}

// status is a step that refuses, with headers given as "Name: value".
func status(code int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

func send(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = io.WriteString(w, body)
	w.(http.Flusher).Flush()
}

// said is an event in a line: "type|id|data".
func said(e fastsse.Event) string { return e.Type + "|" + e.ID + "|" + string(e.Data) }

// quick is an EventSource that comes back soon, and whose connections end with the test.
func quick(t *testing.T, url string) client.EventSource {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return client.EventSource{
		URL: url, Retry: time.Millisecond, MaxRetry: 4 * time.Millisecond, ReadTimeout: testkit.Patience,
		Client: &http.Client{Transport: transport},
	}
}

// all runs a loop to its end, for at most Patience, and returns what it has yielded: events
// without errors, gaps among them, and the last error.
func all(t *testing.T, source *client.EventSource) (events []string, last error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	for e, err := range source.Events(ctx) {
		if last != nil {
			t.Fatalf("an event after %v: %v", last, said(e))
		}
		var gap *client.GapError
		switch {
		case errors.As(err, &gap):
			events = append(events, "gap "+said(e))
		case err != nil:
			last = err
		default:
			events = append(events, said(e))
		}
	}
	if errors.Is(last, context.DeadlineExceeded) {
		t.Fatalf("the loop does not end; it has yielded %q", events)
	}
	return events, last
}

func expect(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// noneLeft waits until no goroutine of an http.Transport's connection is left that this test
// has started.
func noneLeft(t *testing.T, run func()) {
	t.Helper()
	id := fmt.Sprintf("%s-%p", t.Name(), t)
	pprof.Do(context.Background(), pprof.Labels("client-test", id), func(context.Context) { run() })
	var left string
	if !testkit.Soon(testkit.Patience, func() bool { left = labelled(id); return left == "" }) {
		t.Errorf("goroutines are left:\n%s", left)
	}
}

// labelled is the stacks of the goroutines with the label.
func labelled(id string) string {
	var profile strings.Builder
	_ = pprof.Lookup("goroutine").WriteTo(&profile, 1)
	var left []string
	for _, stack := range strings.Split(profile.String(), "\n\n") {
		if strings.Contains(stack, `"client-test":"`+id+`"`) && !strings.Contains(stack, "client_test.labelled") {
			left = append(left, stack)
		}
	}
	return strings.Join(left, "\n\n")
}
