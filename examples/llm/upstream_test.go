package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const key = "the relay's key"

// upstream is an API whose models each do one thing.
type upstream struct {
	*httptest.Server
	asked chan struct{}  // a request for "silent" has come
	left  chan time.Time // when a request was cancelled, of the models that wait for it
	busy  atomic.Int32   // requests for "busy once"

	mu   sync.Mutex // guards what follows
	auth string     // of the last request
}

func newUpstream(t *testing.T) *upstream {
	t.Helper()
	u := &upstream{left: make(chan time.Time, 100), asked: make(chan struct{}, 100)}
	u.Server = httptest.NewServer(u)
	t.Cleanup(func() {
		u.CloseClientConnections() // or Close would wait for those that a failed test has left
		u.Close()
	})
	return u
}

func (u *upstream) authorization() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.auth
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	u.auth = r.Header.Get("Authorization")
	u.mu.Unlock()
	var request struct{ Model string }
	body, err := io.ReadAll(r.Body) // to its end, or the server would not notice that the client leaves
	if err != nil || json.Unmarshal(body, &request) != nil || r.URL.Path != "/v1/chat/completions" {
		http.Error(w, "not a request of the API", http.StatusTeapot)
		return
	}
	switch request.Model {
	case "good":
		say(w, "One ", "two\n", "日本.")
		fmt.Fprint(w, "data: [DONE]\n\n")
	case "busy once":
		if u.busy.Add(1)%2 == 1 {
			refuseWith(w, http.StatusTooManyRequests, "Retry-After: 1")
			return
		}
		say(w, "At last.")
		fmt.Fprint(w, "data: [DONE]\n\n")
	case "no key":
		refuseWith(w, http.StatusUnauthorized)
	case "busy":
		refuseWith(w, http.StatusTooManyRequests, "Retry-After: 7", "X-Request-Id: req-1", "X-Ratelimit-Reset-Tokens: 6m0s", "X-Accel-Redirect: /secret")
	case "nothing":
		w.WriteHeader(http.StatusNoContent)
	case "hangs up":
		panic(http.ErrAbortHandler)
	case "broken":
		http.Error(w, "<html>", http.StatusInternalServerError)
	case "no stream":
		fmt.Fprint(w, "{}")
	case "late":
		select {
		case <-time.After(headWait + 200*time.Millisecond):
		case <-r.Context().Done():
		}
		refuseWith(w, http.StatusTooManyRequests)
	case "error":
		say(w, "One ")
		fmt.Fprint(w, `data: {"error": {"message": "the model is overloaded", "type": "server_error", "param": null, "code": null}}`+"\n\n")
	case "cut":
		say(w, "One ")
		panic(http.ErrAbortHandler)
	case "slow": // one token, and then it thinks
		say(w, "One ")
		u.wait(r)
	case "silent": // not even a head
		u.asked <- struct{}{}
		u.wait(r)
	}
}

func (u *upstream) wait(r *http.Request) {
	<-r.Context().Done()
	u.left <- time.Now()
}

func say(w http.ResponseWriter, tokens ...string) {
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	for _, token := range tokens {
		data, _ := json.Marshal(chunk("m", map[string]string{"content": token}, nil))
		fmt.Fprintf(w, "data: %s\n\n", data)
		w.(http.Flusher).Flush()
	}
}

func refuseWith(w http.ResponseWriter, status int, headers ...string) {
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		w.Header().Set(name, value)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error": {"message": "refused with %d", "type": "test", "param": null, "code": null}}`, status)
}
