package servertest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"runtime/pprof"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// Server is a hub behind a fasthttp server on the loopback. It ends with its test.
type Server struct {
	Hub *server.Hub
	URL string // "http://127.0.0.1:1234", without a slash at the end

	// GapType is the type of gap events. Empty means "gap".
	GapType string

	// Patience is how long a client waits for what it expects. Zero means 10 s.
	Patience time.Duration

	t  testing.TB
	id string // its goroutines have it as a label
}

// New makes a hub and serves it at the paths of [server.Mount]: "/events", and "/publish"
// for anyone. The test ends if the settings are refused.
func New(t testing.TB, c server.Config) *Server {
	t.Helper()
	hub, err := server.New(c)
	if err != nil {
		t.Fatal(err)
	}
	routes := router.New()
	hub.Mount(routes, server.MountOptions{Publish: server.PublishOptions{AllowAnyone: true}})
	s := Start(t, hub, routes.Handler)
	s.GapType = c.GapType
	return s
}

// Start serves handler, which uses hub. Both end with the test: the hub is closed.
func Start(t testing.TB, hub *server.Hub, handler fasthttp.RequestHandler) *Server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("servertest: %v", err)
	}
	s := &Server{Hub: hub, URL: "http://" + ln.Addr().String(), t: t, id: fmt.Sprint(servers.Add(1))}
	srv := &fasthttp.Server{Handler: handler, Logger: discard{}}
	served := make(chan error, 1)
	go pprof.Do(context.Background(), pprof.Labels(label, s.id), func(context.Context) { served <- srv.Serve(ln) })
	t.Cleanup(func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second+s.patience())
		defer cancel()
		if err := hub.Close(ctx); err != nil {
			t.Errorf("servertest: at the test's end: %v", err)
		}
		if err := srv.ShutdownWithContext(ctx); err != nil {
			t.Errorf("servertest: at the test's end handlers go on: %v", err)
		}
		ln.Close() // Shutdown may have come before Serve
		if err := <-served; err != nil && !errors.Is(err, net.ErrClosed) {
			t.Errorf("servertest: serve: %v", err)
		}
		s.checkGoroutines()
	})
	return s
}

var servers atomic.Int64 // how many were started

// discard is fasthttp's log: clients that leave while they are answered are no news.
type discard struct{}

func (discard) Printf(string, ...any) {}

func (s *Server) patience() time.Duration {
	if s.Patience == 0 {
		return 10 * time.Second
	}
	return s.Patience
}

// Publish publishes events of a topic, one for each of data, and returns their ids.
func (s *Server) Publish(topic string, data ...string) (ids []string) {
	s.t.Helper()
	for _, d := range data {
		id, err := s.Hub.Publish(topic, streamwriter.Event{Data: []byte(d)})
		if err != nil {
			s.t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

// Open opens a stream of topics at "/events", at the present.
func (s *Server) Open(topics ...string) *Client {
	s.t.Helper()
	return s.Resume("", topics...)
}

// Resume opens a stream of topics at "/events", for a client that has seen the event with
// that id last. An empty one has seen nothing.
func (s *Server) Resume(lastEventID string, topics ...string) *Client {
	s.t.Helper()
	header := http.Header{}
	if lastEventID != "" {
		header.Set("Last-Event-ID", lastEventID)
	}
	return s.Get("/events?"+url.Values{"topic": topics}.Encode(), header)
}

// Get opens a stream at any path, with its query and with any headers; nil: none. It
// returns when the hub has taken the stream, or told it to come back later (it is full, or
// drains: see [Client.ExpectEnd] and [Client.Retry]), and ends the test if it does neither.
func (s *Server) Get(path string, header http.Header) *Client {
	s.t.Helper()
	before := s.Hub.Stats()
	c := s.connect(path, header)
	// An application's stream begins before its handler calls Hub.Follow.
	if !s.soon(func() bool { now := s.Hub.Stats(); return now.Opened > before.Opened || now.Refused > before.Refused }) {
		s.t.Fatalf("servertest: GET %s is answered with a stream, but it has not reached the hub within %v", path, s.patience())
	}
	return c
}

// ExpectSubscribers waits until the hub has exactly n open streams: until it has noticed that
// clients left.
func (s *Server) ExpectSubscribers(n int) {
	s.t.Helper()
	if !s.soon(func() bool { return s.Hub.Stats().Subscribers == int64(n) }) {
		st := s.Hub.Stats()
		s.t.Fatalf("servertest: %d streams are open after %v, want %d (ended: %v)", st.Subscribers, s.patience(), n, st.Ended)
	}
}

// soon waits until ok.
func (s *Server) soon(ok func() bool) bool {
	deadline := time.Now().Add(s.patience())
	for !ok() {
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(time.Millisecond)
	}
	return true
}
