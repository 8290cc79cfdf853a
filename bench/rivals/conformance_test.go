package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/bench/internal/launch"
	"github.com/fastsse/fastsse/internal/absent"
	"github.com/fastsse/fastsse/internal/testkit"
)

// Every target does what a comparison needs.
func TestTargetsConform(t *testing.T) {
	tools, err := buildTools(t.Context())
	t.Cleanup(func() { os.RemoveAll(tools.dir) })
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"parked", "streamed", "gosse", "r3labs", "naivenethttp", "naivefasthttp"}
	if runtime.GOOS == "linux" {
		names = append(names, "floor", "nchan")
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			s, err := launch.Command(t.Context(), strings.Fields(tools.own(name)), nil)
			if err != nil && strings.Contains(err.Error(), "needs nginx with Nchan") {
				absent.Skipf(t, "%v", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Stop)
			conforms(t, s, name)
			isCounted(t, &tools, name)
		})
	}
}

// conforms subscribes, publishes to this topic and, if there are others, to another, reads
// the events back in order, and ends the server with the stream still open.
func conforms(t *testing.T, s *launch.Server, name string) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	stream := openStream(t, ctx, s.URL()+"/events?topic=a")
	if name == "nchan" {
		awaitSubscription(t, ctx, s, stream)
	}
	const n = 20
	for i := range n {
		if name != "floor" { // which has one topic
			post(t, ctx, s.URL()+"/publish?topic=b", "of another topic")
		}
		post(t, ctx, s.URL()+"/publish?topic=a", fmt.Sprintf("event %d", i))
	}
	for i := range n {
		e, err := stream.Next()
		for err == nil && e.Data == "warm" {
			e, err = stream.Next()
		}
		if want := fmt.Sprintf("event %d", i); err != nil || e.Data != want {
			t.Fatalf("read %q, %v; want %q", e.Data, err, want)
		}
	}
	begin := time.Now()
	s.Stop()
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %v to end; want 5 s at most", took)
	}
}

// awaitSubscription publishes until the stream has something: between nginx's workers a
// subscription takes effect some time after its answer.
func awaitSubscription(t *testing.T, ctx context.Context, s *launch.Server, stream *testkit.Decoder) {
	warm := make(chan struct{})
	go func() {
		_, _ = stream.Next()
		close(warm)
	}()
	for {
		post(t, ctx, s.URL()+"/publish?topic=a", "warm")
		select {
		case <-warm:
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// isCounted has ssebench count the target's events.
func isCounted(t *testing.T, tools *tools, name string) {
	r, err := tools.result(t.Context(), "run -c 20 -rate 100 -duration 500ms -readers 2 -settle 500ms", name)
	if err != nil {
		t.Fatal(err)
	}
	if r.Opened != 20 || r.Published != 50 || *r.Expected != 1000 || r.Delivered != 1000 || *r.Lost != 0 || *r.Duplicated+*r.OutOfOrder != 0 {
		t.Errorf("opened %d, published %d, delivered %d of %d, lost %d, twice %d, out of order %d; want 50 events for each of 20 streams",
			r.Opened, r.Published, r.Delivered, *r.Expected, *r.Lost, *r.Duplicated, *r.OutOfOrder)
	}
	if sp := r.SpreadMS; sp == nil || sp.Last.Count != 50 {
		t.Errorf("spread %+v; want that every event reached all", sp)
	}
}

// openStream returns when it has the head of the answer: no event may be needed.
func openStream(t *testing.T, ctx context.Context, url string) *testkit.Decoder {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("no head of an answer before the first event: %v", err)
	}
	t.Cleanup(func() { res.Body.Close() })
	if got := res.Header.Get("Content-Type"); res.StatusCode != 200 || !strings.HasPrefix(got, "text/event-stream") {
		t.Fatalf("answered with %s, %s; want a stream", res.Status, got)
	}
	return testkit.NewDecoder(res.Body)
}

func post(t *testing.T, ctx context.Context, url, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, _ := io.ReadAll(res.Body)
	if res.StatusCode/100 != 2 {
		t.Fatalf("publish %q: %s: %s", body, res.Status, answer)
	}
}
