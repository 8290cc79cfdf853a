package client_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/client"
)

func TestNoContentEndsTheLoop(t *testing.T) {
	s := newScript(t, status(http.StatusNoContent, ""))
	source := quick(t, s.URL)
	events, err := all(t, &source)
	if len(events) != 0 || err != nil || len(s.got()) != 1 {
		t.Errorf("%q, %v after %d requests", events, err, len(s.got()))
	}
}

func TestRefusalsEndTheLoop(t *testing.T) {
	var gzipped bytes.Buffer
	z := gzip.NewWriter(&gzipped)
	_, _ = io.WriteString(z, "data: a\n\n")
	_ = z.Close()
	for name, step := range map[string]struct {
		step http.HandlerFunc
		code int
		said string
	}{
		"401":         {status(401, "who are you?"), 401, `401 Unauthorized: "who are you?"`},
		"404":         {status(404, ""), 404, "404 Not Found"},
		"501":         {status(501, ""), 501, "501 Not Implemented"},
		"299":         {status(299, ""), 299, "299"},
		"a page":      {status(200, "<html>", "Content-Type: text/html"), 200, `its Content-Type is "text/html", not text/event-stream: "<html>"`},
		"a prefix":    {status(200, "", "Content-Type: text/event-streams"), 200, `its Content-Type is "text/event-streams"`},
		"compressed":  {status(200, gzipped.String(), "Content-Type: text/event-stream", "Content-Encoding: gzip"), 200, `its Content-Encoding is "gzip"`},
		"no Location": {status(301, ""), 301, "301 Moved Permanently"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, step.step)
			source := quick(t, s.URL)
			events, err := all(t, &source)
			var refused *client.StatusError
			if !errors.As(err, &refused) || len(events) != 0 || len(s.got()) != 1 {
				t.Fatalf("%q, %v after %d requests", events, err, len(s.got()))
			}
			if refused.StatusCode != step.code || !strings.Contains(err.Error(), step.said) || !strings.Contains(err.Error(), "GET "+s.URL) {
				t.Errorf("status %d: %v", refused.StatusCode, err)
			}
		})
	}
}

func TestStreamsHaveParametersInTheirContentType(t *testing.T) {
	s := newScript(t, status(200, "data: a\n\n", "Content-Type: Text/Event-Stream;charset=UTF-8"))
	source := quick(t, s.URL)
	events, err := all(t, &source)
	if err != nil {
		t.Error(err)
	}
	expect(t, "events", events, []string{"||a"})
}

func TestWhatPassesIsTriedAgain(t *testing.T) {
	var steps []http.HandlerFunc
	for _, code := range []int{429, 500, 502, 503, 504} {
		steps = append(steps, status(code, ""))
	}
	s := newScript(t, append(steps, stream("data: a\n\n"))...)
	source := quick(t, s.URL)
	events, err := all(t, &source)
	if err != nil || len(s.got()) != 7 {
		t.Errorf("%v after %d requests", err, len(s.got()))
	}
	expect(t, "events", events, []string{"||a"})
}

func TestRetryStatusDecides(t *testing.T) {
	s := newScript(t, status(404, ""), status(503, ""))
	source := quick(t, s.URL)
	source.RetryStatus = func(code int) bool { return code == 404 }
	_, err := all(t, &source)
	var refused *client.StatusError
	if !errors.As(err, &refused) || refused.StatusCode != 503 || len(s.got()) != 2 {
		t.Errorf("%v after %d requests", err, len(s.got()))
	}
}

func TestStatusErrorKeepsAPieceOfTheBody(t *testing.T) {
	s := newScript(t, status(400, strings.Repeat("x", 1<<20), "Retry-After: 7", "X-Why: because"))
	source := quick(t, s.URL)
	_, err := all(t, &source)
	var refused *client.StatusError
	if !errors.As(err, &refused) || len(refused.Body) != 4<<10 || refused.Header.Get("X-Why") != "because" || refused.RetryAfter() != 7*time.Second {
		t.Errorf("%v", err)
	}
	if len(err.Error()) > 300 {
		t.Errorf("an error of %d bytes", len(err.Error()))
	}
}

// An answer that is no stream by its head may be one by its body, which never ends.
func TestRefusalsThatNeverEndAreNotReadOn(t *testing.T) {
	for code, kind := range map[int]string{200: "text/plain", 503: "text/event-stream"} {
		s := newScript(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(code)
			_, _ = io.WriteString(w, "data: a\n\n")
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, ":\n")
				_ = http.NewResponseController(w).Flush()
				time.Sleep(20 * time.Millisecond)
			}
		})
		source := quick(t, s.URL)
		source.Once = true
		_, err := all(t, &source)
		var refused *client.StatusError
		if !errors.As(err, &refused) || refused.StatusCode != code || !strings.HasPrefix(string(refused.Body), "data: a\n\n:\n") {
			t.Errorf("%d: %v", code, err)
		}
	}
}

func TestRetryAfterIsHeeded(t *testing.T) {
	for value, wants := range map[string][2]time.Duration{
		"1": {time.Second, time.Second},
		time.Now().Add(time.Hour).UTC().Format(http.TimeFormat):  {50 * time.Minute, time.Hour},
		time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat): {0, time.Second},
		"soon":                {0, time.Second},
		"-1":                  {0, time.Second},
		"":                    {0, time.Second},
		strconv.Itoa(1 << 40): {0, time.Second},
	} {
		s := newScript(t, status(503, "", "Retry-After: "+value))
		source := quick(t, s.URL)
		var waited []time.Duration
		ctx, cancel := context.WithCancel(t.Context())
		source.OnReconnect = func(_ error, wait time.Duration) {
			waited = append(waited, wait)
			cancel()
		}
		for _, err := range source.Events(ctx) {
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
		if len(waited) != 1 || waited[0] < wants[0] || waited[0] > wants[1] {
			t.Errorf("Retry-After: %q: waits for %v, want from %v to %v", value, waited, wants[0], wants[1])
		}
	}
}

func TestRedirectsElsewhereCarryNoCredentials(t *testing.T) {
	other := newScript(t, stream("data: a\n\n"))
	elsewhere := strings.Replace(other.URL, "127.0.0.1", "localhost", 1)
	s := newScript(t, status(http.StatusFound, "", "Location: "+elsewhere+"/there"))
	source := quick(t, s.URL)
	source.LastEventID = "5"
	source.Header = http.Header{"Authorization": {"secret"}, "Cookie": {"secret"}}
	events, err := all(t, &source)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "events", events, []string{"|5|a"})
	r := other.got()[0]
	if r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" || r.Header.Get("Last-Event-Id") != "5" || r.Header.Get("Accept") != "text/event-stream" {
		t.Errorf("elsewhere is sent %v", r.Header)
	}
}

func TestRedirectsThatGoRoundEndTheLoop(t *testing.T) {
	requests := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		http.Redirect(w, r, "/", http.StatusFound)
	}))
	defer s.Close()
	source := quick(t, s.URL)
	_, err := all(t, &source)
	if err == nil || !strings.Contains(err.Error(), "10 redirects") || requests > 11 {
		t.Errorf("%v after %d requests", err, requests)
	}
}

func TestCertificatesThatCannotBeVerifiedEndTheLoop(t *testing.T) {
	s := httptest.NewUnstartedServer(newScript(t))
	s.Config.ErrorLog = quiet
	s.StartTLS()
	defer s.Close()
	source := quick(t, s.URL)
	if _, err := all(t, &source); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Error(err)
	}
	source.URL = strings.Replace(newScript(t).URL, "http:", "https:", 1)
	if _, err := all(t, &source); !errors.Is(err, http.ErrSchemeMismatch) {
		t.Error(err)
	}
}
