package check

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
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
	r := look(t, Config{URL: with, PublishURL: with, TLS: &tls.Config{InsecureSkipVerify: true}, For: 300 * time.Millisecond})
	expect(t, r, "protocol/http-2", OK, "head came after", "8 streams")
	expect(t, r, "delivery/delivery", OK)
	expect(t, r, "resume/resume", OK)
	without := serveTLS(t, false)
	r = look(t, Config{URL: without, TLS: &tls.Config{InsecureSkipVerify: true}, For: 300 * time.Millisecond})
	expect(t, r, "protocol/http-2", Warn, "6 connections")
}

// A port that speaks TLS closes the connection, sends an alert, or answers 400.
func TestPlainTextToTLSIsNamed(t *testing.T) {
	t.Parallel()
	url := "http" + strings.TrimPrefix(serveTLS(t, true), "https")
	expect(t, look(t, Config{URL: url}), "answer/status", Fail, "speaks TLS", "https")
	closing := serveWay(t, url, func(to io.Writer, from io.Reader) {
		first := make([]byte, 1)
		if n, _ := from.Read(first); n == 1 && first[0] == 'H' { // HTTP/1.0 400
			return
		}
		_, _ = to.Write(first)
		_, _ = io.Copy(to, from)
	})
	r := look(t, Config{URL: closing, Direct: serveHub(t) + "/events?topic=a"})
	expect(t, r, "answer/status", Fail, "speaks TLS", "https")
	expect(t, r, "between/opening", Skipped) // nothing was held back
}
