package check

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const brief = 300 * time.Millisecond

func newKeeper() *keeper { return &keeper{changed: make(chan struct{}), resume: right} }

// Servers take events in many forms: this one as a field of JSON, by PUT.
func TestPublishedByTemplate(t *testing.T) {
	t.Parallel()
	k := newKeeper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "PUT" {
			k.ServeHTTP(w, r)
			return
		}
		var event struct{ Topic, Text string }
		if json.NewDecoder(r.Body).Decode(&event) != nil || event.Topic != "a" || r.Header.Get("Content-Type") != "application/json" {
			http.Error(w, "no event", 400)
			return
		}
		r.Body = io.NopCloser(strings.NewReader(event.Text))
		k.publish(r)
	}))
	t.Cleanup(srv.Close)
	c := Config{
		URL: srv.URL, PublishURL: srv.URL, PublishMethod: "PUT", PublishBody: `{"topic":"a","text":"{{.Message}}"}`,
		PublishHeader: http.Header{"Content-Type": {"application/json"}}, For: brief,
	}
	r := look(t, c)
	expect(t, r, "delivery/delivery", OK, "5 published events")
	expect(t, r, "resume/resume", OK, "4 events")
	for template, says := range map[string]string{"{{.Message": "read -publish-body", "{{.Text}}": "it knows {{.Message}} only", "x": "has no {{.Message}}"} {
		c.PublishBody = template
		if _, err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", template, err, says)
		}
	}
}

// A stream that is opened by POST, as answers of language models are.
func TestStreamOpenedByPost(t *testing.T) {
	t.Parallel()
	url := serveWire(t, func(c net.Conn, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch {
		case r.Method == "POST" && string(body) == "{}" && r.Header.Get("Content-Type") == "application/json":
			r.Method = "GET"
			wireFault{body: opening}.serve(c, r)
		default:
			write(c, "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
		}
	})
	r := look(t, Config{URL: url, Method: "POST", Body: "{}", Header: http.Header{"Content-Type": {"application/json"}}, For: brief})
	expect(t, r, "answer/status", OK)
	expect(t, r, "delivery/gzip", OK)
	expect(t, r, "protocol/head-method", OK, "405")
	expect(t, r, "protocol/http-1.0", Fail, "Transfer-Encoding")
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(newKeeper())
	srv.Listener = ln
	srv.Start()
	t.Cleanup(srv.Close)
	r := look(t, Config{URL: "unix:" + path + ":/events?topic=a", PublishURL: "unix:" + path + ":/publish", For: brief})
	expect(t, r, "delivery/delivery", OK, "5 published events")
	expect(t, r, "resume/resume", OK)
	if _, err := Run(t.Context(), Config{URL: "unix:/nowhere/s:/events"}); err == nil || !strings.Contains(err.Error(), "unix:/nowhere/s:/events") || !strings.Contains(err.Error(), "running") {
		t.Errorf("%v", err)
	}
}

func TestClientCertificate(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(newKeeper())
	srv.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	c := Config{URL: srv.URL, PublishURL: srv.URL, TLS: &tls.Config{InsecureSkipVerify: true}, For: brief}
	expect(t, look(t, c), "answer/status", Fail, "certificate required", "-cert and -key")
	c.TLS.Certificates = srv.TLS.Certificates
	r := look(t, c)
	expect(t, r, "delivery/delivery", OK)
	expect(t, r, "protocol/http-2", OK)
	if _, err := Run(t.Context(), Config{URL: srv.URL}); err == nil || !strings.Contains(err.Error(), "-insecure") {
		t.Errorf("%v", err)
	}
	if _, err := Run(t.Context(), Config{URL: "https" + strings.TrimPrefix(serveHub(t), "http")}); err == nil || !strings.Contains(err.Error(), "address with http") {
		t.Errorf("%v", err)
	}
}

// What refuses after a redirect is named with its address.
func TestRedirectsAreNamed(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(nil)
	t.Cleanup(srv.Close)
	mux := http.NewServeMux()
	mux.Handle("/old", http.RedirectHandler("/new", http.StatusSeeOther))
	mux.Handle("/new", newKeeper())
	mux.Handle("/lost", http.RedirectHandler("/gone", http.StatusFound))
	mux.Handle("/circle", http.RedirectHandler("/circle", http.StatusFound))
	srv.Config.Handler = mux
	r := look(t, Config{URL: srv.URL + "/lost", For: brief})
	expect(t, r, "answer/status", Fail, "404 Not Found, redirected 302 Found to "+srv.URL+"/gone")
	r = look(t, Config{URL: srv.URL + "/old", Method: "POST", Body: "x", PublishURL: srv.URL + "/old", For: brief})
	expect(t, r, "answer/status", OK) // by GET, as browsers do
	expect(t, r, "delivery/publish", Fail, "is redirected to "+srv.URL+"/new (303 See Other)", "give that as -publish-url")
	expect(t, look(t, Config{URL: srv.URL + "/circle", For: brief}), "answer/redirect", Warn, "20 redirects")
}
