package testkit

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"syscall"
	"testing"
)

// FreeAddress is an address of this machine, as host:port, where nobody listens: for a server
// that is started there by a test, and may be down for a while. The kernel gives out other
// ports, so nobody has this one meanwhile. It is found without listening there: a program
// that another test starts at that moment would inherit the listener for a while.
func FreeAddress(t testing.TB) string {
	t.Helper()
	for range 100 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(10000+rand.IntN(20000)))
		c, err := net.Dial("tcp", address)
		if errors.Is(err, syscall.ECONNREFUSED) {
			return address
		}
		if err == nil {
			_ = c.Close()
		}
	}
	t.Fatal("no free port found between 10000 and 30000 in 100 tries")
	return ""
}
