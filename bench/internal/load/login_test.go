package load

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// asked notes what streams ask for.
type asked struct {
	mu  sync.Mutex // guards got
	got []string
}

func (a *asked) note(c *net.TCPConn, r *http.Request, _ int) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	a.got = append(a.got, strings.Join([]string{r.Host[:4], r.RequestURI, r.Header.Get("X-Who"), r.Header.Get("Cookie"), string(body)}, " "))
	a.mu.Unlock()
	fmt.Fprint(c, head)
	_ = hold(c)
}

// all is what was asked for, in order.
func (a *asked) all() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Sorted(slices.Values(a.got))
}

func TestStreamsHaveValuesOfTheirOwn(t *testing.T) {
	eachCarrier(t, func(t *testing.T, r Request) {
		a := &asked{}
		r.URL = serve(t, a.note) + "/{{.Stream}}?topic={{.Topic}}&t={{.Token}}"
		r.Method, r.Body, r.Header = "POST", "{{.Stream}} of {{.Topic}}", http.Header{"X-Who": {"{{.Token}}", "2"}}
		r.Data = Data{Topics: []string{"a b", "c/d"}, Rows: []map[string]string{{"Token": "k&1"}, {"Token": "k2"}, {"Token": "k3"}}}
		opened(t, r, 4, Client{})
		want := []string{
			"127. /events/0?topic=a%20b&t=k%261 k&1  0 of a b",
			"127. /events/1?topic=c%2Fd&t=k2 k2  1 of c/d",
			"127. /events/2?topic=a%20b&t=k3 k3  2 of a b",
			"127. /events/3?topic=c%2Fd&t=k%261 k&1  3 of c/d",
		}
		if got := a.all(); !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

func TestStreamsLogInBefore(t *testing.T) {
	eachCarrier(t, func(t *testing.T, r Request) {
		door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var who struct{ User string }
			if err := json.NewDecoder(r.Body).Decode(&who); err != nil || r.Method != "PUT" || r.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s: %v", r.Method, err)
			}
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: "s-" + who.User})
			w.Header().Set("X-Ticket", "t-"+who.User)
			fmt.Fprintf(w, `{"data": {"n": 12345678, "key": "k-%s"}}`, who.User)
		}))
		t.Cleanup(door.Close)
		a := &asked{}
		r.URL = serve(t, a.note) + `/{{.Login.data.key}}/{{.Login.data.n}}`
		r.Header = http.Header{"X-Who": {`{{index .Login "X-Ticket"}} {{.Login.sid}}`}, "Cookie": {"a={{.Stream}}"}}
		r.Login = &Login{Method: "PUT", URL: door.URL + "/login", Body: `{"user": "u{{.Stream}}"}`}
		opened(t, r, 2, Client{})
		want := []string{
			"127. /events/k-u0/12345678 t-u0 s-u0 a=0; sid=s-u0 ",
			"127. /events/k-u1/12345678 t-u1 s-u1 a=1; sid=s-u1 ",
		}
		if got := a.all(); !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

func TestLoginsThatFail(t *testing.T) {
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "0" {
			http.Error(w, "who are you?", http.StatusForbidden)
		}
	}))
	t.Cleanup(door.Close)
	r := Request{URL: serve(t, (&asked{}).note), Login: &Login{URL: door.URL + "?{{.Stream}}"}}
	s := swarm(t, r)
	s.Open(t.Context(), 3, 0, Client{Returns: true})
	err := s.AwaitOpen(t.Context(), 10*time.Second)
	if got := total(s); got.Opened != 1 || got.Refused != 2 || err == nil || !strings.Contains(err.Error(), `log in: `) || !strings.Contains(err.Error(), `"403 Forbidden": who are you?`) {
		t.Errorf("%+v, the error is %v", got, err)
	}
	r.Login.URL = door.URL + "?none"
	if _, err := NewSwarm(t.Context(), SwarmConfig{Request: r}); err == nil || !strings.Contains(err.Error(), "who are you?") {
		t.Errorf("all fail: the error is %v", err)
	}
}
