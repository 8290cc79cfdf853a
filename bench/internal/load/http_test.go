package load

import (
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

// anyServer takes any certificate.
var anyServer = &tls.Config{InsecureSkipVerify: true}

// secure serves https, and HTTP/2 to clients that offer it.
func secure(t *testing.T, h http.HandlerFunc) (url string) {
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

// streaming answers with a stream, and returns what writes to it at once, with
// gzip if that is accepted.
func streaming(w http.ResponseWriter, r *http.Request) (send func(text string)) {
	w.Header().Set("Content-Type", "text/event-stream")
	if r.Header.Get("Accept-Encoding") != "gzip" {
		return func(text string) {
			_, _ = io.WriteString(w, text)
			w.(http.Flusher).Flush()
		}
	}
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	return func(text string) {
		_, _ = io.WriteString(z, text)
		_ = z.Flush()
		w.(http.Flusher).Flush()
	}
}

// eachSecure tests what only net/http can read.
func eachSecure(t *testing.T, test func(t *testing.T, r Request)) {
	for name, r := range map[string]Request{
		"https": {}, "https gzip": {Compress: "gzip"}, "http2": {HTTP2: true}, "http2 gzip": {HTTP2: true, Compress: "gzip"},
	} {
		r.TLS = anyServer
		t.Run(name, func(t *testing.T) { test(t, r) })
	}
}

func TestStreamsByHTTPS(t *testing.T) {
	eachSecure(t, func(t *testing.T, r Request) {
		var visits atomic.Int32
		next := make(chan struct{})
		r.URL = secure(t, func(w http.ResponseWriter, req *http.Request) {
			if req.ProtoMajor == 2 != r.HTTP2 || req.Header.Get("Accept-Encoding") == "gzip" != (r.Compress == "gzip") {
				t.Errorf("%s, accepts the encoding %q", req.Proto, req.Header.Get("Accept-Encoding"))
			}
			send := streaming(w, req)
			if visits.Add(1) > 1 {
				if id := req.Header.Get("Last-Event-ID"); id != "2" {
					t.Errorf("it came back with the id %q, want 2", id)
				}
				send(event(3))
				<-req.Context().Done()
				return
			}
			send("retry: 30\n\n" + event(1))
			<-next // the first has to be read before there is more
			send(event(2) + "id: 9\n")
		})
		s := opened(t, r, 1, Client{Returns: true})
		testkit.Eventually(t, "the first event", func() bool { n, _ := s.Delivered(); return n == 1 })
		close(next)
		testkit.Eventually(t, "the third event", func() bool { n, _ := s.Delivered(); return n == 3 })
		got := total(s)
		if got.Opened != 1 || got.Ended != 1 || got.Reconnected != 1 || got.Lanes[0].Missing != 0 {
			t.Errorf("%+v; want it opened, ended and back, and nothing missing", got)
		}
		if _, known := LookAtReaders(s).BusyShare(Readers{}); known {
			t.Error("it is known how busy no reader is")
		}
	})
}

func TestRefusalsByHTTPSAreForGood(t *testing.T) {
	eachSecure(t, func(t *testing.T, r Request) {
		var visits atomic.Int32
		r.URL = secure(t, func(w http.ResponseWriter, req *http.Request) {
			if visits.Add(1) == 1 {
				streaming(w, req)("retry: 30\n\n")
				return
			}
			http.Error(w, "no more", http.StatusServiceUnavailable)
		})
		s := swarm(t, r)
		s.Open(t.Context(), 1, 0, Client{Returns: true})
		testkit.Eventually(t, "a refusal", func() bool { return total(s).Refused == 1 })
		time.Sleep(100 * time.Millisecond)
		if got := total(s); visits.Load() != 2 || got.Refused != 1 || got.Failed != 0 {
			t.Errorf("%d visits, %+v; want 2", visits.Load(), got)
		}
	})
}

func TestCertificatesOfNobodyAreNotTaken(t *testing.T) {
	s := swarm(t, Request{URL: secure(t, func(w http.ResponseWriter, r *http.Request) { streaming(w, r)("") })})
	s.Open(t.Context(), 1, 0, Client{})
	err := s.AwaitOpen(t.Context(), 10*time.Second)
	if got := total(s); got.Failed != 1 || err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("%d failed, the error is %v; want 1, and the certificate", got.Failed, err)
	}
}

// Streams over HTTP/2 share a connection: the others stay when one is closed.
func TestOneOfHTTP2LeavesAlone(t *testing.T) {
	for _, reset := range []bool{false, true} {
		var left atomic.Int32
		url := secure(t, func(w http.ResponseWriter, r *http.Request) {
			streaming(w, r)(": hello\n\n")
			<-r.Context().Done()
			left.Add(1)
		})
		s := opened(t, Request{URL: url, HTTP2: true, TLS: anyServer}, 10, Client{})
		s.leaveOne(4, reset)
		testkit.Eventually(t, "one has left", func() bool { return left.Load() == 1 })
		time.Sleep(50 * time.Millisecond)
		open, _ := s.Now()
		if got := total(s); open != 9 || got.Ended != 0 || left.Load() != 1 {
			t.Errorf("reset %v: %d open, %d ended, %d have left; want 9, 0, 1", reset, open, got.Ended, left.Load())
		}
	}
}

// A slot that is used again belongs to a new client, whatever the last one still does.
func TestChurnByHTTPS(t *testing.T) {
	eachSecure(t, func(t *testing.T, r Request) {
		for _, reset := range []bool{false, true} {
			var now, ids atomic.Int32
			r.URL = secure(t, func(w http.ResponseWriter, req *http.Request) {
				now.Add(1)
				defer now.Add(-1)
				if req.Header.Get("Last-Event-ID") != "" {
					ids.Add(1)
				}
				streaming(w, req)(event(1))
				<-req.Context().Done()
			})
			s := swarm(t, r)
			for i := range 60 {
				s.openOne(Client{Returns: true})
				if i >= 5 {
					s.leaveOne(i%5, reset)
					time.Sleep(time.Duration(i%4) * time.Millisecond)
				}
			}
			testkit.Eventually(t, "five are left", func() bool { open, connecting := s.Now(); return open == 5 && connecting == 0 && now.Load() == 5 })
			if got := total(s); got.Ended+got.Failed+got.Refused+got.Reconnected != 0 || ids.Load() != 0 {
				t.Errorf("reset %v: %+v, %d with an id; want none ended, and all new", reset, got, ids.Load())
			}
		}
	})
}

func TestCloseOfHTTPSLeavesNothing(t *testing.T) {
	eachSecure(t, func(t *testing.T, r Request) {
		leavesNothing(t, func() {
			t.Run("streams", func(t *testing.T) {
				r.URL = secure(t, func(w http.ResponseWriter, req *http.Request) {
					send := streaming(w, req)
					for i := uint64(1); req.Context().Err() == nil; i++ {
						send(event(i))
						time.Sleep(time.Millisecond)
					}
				})
				s := opened(t, r, 10, Client{Returns: true})
				s.Open(t.Context(), 5, 0, Client{Rate: 1000})
				s.Open(t.Context(), 5, 0, Client{Stops: true})
				testkit.Eventually(t, "some events", func() bool { n, _ := s.Delivered(); return n > 50 })
			})
		})
	})
}

// Nothing begins after Close.
func TestNothingBeginsAfterClose(t *testing.T) {
	url := secure(t, func(w http.ResponseWriter, r *http.Request) { streaming(w, r)("") })
	s, err := NewSwarm(t.Context(), SwarmConfig{Request: Request{URL: url, TLS: anyServer}})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	s.Open(t.Context(), 3, 0, Client{})
	if open, connecting := s.Now(); open+connecting != 0 {
		t.Error(fmt.Sprint(open, " open and ", connecting, " connecting after Close"))
	}
}
