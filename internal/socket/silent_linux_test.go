package socket

import (
	"net"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

// A peer that lives is not silent: not while nothing is sent, not while it takes
// what is sent, and not while its window is shut.
func TestALivePeerIsNotSilent(t *testing.T) {
	server, client := pair(t)
	raw, ok := Plain(server)
	if !ok {
		t.Fatal("no descriptor")
	}
	if SilentConn(raw, 0) {
		t.Error("silent, although nothing was sent")
	}
	if _, err := server.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the peer acknowledges", func() bool { return !SilentConn(raw, 0) })
	fill(t, server)
	for until := time.Now().Add(time.Second); time.Now().Before(until); {
		if SilentConn(raw, 800) {
			t.Fatal("silent, although it lives")
		}
		time.Sleep(20 * time.Millisecond) // a look now and then
	}
	client.Close()
	a, _ := net.Pipe()
	if raw, ok := Beneath(a); ok && SilentConn(raw, 0) {
		t.Error("a pipe is silent")
	}
}
