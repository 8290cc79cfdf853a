package server_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/fastsse/fastsse/server"
)

// Somebody else has taken the reserve, and then one descriptor is free: it is the
// reserve's, not the new stream's, which is told to come back. With it all later ones
// can be told, too.
func TestAFreeDescriptorIsTheReservesFirst(t *testing.T) {
	if os.Getenv(scarceChild) != "" {
		serveWithoutReserve(t)
		return
	}
	addr, _ := startScarce(t)
	for i := range 3 {
		c, opened, head := openRaw(t, addr)
		c.Close()
		if opened || !isRefusal(head) {
			t.Fatalf("client %d was answered %q, want 200 and a retry", i+1, head)
		}
	}
}

// serveWithoutReserve is the child. It has one descriptor to spare, and answers
// who is accepted by ending the connection.
func serveWithoutReserve(t *testing.T) {
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 64, Max: 64}); err != nil {
		t.Fatal(err)
	}
	ln, err := server.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server.SpendReserve(ln)
	var held []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		held = append(held, f)
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	held[0].Close()
	fmt.Printf("listening on %s\n", ln.Addr())
	_, _ = os.Stdin.Read(make([]byte, 1)) // until its end
}

func TestAClosedListenerKeepsNoReserve(t *testing.T) {
	ln, err := server.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if !server.HasReserve(ln) {
		t.Error("a listener without a reserve")
	}
	accepted := make(chan error, 1)
	go func() {
		_, err := ln.Accept()
		accepted <- err
	}()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err = <-accepted:
	case <-time.After(patience):
		t.Fatal("Accept goes on")
	}
	if _, again := ln.Accept(); !errors.Is(err, net.ErrClosed) || !errors.Is(again, net.ErrClosed) {
		t.Errorf("Accept: %v, then %v; want that it is closed", err, again)
	}
	if server.HasReserve(ln) {
		t.Error("it keeps a descriptor")
	}
}
