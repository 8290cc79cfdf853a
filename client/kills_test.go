package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/client"
	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/servertest"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// feed is a hub behind a network, which is published to and treated badly.
type feed struct {
	*network
	t      *testing.T
	hub    *server.Hub
	answer atomic.Pointer[error] // what Authorize returns to the next client
	sent   int
	got    []string // by the client
	clean  int      // ends that were
	gaps   []string // their reasons
}

func newFeed(t *testing.T) *feed {
	f := &feed{network: newNetwork(t), t: t}
	f.restart()
	return f
}

// restart puts a new hub in the place of the one that there is, if any: it has another epoch.
func (f *feed) restart() {
	f.t.Helper()
	hub, err := server.New(server.Config{Retry: 20 * time.Millisecond, Heartbeat: 50 * time.Millisecond})
	if err != nil {
		f.t.Fatal(err)
	}
	routes := router.New()
	routes.GET("/events", hub.SubscribeHandler(server.SubscribeOptions{
		Authorize: func(*fasthttp.RequestCtx, *server.Subscription) error {
			if err := f.answer.Swap(nil); err != nil {
				return *err
			}
			return nil
		},
	}))
	s := servertest.Start(f.t, hub, routes.Handler)
	f.leadTo(strings.TrimPrefix(s.URL, "http://"))
	if f.hub != nil {
		ctx, cancel := context.WithTimeout(f.t.Context(), testkit.Patience)
		defer cancel()
		if err := f.hub.Drain(ctx); err != nil {
			f.t.Error(err)
		}
	}
	f.hub = hub
}

// publish publishes the next n events; each tenth is of several lines, each 97th a large one.
func (f *feed) publish(n int) {
	f.t.Helper()
	for range n {
		f.sent++
		if _, err := f.hub.Publish("x", streamwriter.Event{Data: []byte(payload(f.sent))}); err != nil {
			f.t.Error(err)
			return
		}
	}
}

func payload(n int) string {
	switch {
	case n%97 == 0:
		return fmt.Sprintf("%d %s", n, strings.Repeat("large ", 10_000))
	case n%10 == 0:
		return fmt.Sprintf("%d\nof\n\nseveral lines\n", n)
	}
	return fmt.Sprint(n)
}

// next tells the next client err.
func (f *feed) next(err error) { f.answer.Store(&err) }

// blows is what befalls the stream once so many events have arrived, before the next ones are
// published.
func (f *feed) blows() map[int]func() {
	return map[int]func(){
		100: f.reset,
		200: func() { f.hub.KickTopic("x") },
		290: func() { f.cutAfter(30_000) }, // inside event 291, of 60 KB
		400: func() {
			f.next(errors.New("not now")) // the client is told to come back later
			f.hub.KickTopic("x")
		},
		500: f.restart,
		600: func() {
			f.cutAfter(1) // at once
			f.publish(20) // while it is away
		},
		700: func() { f.hub.KickTopic("x"); f.reset() },
		800: f.restart,
		1000: func() {
			f.next(server.ErrStop)
			f.hub.KickTopic("x")
		},
	}
}

// run publishes 1,000 events to source's loop, with blows between them, until the loop ends.
func (f *feed) run(source *client.EventSource) {
	ctx, cancel := context.WithTimeout(f.t.Context(), 3*testkit.Patience)
	defer cancel()
	blows := f.blows()
	source.OnOpen = func(*http.Response) { // a new client begins at the present
		if f.sent == 0 {
			testkit.Eventually(f.t, "a subscriber", func() bool { return f.hub.Stats().Subscribers == 1 })
			f.publish(10)
		}
	}
	source.OnReconnect = func(err error, _ time.Duration) {
		if err == io.EOF {
			f.clean++
		}
	}
	for e, err := range source.Events(ctx) {
		var gap *client.GapError
		if errors.As(err, &gap) {
			f.gaps = append(f.gaps, gap.Reason)
			continue
		}
		if err != nil {
			f.t.Errorf("after %d events: %v", len(f.got), err)
			return
		}
		f.got = append(f.got, string(e.Data))
		if n := len(f.got); n == f.sent {
			if blow := blows[n]; blow != nil {
				blow()
			}
			if n := min(10, 1000-f.sent); n > 0 {
				f.publish(n)
			}
		}
	}
}

// check holds what was got against what was sent.
func (f *feed) check() {
	f.t.Helper()
	if len(f.got) != 1000 || f.sent != 1000 {
		f.t.Errorf("got %d events of %d, want 1000", len(f.got), f.sent)
	}
	for i, data := range f.got {
		if want := payload(i + 1); data != want {
			f.t.Fatalf("event %d is %.40q, want %.40q", i+1, data, want)
		}
	}
	// Nobody knows what a hub that was restarted had: that is said, though nothing is lost here.
	expect(f.t, "gaps", f.gaps, []string{"epoch", "epoch"})
	// The hub takes the client for an EventSource, and ends its streams cleanly.
	if f.clean < 4 {
		f.t.Errorf("%d clean ends, of two kicks, two drains and a \"later\"", f.clean)
	}
	if !f.isCut() {
		f.t.Error("no connection was cut inside an event")
	}
}

func TestEveryEventOnceWhateverHappens(t *testing.T) {
	t.Parallel() // it waits for seconds: "later" is 3 s or more
	f := newFeed(t)
	noneLeft(t, func() {
		source := quick(t, f.URL+"/events?topic=x")
		f.run(&source)
		source.Client.CloseIdleConnections()
	})
	f.check()
}

func TestEveryEventOnceThroughAReverseProxy(t *testing.T) {
	t.Parallel() // it waits for seconds: "later" is 3 s or more
	f := newFeed(t)
	to, err := url.Parse(f.URL)
	if err != nil {
		t.Fatal(err)
	}
	p := httputil.NewSingleHostReverseProxy(to)
	p.ErrorLog = quiet
	proxy := httptest.NewServer(p)
	defer proxy.Close()
	source := quick(t, proxy.URL+"/events?topic=x")
	f.run(&source)
	f.check()
}
