package check

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func serveTLS(t *testing.T, http2 bool) string {
	t.Helper()
	k := &keeper{changed: make(chan struct{}), resume: right}
	srv := httptest.NewUnstartedServer(http.Handler(k))
	srv.EnableHTTP2 = http2
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestHTTP2(t *testing.T) {
	t.Parallel()
	with := serveTLS(t, true)
	r := look(t, Config{URL: with, PublishURL: with, Insecure: true, For: 300 * time.Millisecond})
	expect(t, r, "protocol/http-2", OK, "head came after")
	expect(t, r, "delivery/delivery", OK)
	expect(t, r, "resume/resume", OK)
	without := serveTLS(t, false)
	r = look(t, Config{URL: without, Insecure: true, For: 300 * time.Millisecond})
	expect(t, r, "protocol/http-2", Warn, "6 connections")
}
