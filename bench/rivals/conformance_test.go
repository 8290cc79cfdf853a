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
			conforms(t, s, name != "floor")
		})
	}
}

// conforms subscribes, publishes to this topic and, if there are others, to another, reads the events back in
// order, and ends the server with the stream still open.
func conforms(t *testing.T, s *launch.Server, topics bool) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	stream := openStream(t, ctx, s.URL()+"/events?topic=a")
	const n = 20
	for i := range n {
		if topics {
			post(t, ctx, s.URL()+"/publish?topic=b", "of another topic")
		}
		post(t, ctx, s.URL()+"/publish?topic=a", fmt.Sprintf("event %d", i))
	}
	for i := range n {
		if got, want := nextData(t, stream), fmt.Sprintf("event %d", i); got != want {
			t.Fatalf("read %q; want %q", got, want)
		}
	}
	begin := time.Now()
	s.Stop()
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %v to end; want 5 s at most", took)
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

// nextData is the data of the next event.
func nextData(t *testing.T, stream *testkit.Decoder) string {
	t.Helper()
	e, err := stream.Next()
	if err != nil {
		t.Fatalf("the stream has ended: %v", err)
	}
	return e.Data
}
