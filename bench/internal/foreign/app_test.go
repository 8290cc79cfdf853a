package foreign

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/fastsse/fastsse/bench/internal/check"
)

const apiKey = "the-key-of-those-who-publish"

// app is an application with users, as Laravel and Rails make them: a login is answered
// with a session's cookie, a token and a token against forged requests, all of which a
// stream needs. It keeps everything that was published.
type app struct {
	mu       sync.Mutex // guards what follows
	sessions []session
	users    map[string]bool
	log      []string
	grown    chan struct{} // closed when log has grown
}

type session struct{ cookie, token, csrf string }

func serveApp(t *testing.T) (*app, string) {
	t.Helper()
	a := &app{users: map[string]bool{}, grown: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", a.login)
	mux.HandleFunc("GET /events", a.stream)
	mux.HandleFunc("PUT /events", a.publish)
	mux.HandleFunc("POST /messages", a.write)
	s := httptest.NewServer(mux)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return a, s.URL
}

func (a *app) login(w http.ResponseWriter, r *http.Request) {
	var who struct{ User, Password string }
	if err := json.NewDecoder(r.Body).Decode(&who); err != nil || who.Password != "secret" {
		http.Error(w, "wrong user or password", http.StatusUnprocessableEntity)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	n := len(a.sessions)
	s := session{fmt.Sprint("cookie-", n), fmt.Sprint(n, "|token"), fmt.Sprint("csrf-", n)}
	a.sessions = append(a.sessions, s)
	a.users[who.User] = true
	http.SetCookie(w, &http.Cookie{Name: "app_session", Value: s.cookie, HttpOnly: true})
	w.Header().Set("X-CSRF-Token", s.csrf)
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"token":%q}`, s.token)
}

// loggedIn is how many users have.
func (a *app) loggedIn() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.users)
}

// known reports whether the request has all that belongs to one session.
func (a *app) known(r *http.Request) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.sessions {
		c, err := r.Cookie("app_session")
		if err == nil && c.Value == s.cookie && r.Header.Get("Authorization") == "Bearer "+s.token && r.Header.Get("X-CSRF-Token") == s.csrf {
			return true
		}
	}
	return false
}

// after returns the events after n, once there are any.
func (a *app) after(n int) (events []string, grown chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.log[min(n, len(a.log)):], a.grown
}

func (a *app) add(event string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.log = append(a.log, event)
	close(a.grown)
	a.grown = make(chan struct{})
}

func (a *app) stream(w http.ResponseWriter, r *http.Request) {
	if !a.known(r) {
		http.Error(w, "log in first", http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache, no-transform")
	w.Header().Set("X-Accel-Buffering", "no")
	fmt.Fprint(w, "retry: 1000\n\n")
	all, _ := a.after(0)
	at := len(all)
	if id, err := strconv.Atoi(r.Header.Get("Last-Event-ID")); err == nil && id < at {
		at = id
	}
	for {
		events, grown := a.after(at)
		for _, event := range events {
			at++
			fmt.Fprintf(w, "id: %d\ndata: %s\n\n", at, event)
		}
		w.(http.Flusher).Flush()
		if len(events) > 0 {
			continue
		}
		select {
		case <-grown:
		case <-r.Context().Done():
			return
		}
	}
}

func (a *app) publish(w http.ResponseWriter, r *http.Request) {
	event, err := io.ReadAll(r.Body)
	if r.Header.Get("X-Api-Key") != apiKey || err != nil {
		http.Error(w, "who are you?", http.StatusForbidden)
		return
	}
	a.add(string(event))
	w.WriteHeader(http.StatusNoContent)
}

// write is how users publish: with all that belongs to a session.
func (a *app) write(w http.ResponseWriter, r *http.Request) {
	if !a.known(r) {
		http.Error(w, "log in first", http.StatusUnauthorized)
		return
	}
	a.add(r.FormValue("text"))
	w.WriteHeader(http.StatusCreated)
}

func TestAppWithLogins(t *testing.T) {
	t.Parallel()
	for name, way := range map[string][]string{
		"a key":  {"-publish-url", "/events", "-publish-method", "PUT", "-publish-header", "X-Api-Key: " + apiKey},
		"a user": {"-publish-url", "/messages", "-publish-header", "Authorization: Bearer {{.Login.token}}", "-publish-header", "X-CSRF-Token: {{index .Login `X-Csrf-Token`}}", "-publish-header", "Content-Type: application/x-www-form-urlencoded", "-publish-body", "text={{.Message}}"},
	} {
		t.Run("published by "+name, func(t *testing.T) {
			t.Parallel()
			a, url := serveApp(t)
			way[1] = url + way[1]
			s := &service{os.Getpid(), append([]string{
				url + "/events", "-login", "POST " + url + "/login", "-login-body", `{"user":"u{{.Stream}}","password":"secret"}`,
				"-H", "Authorization: Bearer {{.Login.token}}", "-H", "X-CSRF-Token: {{index .Login `X-Csrf-Token`}}",
			}, way...)}
			s.run(t)
			if n := a.loggedIn(); n != streams {
				t.Errorf("%d users have logged in, want %d", n, streams)
			}
			s.storm(t, inMemory)
			s.check(t, findings{"resume/gap": check.Fail})
		})
	}
}

// A login that is refused is said with its status and the first line of the answer, and
// nothing is measured.
func TestLoginThatIsRefused(t *testing.T) {
	t.Parallel()
	_, url := serveApp(t)
	for _, command := range []string{"run", "storm", "check"} {
		status, _, said := tool(t, command, url+"/events", "-publish-url", url+"/events", "-login", url+"/login", "-login-body", `{"user":"u","password":"wrong"}`)
		if status != 1 || !strings.Contains(said, "log in: "+url+"/login: the answer is \"422 Unprocessable Entity\": wrong user or password") {
			t.Errorf("ssebench %s: status %d, said %q", command, status, said)
		}
	}
}
