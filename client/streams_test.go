package client_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

// Loops over one EventSource are streams of their own, also over HTTP/2.
func TestLoopsAreStreamsOfTheirOwn(t *testing.T) {
	const loops = 40
	var mu sync.Mutex
	opened := 0
	all := make(chan struct{})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Last-Event-ID") != "" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		mu.Lock()
		if r.ProtoMajor != 2 {
			t.Errorf("%s, want HTTP/2", r.Proto)
		}
		if opened++; opened == loops {
			close(all)
		}
		mu.Unlock()
		send(w, ":\n") // the head, at once
		<-all
		for i := range 20 {
			send(w, fmt.Sprintf("data: %d\nid: %d\n\n", i, i))
		}
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	source := quick(t, s.URL)
	source.Client = s.Client()
	var running sync.WaitGroup
	for range loops {
		running.Go(func() {
			n := 0
			for e, err := range source.Events(t.Context()) {
				if err != nil || string(e.Data) != fmt.Sprint(n) {
					t.Errorf("event %d: %s, %v", n, said(e), err)
					return
				}
				n++
			}
			if n != 20 {
				t.Errorf("%d events, want 20", n)
			}
		})
	}
	testkit.Within(t, "all loops end", running.Wait)
}

// The loop waits for a server that does not listen yet, with a Client of its own making.
func TestWaitsForAServerThatIsDown(t *testing.T) {
	addr := testkit.FreeAddress(t)
	s := newScript(t, stream("data: a\n\n"))
	n := newNetwork(t)
	n.leadTo(addr) // where nobody listens: connections end at once
	source := quick(t, n.URL)
	source.Client = nil
	tries := 0
	source.OnReconnect = func(error, time.Duration) {
		if tries++; tries == 3 {
			n.leadTo(s.Listener.Addr().String())
		}
	}
	events, err := all(t, &source)
	if err != nil || tries < 4 {
		t.Errorf("%v after %d tries", err, tries)
	}
	expect(t, "events", events, []string{"||a"})
}
