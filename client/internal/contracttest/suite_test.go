package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path"
	"strconv"
	"sync"
	"testing"

	"github.com/fastsse/fastsse/internal/testkit"
)

// suite plays the part of sse-contract-tests, by its documentation (docs/service_spec.md and
// docs/optional_features.md): it serves streams and callbacks, and gives the service orders.
type suite struct {
	t       *testing.T
	service string // its URL
	streams *httptest.Server
	opened  chan *connection
	refuse  http.HandlerFunc // answers in place of streams, if it is set

	callbacks *httptest.Server
	messages  chan message

	mu      sync.Mutex // guards waiting and next
	waiting map[int]message
	next    int
}

// connection is a stream that the client has opened.
type connection struct {
	*http.Request
	body string
	out  chan string // what it is sent; closed: it breaks
	gone chan struct{}
}

func (c *connection) send(s string) { c.out <- s }
func (c *connection) breaks()       { close(c.out) }

// newSuite starts a service of its own, which ends with the test.
func newSuite(t *testing.T) *suite {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &suite{
		t: t, service: "http://" + l.Addr().String(),
		opened: make(chan *connection, 10), messages: make(chan message, 200), waiting: map[int]message{}, next: 1,
	}
	s.streams = httptest.NewServer(http.HandlerFunc(s.serveStream))
	s.callbacks = httptest.NewServer(http.HandlerFunc(s.serveCallback))
	served := make(chan error, 1)
	go func() { served <- serve(context.WithoutCancel(t.Context()), l) }()
	t.Cleanup(func() {
		s.order(http.MethodDelete, s.service+"/", nil, http.StatusNoContent)
		if err := testkit.Receive(t, "the service's end", served); err != nil {
			t.Error(err)
		}
		s.streams.Close()
		s.callbacks.Close()
	})
	return s
}

func (s *suite) serveStream(w http.ResponseWriter, r *http.Request) {
	if s.refuse != nil {
		s.refuse(w, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	c := &connection{Request: r, body: string(body), out: make(chan string, 200), gone: make(chan struct{})}
	defer close(c.gone)
	w.Header().Set("Content-Type", "text/event-stream")
	_ = http.NewResponseController(w).Flush()
	s.opened <- c
	for {
		select {
		case text, ok := <-c.out:
			if !ok {
				panic(http.ErrAbortHandler)
			}
			_, _ = io.WriteString(w, text)
			_ = http.NewResponseController(w).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

// serveCallback takes a message, and hands on those whose turn it is.
func (s *suite) serveCallback(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(path.Base(r.URL.Path))
	var m message
	if err == nil {
		err = json.NewDecoder(r.Body).Decode(&m)
	}
	if err != nil {
		s.t.Errorf("callback %s: %v", r.URL.Path, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, twice := s.waiting[n]; twice || n < s.next {
		s.t.Errorf("callback %d comes twice", n)
	}
	for s.waiting[n] = m; ; s.next++ {
		m, ok := s.waiting[s.next]
		if !ok {
			break
		}
		delete(s.waiting, s.next)
		s.messages <- m
	}
	w.WriteHeader(http.StatusAccepted)
}

// order sends an order, and returns the answer's Location.
func (s *suite) order(method, url string, body any, want int) string {
	s.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequest(method, url, bytes.NewReader(b))
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != want {
		s.t.Errorf("%s %s: %s, want %d: %s", method, url, resp.Status, want, said)
	}
	at, err := resp.Location()
	if err != nil {
		return ""
	}
	return at.String()
}

// create makes the service open a stream with these parameters besides the URLs. It returns the
// stream's resource at the service.
func (s *suite) create(params map[string]any) (resource string) {
	s.t.Helper()
	all := map[string]any{
		"streamUrl": s.streams.URL + "/stream", "callbackUrl": s.callbacks.URL + "/endpoints/1",
		"tag": s.t.Name(), "initialDelayMs": 0,
	}
	for name, value := range params {
		all[name] = value
	}
	resource = s.order(http.MethodPost, s.service+"/", all, http.StatusCreated)
	if resource == "" {
		s.t.Fatal("no Location of the stream")
	}
	return resource
}

// open creates a stream, and waits until the client has connected.
func (s *suite) open(params map[string]any) (resource string, c *connection) {
	s.t.Helper()
	resource = s.create(params)
	return resource, s.await()
}

func (s *suite) await() *connection {
	s.t.Helper()
	return testkit.Receive(s.t, "the client's connection", s.opened)
}

// want waits for messages, given as "kind|type|id|data", "comment|text" and "error".
func (s *suite) want(messages ...string) {
	s.t.Helper()
	for _, want := range messages {
		m := testkit.Receive(s.t, want, s.messages)
		got := m.Kind
		switch {
		case m.Kind == "event" && m.Event != nil:
			got = fmt.Sprintf("event|%s|%s|%s", m.Event.Type, m.Event.ID, m.Event.Data)
		case m.Kind == "comment":
			got += "|" + m.Comment
		}
		if got != want {
			s.t.Fatalf("got %.200q (%s), want %.200q", got, m.Error, want)
		}
	}
}
