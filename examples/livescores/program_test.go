package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// program is a run of livescores, in this process or its own.
type program struct {
	url            string
	stdout, stderr buffer
	stop           func() int // and the exit code
}

var announced = regexp.MustCompile(`open +(http://\S+)`)

// await waits for the line that says where the page is.
func (p *program) await(t *testing.T) {
	t.Helper()
	eventually(t, func() bool {
		m := announced.FindStringSubmatch(p.stdout.String())
		if m != nil {
			p.url = m[1]
		}
		return m != nil
	})
	if !strings.Contains(p.stdout.String(), "curl -N '"+p.url+"/events?topic=scores/*'") {
		t.Errorf("no curl line in %q", p.stdout.String())
	}
}

// start runs it in this process.
func start(t *testing.T, stdin io.Reader, args ...string) *program {
	t.Helper()
	p := &program{}
	ctx, cancel := context.WithCancel(context.Background())
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), stdin, &p.stdout, &p.stderr)
	}()
	p.stop = sync.OnceValue(func() int { cancel(); return <-code })
	t.Cleanup(func() { p.stop() })
	p.await(t)
	return p
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not within 10 s")
		}
	}
}

// follow opens a stream, from id if that is not empty, and ends it with the test.
func (p *program) follow(t *testing.T, topics, id string) *testkit.Decoder {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/events?"+topics, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Accept": {"text/event-stream"}, "Cache-Control": {"no-cache"}, "User-Agent": {"an EventSource"}}
	if id != "" {
		req.Header.Set("Last-Event-ID", id)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	if res.StatusCode != http.StatusOK {
		t.Fatalf("GET /events: %s", res.Status)
	}
	return testkit.NewDecoder(res.Body)
}

// take reads n events, and fails the test if the stream ends or waits for long.
func take(t *testing.T, d *testkit.Decoder, n int) []testkit.Event {
	t.Helper()
	all := make(chan []testkit.Event, 1)
	go func() {
		var got []testkit.Event
		for range n {
			e, err := d.Next()
			if err != nil {
				break
			}
			got = append(got, e)
		}
		all <- got
	}()
	select {
	case got := <-all:
		if len(got) < n {
			t.Fatalf("the stream ended after %d events, want %d", len(got), n)
		}
		return got
	case <-time.After(10 * time.Second):
		t.Fatalf("no %d events within 10 s", n)
		return nil
	}
}

func (p *program) scores(t *testing.T) snapshot {
	t.Helper()
	res, err := http.Get(p.url + "/scores")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var s snapshot
	if err := json.NewDecoder(res.Body).Decode(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

// told is what events in scores/ say that happened.
func told(t *testing.T, events []testkit.Event) (all []update) {
	t.Helper()
	for _, e := range events {
		u := heard(t, []byte(e.Data)).Update
		if u.Kind != e.Type {
			t.Errorf("a %s has the type %s", u.Kind, e.Type)
		}
		all = append(all, u)
	}
	return all
}

// parsed are lines of a feed without what is only known while it is read.
func parsed(t *testing.T, feed ...string) (all []update) {
	t.Helper()
	for _, u := range lines(t, feed...) {
		u.when, u.number = time.Time{}, 0
		all = append(all, u)
	}
	return all
}

// launch starts the binary. Its end is SIGTERM.
func launch(t *testing.T, path, stdin string, args ...string) *program {
	t.Helper()
	p := &program{}
	cmd := exec.Command(path, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &p.stdout, &p.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.stop = sync.OnceValue(func() int {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		return cmd.ProcessState.ExitCode()
	})
	t.Cleanup(func() { p.stop() })
	p.await(t)
	return p
}
