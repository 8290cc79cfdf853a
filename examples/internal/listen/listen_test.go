package listen

import (
	"net"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

func TestPageURL(t *testing.T) {
	at := &net.TCPAddr{IP: net.IPv4zero, Port: 4711}
	for addr, want := range map[string]string{
		":0":             "http://localhost:4711",
		"0.0.0.0:4711":   "http://localhost:4711",
		"[::]:4711":      "http://localhost:4711",
		"127.0.0.1:4711": "http://127.0.0.1:4711",
		"[::1]:4711":     "http://[::1]:4711",
	} {
		if got := pageURL(addr, at); got != want {
			t.Errorf("page of %q is at %s, want %s", addr, got, want)
		}
	}
}

func TestAddrComesFromPORT(t *testing.T) {
	t.Setenv("PORT", "")
	if got := Addr(); got != ":8080" {
		t.Errorf("without PORT: %q, want :8080", got)
	}
	t.Setenv("PORT", "3000")
	if got := Addr(); got != ":3000" {
		t.Errorf("with PORT=3000: %q, want :3000", got)
	}
}

func TestServeSaysWhyItCannotListen(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for _, addr := range []string{ln.Addr().String(), ":nonsense", "8080"} {
		err := Serve(addr, "/", func(*fasthttp.RequestCtx) {})
		if err == nil || !strings.Contains(err.Error(), addr) || !strings.Contains(err.Error(), "-addr :3000") {
			t.Errorf("Serve(%q) = %v, want what was tried and what to do", addr, err)
		}
	}
}
