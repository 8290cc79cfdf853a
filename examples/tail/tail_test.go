package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/examples/internal/exampletest"
	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

// tail is a run of the program, within the test's process.
type tail struct {
	out, status testkit.Log
	exit        chan int
	stop        context.CancelFunc
}

func start(t *testing.T, args ...string) *tail {
	t.Helper()
	r := &tail{exit: make(chan int, 1)}
	var ctx context.Context
	ctx, r.stop = context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.exit <- run(ctx, args, &r.out, &r.status)
	}()
	t.Cleanup(func() {
		r.stop()
		<-done
	})
	return r
}

// ends waits for the end of the program, and checks its exit status and what it has said last.
func (r *tail) ends(t *testing.T, status int, last string) {
	t.Helper()
	if got := testkit.Receive(t, "the end", r.exit); got != status || !r.status.Has(last) {
		t.Errorf("exit status %d, want %d; it said\n%swant %q in it", got, status, r.status.String(), last)
	}
}

// prints waits until these lines, and no more, have been printed.
func (r *tail) prints(t *testing.T, lines ...string) {
	t.Helper()
	want := strings.Join(append(slices.Clone(lines), ""), "\n")
	if !testkit.Soon(testkit.Patience, func() bool { return r.out.String() == want }) {
		t.Fatalf("printed\n%swant\n%sit said\n%s", r.out.String(), want, r.status.String())
	}
}

func (r *tail) says(t *testing.T, part string) {
	t.Helper()
	testkit.Eventually(t, "tail says "+part, func() bool { return r.status.Has(part) })
}

// hubAt serves a hub whose events are numbered from epoch on.
func hubAt(t *testing.T, addr string, config server.Config, authorize func(*fasthttp.RequestCtx, *server.Subscription) error) (*exampletest.Server, *server.Hub) {
	t.Helper()
	config.Retry = 10 * time.Millisecond
	hub, err := server.New(config)
	if err != nil {
		t.Fatal(err)
	}
	routes := router.New()
	routes.GET("/events", hub.SubscribeHandler(server.SubscribeOptions{Authorize: authorize}))
	s := exampletest.Serve(t, addr, routes.Handler)
	t.Cleanup(func() { _ = hub.Close(context.Background()) })
	return s, hub
}

func publish(t *testing.T, hub *server.Hub, events ...streamwriter.Event) (id string) {
	t.Helper()
	for _, e := range events {
		var err error
		if id, err = hub.Publish("x", e); err != nil {
			t.Fatal(err)
		}
	}
	return id
}

func text(data string) streamwriter.Event { return streamwriter.Event{Data: []byte(data)} }

func TestTailComesBackAndTellsOfGaps(t *testing.T) {
	s, hub := hubAt(t, "", server.Config{}, nil)
	first := publish(t, hub, text("before"))
	publish(t, hub, text("missed"))
	r := start(t, s.URL+"/events?topic=x", "-last-event-id", first)
	r.prints(t, "message\tmissed")
	publish(t, hub, streamwriter.Event{Type: "goal", Data: []byte("two\nlines\x1b[2J")})
	r.prints(t, "message\tmissed", `goal`+"\t"+`two\nlines\x1b[2J`)
	hub.KickTopic("x")
	r.says(t, "the server has ended the stream; connects again in ")
	publish(t, hub, text("after"))
	r.prints(t, "message\tmissed", `goal`+"\t"+`two\nlines\x1b[2J`, "message\tafter")

	s.Kill()
	_ = hub.Close(t.Context()) // and what it holds is lost
	r.says(t, "connection refused; connects again in ")
	_, hub = hubAt(t, s.Addr, server.Config{}, nil)
	r.says(t, `GAP: events before this one are lost for good: {"reason":"epoch"`)
	publish(t, hub, text("anew"))
	testkit.Eventually(t, "the last event", func() bool { return strings.HasSuffix(r.out.String(), "}\nmessage\tanew\n") })
	r.stop()
	r.ends(t, 130, "connected to "+s.URL)
}

func TestTailEndsWhenTheServerSaysSo(t *testing.T) {
	s, _ := hubAt(t, "", server.Config{}, func(ctx *fasthttp.RequestCtx, _ *server.Subscription) error {
		if string(ctx.Request.Header.Peek("Authorization")) != "Bearer x" {
			return &server.StatusError{Code: fasthttp.StatusUnauthorized}
		}
		return server.ErrStop
	})
	start(t, "-H", "Authorization: Bearer x", s.URL+"/events?topic=x").ends(t, 0, "the stream is over")
	start(t, s.URL+"/events?topic=x").ends(t, 1, "401 Unauthorized")
}

func TestTailOnce(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "event: token\ndata: {\"a\":\"<&>\"}\ndata:\nid: 7\n\n")
		if r.URL.Path == "/cut" {
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
	}))
	defer s.Close()
	r := start(t, "-once", "-json", s.URL)
	r.ends(t, 0, "the stream is over")
	r.prints(t, `{"id":"7","type":"token","data":"{\"a\":\"<&>\"}\n"}`)
	r = start(t, "-once", s.URL+"/cut")
	r.ends(t, 1, "unexpected EOF")
	r.prints(t, "token\t"+`{"a":"<&>"}\n`)
}

func TestTailCommandLine(t *testing.T) {
	for want, args := range map[string][]string{
		"the URL of a stream is missing": nil,
		`two URLs, "a" and "b"`:          {"a", "-json", "b"},
		"want 'Name: value'":             {"-H", "x", "a"},
		"flag provided but not defined":  {"-follow", "a"},
	} {
		start(t, args...).ends(t, 2, want)
	}
	start(t, "a").ends(t, 1, "is not that of a web server")
	r := start(t, "-help")
	r.ends(t, 0, "-last-event-id")
}

func TestTailIsStoppedByAnInterrupt(t *testing.T) {
	s, hub := hubAt(t, "", server.Config{}, nil)
	cmd := exampletest.Command(t, nil, s.URL+"/events?topic=x")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "a subscriber", func() bool { return hub.Stats().Subscribers == 1 })
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // its status says it
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit status %d, want 130", code)
	}
	testkit.Eventually(t, "the connection is closed", func() bool { return hub.Stats().Subscribers == 0 })
}

// Nobody takes its output: a pager that was left open, for example.
func TestTailIsStoppedByInterruptsWhileItWrites(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: "+strings.Repeat("x", 1<<20)+"\n\n")
	}))
	defer s.Close()
	cmd := exampletest.Command(t, nil, s.URL)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = out.Read(make([]byte, 1)) // it writes now
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = cmd.Process.Wait()
	}()
	testkit.Eventually(t, "it ends", func() bool {
		_ = cmd.Process.Signal(os.Interrupt)
		select {
		case <-ended:
			return true
		case <-time.After(20 * time.Millisecond):
			return false
		}
	})
}
