package redis

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Options.URL names a server of HTTP, of NATS, or of mail.
func TestServersThatAreNotRedisAreToldApart(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	for name, address := range map[string]string{
		"HTTP": strings.TrimPrefix(web.URL, "http://"),
		"NATS": greeting(t, `INFO {"server_id":"x","version":"2.12.0","max_payload":1048576} `+"\r\n"),
		"mail": greeting(t, "220 mail.example ESMTP\r\n"),
	} {
		_, err := Open(t.Context(), Options{URL: "redis://" + address, Feed: "scores"})
		if err == nil || !strings.Contains(err.Error(), "does not speak Redis's protocol") || !strings.Contains(err.Error(), address) {
			t.Errorf("%s: %v; want that it is not Redis", name, err)
		}
	}
}

// greeting is the address of a server that says something to who connects.
func greeting(t *testing.T, text string) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.WriteString(c, text)
				_, _ = io.Copy(io.Discard, c) // until the client has closed
			}()
		}
	}()
	return ln.Addr().String()
}
