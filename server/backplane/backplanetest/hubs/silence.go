package hubs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/router"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/backplane/backplanetest"
	"github.com/fastsse/fastsse/server/servertest"
)

const (
	silence    = 15 * time.Second
	impatience = time.Second // PublishTimeout
)

// silent stops the broker's process: it accepts connections and never answers. All that is
// asked of the hubs meanwhile is answered before it goes on.
func silent(t testing.TB, f *backplanetest.Feed) {
	hubs := two(t, f, func(c *server.Config) { c.PublishTimeout = impatience })
	drained, closed := start(t, f), start(t, f)
	run := runs(t, f)
	unborn := prepare(t, f)
	stay := []*subscriber{subscribe(t, "", "a", hubs[0]), subscribe(t, "", "a", hubs[1])}
	early := subscribe(t, "", "few/x", hubs[0])
	subscribe(t, "", "a", drained).retire()
	subscribe(t, "", "a", closed).retire()
	var ids []string
	for i := range 4 * few {
		ids = append(ids, hubs[i%2].publish("few/x", fmt.Sprint(i)))
	}
	early.until(fmt.Sprint(4*few - 1))
	for _, h := range append(hubs, drained, closed) {
		h.has(ids[len(ids)-1])
	}
	f.Stall()
	over := time.After(silence)
	calls := begin(t, map[string]func() error{
		"publish":                func() error { return publishesSilently(hubs[0], "silent") },
		"publish what is large":  func() error { return floods(hubs[1]) },
		"Drain":                  func() error { return drained.Hub.Drain(t.Context()) },
		"Close":                  func() error { return closed.Hub.Close(t.Context()) },
		"Run":                    run,
		"New":                    func() error { return newFails(unborn) },
		"open a stream":          func() error { return opens(t, hubs[1], "", nil) },
		"resume from the log":    func() error { return opens(t, hubs[0], ids[len(ids)-few], []string{fmt.Sprint(4*few - few + 1)}) },
		"resume what is far":     func() error { return refuses(hubs[0], ids[0]) },
		"resume what is to come": func() error { return refuses(hubs[0], epoch(ids[0])+"-9999999") },
	})
	for _, h := range hubs {
		h.connected(false)
	}
	heartbeats(t, 5, stay)
	<-over
	calls.end(t)
	f.Wake()
	for i, h := range hubs {
		h.retry("a", fmt.Sprint("end", i), fmt.Sprint("end", i))
	}
	same(t, stay, "end1")
	for i, s := range stay {
		if s.opened() != 1 {
			t.Errorf("subscriber %d has opened %d streams", i, s.opened())
		}
	}
}

// calls are functions that run, each on a goroutine.
type calls struct {
	mu      sync.Mutex // guards running
	running map[string]bool
}

func begin(t testing.TB, all map[string]func() error) *calls {
	c := &calls{running: map[string]bool{}}
	for name := range all {
		c.running[name] = true
	}
	for name, call := range all {
		go func() {
			if err := call(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			delete(c.running, name)
		}()
	}
	return c
}

func (c *calls) left() (names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.running))
}

// end waits for all calls.
func (c *calls) end(t testing.TB) {
	t.Helper()
	if !testkit.Soon(testkit.Patience/2, func() bool { return len(c.left()) == 0 }) {
		t.Fatalf("while the broker was silent these did not end: %v", c.left())
	}
}

// floods publishes more than sockets hold.
func floods(h *hub) error {
	var all sync.WaitGroup
	errs := make([]error, 24)
	for i := range errs {
		all.Go(func() { errs[i] = publishesSilently(h, strings.Repeat("large ", 200<<10/6)) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// publishesSilently publishes as long as the broker is silent.
func publishesSilently(h *hub, data string) error {
	texts := map[string]bool{}
	for end := time.Now().Add(silence - 5*time.Second); time.Now().Before(end); {
		a, err := h.post("a", "", data)
		if err != nil {
			return err
		}
		if text := a.String(); !texts[text] && len(data) < 100 {
			texts[text] = true
			h.t.Logf("after %v: %v", a.took, a)
		}
		if a.status != 504 && (a.status != 503 || a.retryAfter == "") {
			return errors.New(a.String())
		}
		if a.took > impatience+5*time.Second {
			return fmt.Errorf("a publish took %v, with a PublishTimeout of %v", a.took, impatience)
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil
}

// newFails makes a hub.
func newFails(h *hub) error {
	made, err := server.New(h.config())
	if made != nil || err == nil || !strings.Contains(err.Error(), "check that the broker runs") {
		return fmt.Errorf("made a hub, or the error is not clear: %v", err)
	}
	h.t.Log(err)
	return nil
}

// opens opens a stream, which begins with some events and goes on.
func opens(t testing.TB, h *hub, lastID string, want []string) error {
	s := &subscriber{t: t, hubs: []*hub{h}, topics: []string{"few/x"}, last: lastID, part: func() {}}
	ctx, cancel := context.WithTimeout(context.Background(), 2*testkit.Patience)
	defer cancel()
	read := make(chan error, 1)
	go func() { read <- s.read(ctx, h) }()
	if !testkit.Soon(testkit.Patience/2, func() bool { return s.heard.Load() > 3 && len(s.events()) >= len(want) }) {
		return errors.New("the stream has no heartbeats, or no events")
	}
	s.leave()
	err := <-read
	if got := s.events(); len(want) > 0 && got[0].Data != want[0] {
		err = fmt.Errorf("it begins with %v", got[0])
	}
	return err
}

// refuses opens a stream whose client is told to come back.
func refuses(h *hub, lastID string) error {
	s := &subscriber{t: h.t, hubs: []*hub{h}, topics: []string{"few/x"}, last: lastID, part: func() {}}
	ctx, cancel := context.WithTimeoutCause(context.Background(), testkit.Patience, errors.New("the stream stays open"))
	defer cancel()
	err := s.read(ctx, h)
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case len(s.events()) > 0:
		return fmt.Errorf("it was sent %v", s.events())
	}
	return nil
}

// runs runs a hub with server.Run, and returns a function that ends it.
func runs(t testing.TB, f *backplanetest.Feed) func() error {
	h := prepare(t, f)
	made, err := server.New(h.config())
	if err != nil {
		t.Fatal(err)
	}
	routes := router.New()
	made.Mount(routes, server.MountOptions{Publish: server.PublishOptions{AllowAnyone: true}})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	ended := make(chan error, 1)
	go func() {
		ended <- server.Run(ctx, server.RunOptions{Handler: routes.Handler, Hub: made, Listener: ln, Logger: h.log, Grace: silence - 2*time.Second})
	}()
	h.Server = &servertest.Server{Hub: made, URL: "http://" + ln.Addr().String()}
	client := subscribe(t, "", "a", h)
	return func() error {
		publishing := make(chan struct{})
		go func() {
			close(publishing)
			_, _ = h.post("a", "", "at the end")
		}()
		<-publishing
		time.Sleep(100 * time.Millisecond) // the request is under way; if not, less is tested
		client.retire()
		cancel()
		return <-ended
	}
}
