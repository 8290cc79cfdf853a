package load

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/fastsse/fastsse/internal/testkit"
)

// stubborn takes a post only at a later try, and notes what came.
type stubborn struct {
	mu    sync.Mutex // guards what follows
	tries int
	keys  []string
	taken []string
}

func (s *stubborn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tries++
	s.keys = append(s.keys, r.Header.Get("Idempotency-Key"))
	switch s.tries {
	case 1:
		http.Error(w, "later", http.StatusServiceUnavailable)
		return
	case 2:
		http.Error(w, "<html>\n<h1>502</h1>", http.StatusBadGateway)
		return
	case 3:
		panic(http.ErrAbortHandler) // no answer
	}
	var events []string
	if err := json.Unmarshal(body, &events); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.taken = append(s.taken, events...)
}

func TestRetryingPoster(t *testing.T) {
	for _, keys := range []bool{true, false} {
		s := &stubborn{}
		web := httptest.NewServer(s)
		t.Cleanup(web.Close)
		p := publisher(t, Publishing{URL: web.URL, Body: `"{{.Message}}"`, Retried: true, Array: true, Keys: keys})
		if err := p.Run(t.Context(), 100, 1e6, Now()); err != nil || p.Sent() != 100 {
			t.Fatalf("sent %d, %v", p.Sent(), err)
		}
		if len(s.taken) != 100 || s.tries > 60 {
			t.Errorf("%d events in %d posts; want 100, most of them together", len(s.taken), s.tries)
		}
		for i, data := range s.taken {
			if stamp, ok := readStamp([]byte(data)); !ok || stamp.seq != uint64(i+1) {
				t.Fatalf("event %d is %q", i+1, data)
			}
		}
		if same := s.keys[0] == s.keys[1] && s.keys[0] == s.keys[3]; !same || (s.keys[0] != "") != keys {
			t.Errorf("keys %q; want one for all tries of a post, if any", s.keys)
		}
		if keys && len(s.keys) > 4 && s.keys[4] == s.keys[3] {
			t.Errorf("keys %q; want another for another post", s.keys)
		}
		r := p.Retries()
		if want := []string{"502 Bad Gateway", "503 Service Unavailable: later", "the connection was closed without an answer"}; r.Posts != 1 || r.Longest < 3*retryAfter || strings.Join(r.Texts(), "|") != strings.Join(want, "|") {
			t.Errorf("%+v; want one post, and %q", r, want)
		}
	}
}

func TestRetryingPosterGivesUpWhatIsRefused(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "who are you?", http.StatusUnauthorized)
	}))
	defer web.Close()
	p := publisher(t, Publishing{URL: web.URL, Retried: true})
	if err := p.Now(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "401 Unauthorized: who are you?") {
		t.Errorf("the error is %v; want the answer", err)
	}
}

// The event that is being published when there are enough is still taken.
func TestRunUntilThereAreEnough(t *testing.T) {
	asked, goOn := make(chan struct{}), make(chan struct{})
	web := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(asked)
		<-goOn
	}))
	defer web.Close()
	p := publisher(t, Publishing{URL: web.URL, Retried: true})
	enough, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.RunUntil(t.Context(), enough, 0.001, Now()) }()
	testkit.Receive(t, "the post", asked)
	stop()
	select {
	case err := <-done:
		t.Errorf("it has ended before the event was taken: %v", err)
	default:
	}
	close(goOn)
	if err := testkit.Receive(t, "its end", done); err != nil || p.Sent() != 1 {
		t.Errorf("sent %d, %v", p.Sent(), err)
	}
}
