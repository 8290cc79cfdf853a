package servertest_test

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/servertest"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

func TestAStreamIsReadResumedAndEnded(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, server.Config{Retry: time.Second})
	c, other := s.Open("a"), s.Open("a", "b/*")
	ids := s.Publish("a", "1", "2")
	c.Expect("1")
	if e := c.Next(); e != (servertest.Event{ID: ids[1], Type: "message", Data: "2"}) {
		t.Errorf("got %v", e)
	}
	other.Expect("1", "2")
	if got := c.LastEventID(); got != ids[1] {
		t.Errorf("the last event id is %q, want %q", got, ids[1])
	}
	c.Leave()
	s.ExpectSubscribers(1)
	s.Publish("a", "3")
	s.Resume(ids[0], "a").Expect("2", "3")
	other.Expect("3")
	s.Hub.KickTopic("b/*")
	other.ExpectEnd()
	if d, _ := other.Retry(); d < time.Second || d > 2*time.Second {
		t.Errorf("told to come back after %v", d)
	}
}

func TestAGapIsRead(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, server.Config{GapType: "missed", Retention: []server.Retention{{Topics: "*", Events: 1}}})
	ids := s.Publish("a", "1", "2", "3")
	c := s.Resume(ids[0], "a")
	if e := c.ExpectGap("evicted"); e.Type != "missed" {
		t.Errorf("got %v", e)
	}
	c.Expect("3")
	s.Resume("another-1", "a").ExpectGap("")
}

func TestAHubThatIsFullOrDrainsEndsTheStream(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, server.Config{MaxSubscribers: 1})
	s.Open("a")
	late := s.Open("a")
	late.ExpectEnd()
	if d, _ := late.Retry(); d == 0 {
		t.Error("it is not told to come back")
	}
	if err := s.Hub.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	s.Open("a").ExpectEnd()
}

// A client that is no EventSource would not come back after a clean end.
func TestAnotherClientIsCut(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, server.Config{})
	c := s.Get("/events?topic=a", http.Header{"Accept": {"*/*"}})
	s.Publish("a", "1")
	c.Expect("1")
	s.Hub.KickTopic("a")
	c.ExpectCut()
	if _, set := c.Retry(); !set {
		t.Error("it is not told when to come back")
	}
}

// A handler of the application's own, which uses the hub.
func TestStartServesAnApplicationsHandler(t *testing.T) {
	t.Parallel()
	hub, err := server.New(server.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s := servertest.Start(t, hub, func(ctx *fasthttp.RequestCtx) {
		user := string(ctx.Request.Header.Peek("X-User"))
		streamwriter.Serve(ctx, streamwriter.Options{}, func(w *streamwriter.Writer) error {
			if err := w.SendString("hello", user); err != nil {
				return err
			}
			return hub.Follow(w, string(ctx.QueryArgs().Peek("of")))
		})
	})
	c := s.Get("/mine?of=a", http.Header{"X-User": {"ann"}})
	s.Publish("a", "1")
	c.Expect("ann", "1")
	if got := c.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/event-stream") {
		t.Errorf("Content-Type %q", got)
	}
}

// tb is a test that may fail.
type tb struct {
	testing.TB
	failed   []string
	cleanups []func()
}

func (t *tb) Helper()                   {}
func (t *tb) Cleanup(f func())          { t.cleanups = append(t.cleanups, f) }
func (t *tb) Errorf(f string, a ...any) { t.failed = append(t.failed, fmt.Sprintf(f, a...)) }
func (t *tb) Fatal(a ...any)            { t.Fatalf("%s", fmt.Sprint(a...)) }
func (t *tb) Fatalf(f string, a ...any) {
	t.Errorf(f, a...)
	runtime.Goexit()
}

// failures runs a test to its end, and returns what it fails with.
func failures(test func(t testing.TB)) []string {
	t := &tb{}
	for _, f := range []func(){func() { test(t) }, func() {
		for _, f := range slices.Backward(t.cleanups) {
			f()
		}
	}} {
		done := make(chan struct{})
		go func() {
			defer close(done)
			f()
		}()
		<-done
	}
	return t.failed
}

// impatient is a server whose clients give up soon.
func impatient(t testing.TB, c server.Config) *servertest.Server {
	s := servertest.New(t, c)
	s.Patience = 100 * time.Millisecond
	return s
}

func TestFailuresSayWhatCame(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		test func(s *servertest.Server)
		want []string // parts of the message
	}{
		"another event": {
			func(s *servertest.Server) {
				c := s.Open("a")
				s.Publish("a", "1", "2", "4")
				c.Expect("1", "2", "3")
			},
			[]string{`got message "4"`, `want "3" (3 of 3)`, "GET /events?topic=a has brought 3 events", `message "1" (id "`, `message "2"`},
		},
		"nothing": {
			func(s *servertest.Server) { s.Open("a").Expect("1") },
			[]string{`want "1" (1 of 1)`, "nothing came within 100ms", "0 events"},
		},
		"the end": {
			func(s *servertest.Server) {
				c := s.Open("a")
				s.Publish("a", "1", "2", "3", "4", "5", "6")
				c.Expect("1", "2", "3", "4", "5", "6")
				s.Hub.KickTopic("a")
				c.Next()
			},
			[]string{"want an event", "the stream has ended", "6 events, the last 5: ", `message "2"`, `message "6"`},
		},
		"no end": {
			func(s *servertest.Server) { s.Open("a").ExpectEnd() },
			[]string{"want the end", "nothing came"},
		},
		"an event in place of the end": {
			func(s *servertest.Server) {
				c := s.Open("a")
				s.Publish("a", strings.Repeat("x", 1000))
				c.ExpectEnd()
			},
			[]string{`got message "xxxxx`, "(1000 bytes)", "want the end"},
		},
		"no gap": {
			func(s *servertest.Server) {
				c := s.Open("a")
				s.Publish("a", "1")
				c.ExpectGap("evicted")
			},
			[]string{`got message "1"`, `want a gap (type "gap")`},
		},
		"another gap": {
			func(s *servertest.Server) { s.Resume("another-1", "a").ExpectGap("evicted") },
			[]string{"got gap", "unknown", `reason "evicted"`},
		},
		"no stream": {
			func(s *servertest.Server) { s.Get("/events", nil) },
			[]string{"GET /events is answered with 400 Bad Request", "application/json", "topic"},
		},
		"too many streams": {
			func(s *servertest.Server) {
				s.Open("a")
				s.ExpectSubscribers(0)
			},
			[]string{"1 streams are open after 100ms, want 0"},
		},
		"an event that is refused": {
			func(s *servertest.Server) { s.Publish("", "1") },
			[]string{`publish to ""`},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := failures(func(t testing.TB) { tt.test(impatient(t, server.Config{})) })
			if len(got) != 1 {
				t.Fatalf("%d failures: %q", len(got), got)
			}
			for _, part := range tt.want {
				if !strings.Contains(got[0], part) {
					t.Errorf("the message %q lacks %q", got[0], part)
				}
			}
		})
	}
}

func TestSettingsThatAreRefusedEndTheTest(t *testing.T) {
	t.Parallel()
	got := failures(func(t testing.TB) { servertest.New(t, server.Config{Heartbeat: 15}) })
	if len(got) != 1 || !strings.Contains(got[0], "Heartbeat") {
		t.Errorf("failed with %q", got)
	}
}

func TestWhatGoesOnAtTheEndFailsTheTest(t *testing.T) {
	t.Parallel()
	goOn := make(chan struct{})
	t.Cleanup(func() { close(goOn) })
	tests := map[string]struct {
		handler func(hub *server.Hub) fasthttp.RequestHandler
		want    string
	}{
		"a hook": {
			func(hub *server.Hub) fasthttp.RequestHandler {
				return hub.SubscribeHandler(server.SubscribeOptions{OnClose: func(server.Subscriber, server.Reason) { <-goOn }})
			},
			"1 hooks",
		},
		"a goroutine of a handler": {
			func(hub *server.Hub) fasthttp.RequestHandler {
				return func(ctx *fasthttp.RequestCtx) {
					go writeForEver(goOn)
					hub.SubscribeHandler(server.SubscribeOptions{})(ctx)
				}
			},
			"goroutines go on",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := failures(func(t testing.TB) {
				hub, err := server.New(server.Config{})
				if err != nil {
					t.Fatal(err)
				}
				s := servertest.Start(t, hub, tt.handler(hub))
				s.Patience = 300 * time.Millisecond
				s.Open("a")
			})
			if all := strings.Join(got, "\n"); !strings.Contains(all, tt.want) {
				t.Errorf("failed with %q, want %q", all, tt.want)
			}
		})
	}
}

// writeForEver is a write to a stream of the application's own that does not return.
func writeForEver(goOn chan struct{}) {
	w, err := streamwriter.NewWriter(blocking(goOn), streamwriter.Options{Heartbeat: -1})
	if err != nil {
		return
	}
	_ = w.SendString("", "never written")
}

// blocking is a connection that takes nothing.
type blocking chan struct{}

func (b blocking) Write([]byte) (int, error) { <-b; return 0, io.EOF }

func TestNothingIsLeftOfManyServers(t *testing.T) {
	t.Parallel()
	for range 10 {
		if got := failures(func(t testing.TB) {
			s := servertest.New(t, server.Config{})
			for range 5 {
				s.Open("a")
			}
			s.Publish("a", "1")
			s.Open("a").Leave()
		}); len(got) > 0 {
			t.Errorf("failed with %q", got)
		}
	}
}
