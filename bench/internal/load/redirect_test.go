package load

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

// Streams go where they are sent, and come back there, as in Chromium. What is for one
// origin is not told another.
func TestRedirectionsAreFollowed(t *testing.T) {
	eachCarrier(t, func(t *testing.T, r Request) {
		seen := make(chan string, 20)
		note := func(r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			seen <- fmt.Sprintf("%s %s %t %t %q %s", r.Method, r.URL, r.Header.Get("Authorization") != "", r.Header.Get("Cookie") != "", body, r.Header.Get("Last-Event-ID"))
		}
		last := serveAt(t, "127.0.0.2:0", func(c *net.TCPConn, r *http.Request, visit int) {
			note(r)
			fmt.Fprint(c, head+"retry: 30\n\n"+event(uint64(visit)))
			if visit > 1 {
				_ = hold(c)
			}
		})
		hops := []string{"301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"}
		r.URL = serve(t, func(c *net.TCPConn, r *http.Request, visit int) {
			note(r)
			to := fmt.Sprintf("/hop%d", visit)
			if visit == len(hops) {
				to = last
			}
			fmt.Fprintf(c, "HTTP/1.1 %s\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", hops[visit-1], to)
		})
		r.Header = http.Header{"Authorization": {"Bearer x"}, "Cookie": {"a=b"}}
		s := swarm(t, r)
		s.Open(t.Context(), 1, 0, Client{Returns: true})
		testkit.Eventually(t, "both events", func() bool { n, _ := s.Delivered(); return n == 2 })
		want := []string{`GET /events true true "" `, `GET /hop1 true true "" `, `GET /hop2 true true "" `, `GET /hop3 true true "" `, `GET /hop4 true true "" `,
			`GET /events false false "" `, `GET /events false false "" 1`}
		for i, w := range want {
			if got := <-seen; got != w {
				t.Errorf("request %d: %s, want %s", i+1, got, w)
			}
		}
		if got := total(s); got.Opened != 1 || got.Refused+got.Failed != 0 || got.Reconnected != 1 || s.Err() == nil {
			t.Errorf("%+v, the end was %v", got, s.Err())
		}
	})
}

func TestRedirectionsOfPosts(t *testing.T) {
	eachCarrier(t, func(t *testing.T, r Request) {
		for status, want := range map[int]string{301: "GET", 302: "GET", 303: "GET", 307: "POST body", 308: "POST body"} {
			seen := make(chan string, 2)
			r.URL = serve(t, func(c *net.TCPConn, r *http.Request, visit int) {
				if visit == 1 {
					fmt.Fprintf(c, "HTTP/1.1 %d Elsewhere\r\nLocation: ?b\r\nContent-Length: 0\r\n\r\n", status)
					return
				}
				body, _ := io.ReadAll(r.Body)
				seen <- strings.TrimSpace(r.Method + " " + string(body))
				fmt.Fprint(c, head)
				_ = hold(c)
			})
			r.Method, r.Body = "POST", "body"
			opened(t, r, 1, Client{})
			if got := <-seen; got != want {
				t.Errorf("after %d: %s, want %s", status, got, want)
			}
		}
	})
}

func TestRedirectionsThatEndNowhere(t *testing.T) {
	eachCarrier(t, func(t *testing.T, r Request) {
		for to, says := range map[string]string{
			"/again":                   "redirected more than 20 times, last to http://",
			"mailto:x@y.test":          `redirected to "mailto:x@y.test", which is no URL of a server`,
			"/gone":                    `/gone (redirected from http://127.0.0.1:`,
			"http://no.such.invalid./": `find the address of "no.such.invalid."`,
		} {
			var visits atomic.Int32
			r.URL = serve(t, func(c *net.TCPConn, r *http.Request, _ int) {
				visits.Add(1)
				if r.URL.Path == "/gone" {
					fmt.Fprint(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 15\r\n\r\nno such stream\n")
					return
				}
				fmt.Fprintf(c, "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", to)
			})
			s := swarm(t, r)
			s.Open(t.Context(), 1, 0, Client{})
			err := s.AwaitOpen(t.Context(), 10*time.Second)
			if err == nil || !strings.Contains(err.Error(), says) || visits.Load() > 21 {
				t.Errorf("to %s: %d visits, the error is %v, want %q", to, visits.Load(), err, says)
			}
			if to == "/gone" && !strings.Contains(err.Error(), `the answer is "404 Not Found": no such stream`) {
				t.Errorf("to %s: the error is %v, and does not say what was answered", to, err)
			}
		}
	})
}

// Streams that are read without net/http say where to read them with it.
func TestRedirectionsToHTTPS(t *testing.T) {
	url := serve(t, func(c *net.TCPConn, _ *http.Request, _ int) {
		fmt.Fprint(c, "HTTP/1.1 301 Moved Permanently\r\nLocation: https://127.0.0.1/x\r\nContent-Length: 0\r\n\r\n")
	})
	s := swarm(t, Request{URL: url})
	s.Open(t.Context(), 1, 0, Client{})
	err := s.AwaitOpen(t.Context(), 10*time.Second)
	if s.raw && (err == nil || !strings.Contains(err.Error(), "redirected to https://127.0.0.1/x") || !strings.Contains(err.Error(), "give that URL")) {
		t.Errorf("the error is %v", err)
	}
}
