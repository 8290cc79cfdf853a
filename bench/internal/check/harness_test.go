package check

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/server"
	"github.com/valyala/fasthttp"
)

// look runs the checks.
func look(t *testing.T, c Config) *Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if c.For == 0 {
		c.For = 500 * time.Millisecond
	}
	r, err := Run(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() || testing.Verbose() {
			_ = r.Print(t.Output())
		}
	})
	return r
}

// finding returns a finding by its section and name.
func finding(r *Report, section, name string) (Finding, bool) {
	i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Section == section && f.Name == name })
	if i < 0 {
		return Finding{}, false
	}
	return r.Findings[i], true
}

// expect expects a verdict of the check "section/name", and these words in its finding.
func expect(t *testing.T, r *Report, name string, v Verdict, says ...string) {
	t.Helper()
	section, check, _ := strings.Cut(name, "/")
	f, ok := finding(r, section, check)
	if !ok {
		t.Errorf("there is no check %s", name)
		return
	}
	if f.Verdict != v {
		t.Errorf("%s: %s, want %s: %s", name, f.Verdict, v, f.Found)
	}
	for _, part := range says {
		if !strings.Contains(f.Found+" "+f.Remedy, part) {
			t.Errorf("%s: nothing of %q in %q, %q", name, part, f.Found, f.Remedy)
		}
	}
	if (f.Verdict == Warn || f.Verdict == Fail) && f.Remedy == "" {
		t.Errorf("%s has no remedy: %s", name, f.Found)
	}
}

// expectAll expects that every check is OK, except those that are named.
func expectAll(t *testing.T, r *Report, but map[string]Verdict) {
	t.Helper()
	for _, f := range r.Findings {
		want, named := but[f.Section+"/"+f.Name]
		if !named {
			want = OK
		}
		expect(t, r, f.Section+"/"+f.Name, want)
	}
}

// serveHub serves a hub as bench serve does, with another CORS setting if one is
// given, and returns its address.
func serveHub(t *testing.T, cors ...string) string {
	t.Helper()
	hub, err := server.New(server.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := server.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := router.New()
	server.Mount(r, hub, server.MountOptions{
		Subscribe: server.SubscribeOptions{CORS: server.CORS{Origins: cors}},
		Publish:   server.PublishOptions{AllowAnyone: true},
	})
	srv := &fasthttp.Server{Handler: r.Handler, Name: "fastsse", NoDefaultServerHeader: true}
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() {
		_ = ln.Close()
		_ = hub.Close(context.Background())
	})
	return "http://" + ln.Addr().String()
}

// serveWire calls answer with each connection that has sent a request, and
// closes it when answer returns.
func serveWire(t *testing.T, answer func(c net.Conn, r *http.Request)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	t.Cleanup(func() {
		_ = ln.Close()
		conns.Wait()
	})
	conns.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer func() { _ = c.Close() }()
				if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
					answer(c, r)
				}
			})
		}
	})
	return "http://" + ln.Addr().String() + "/events"
}

// hold waits until the client leaves.
func hold(c net.Conn) {
	_, _ = c.Read(make([]byte, 1))
}

// write writes s, even if the client has left.
func write(c net.Conn, s string) { _, _ = c.Write([]byte(s)) }
