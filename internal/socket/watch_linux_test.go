package socket

import (
	"crypto/tls"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

// watch returns a channel that is closed when c's peer has left.
func watch(t testing.TB, c net.Conn) (left chan struct{}, stop func()) {
	t.Helper()
	left = make(chan struct{})
	stop, ok := Watch(c, func() { close(left) }) // a second call would panic
	if !ok {
		t.Fatal("cannot watch")
	}
	return left, stop
}

func await(t testing.TB, left <-chan struct{}) {
	t.Helper()
	select {
	case <-left:
	case <-time.After(5 * time.Second):
		t.Fatal("not told that the peer left")
	}
}

func TestWatchHearsThePeerLeave(t *testing.T) {
	tests := []struct {
		name  string
		leave func(c *net.TCPConn)
	}{
		{"FIN", func(c *net.TCPConn) { c.Close() }},
		{"RST", func(c *net.TCPConn) { c.SetLinger(0); c.Close() }},
		{"half-close", func(c *net.TCPConn) { c.CloseWrite() }},
		{"FIN behind unread input", func(c *net.TCPConn) { c.Write([]byte("GET")); c.Close() }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server, client := pair(t)
			left, stop := watch(t, server)
			defer stop()
			tt.leave(client)
			await(t, left)
		})
		t.Run(tt.name+" before the watch", func(t *testing.T) {
			server, client := pair(t)
			tt.leave(client)
			left, stop := watch(t, server)
			defer stop()
			await(t, left)
		})
		t.Run(tt.name+" under wrappers", func(t *testing.T) {
			server, client := pair(t)
			left, stop := watch(t, &embeds{tls.Server(server, &tls.Config{})})
			defer stop()
			tt.leave(client)
			await(t, left)
		})
	}
}

func TestWatchIsDeafToInput(t *testing.T) {
	server, client := pair(t)
	left, stop := watch(t, server)
	defer stop()
	client.Write([]byte("GET / HTTP/1.1\r\n"))
	other, otherClient := pair(t) // heard after the input would have been
	otherLeft, stopOther := watch(t, other)
	defer stopOther()
	otherClient.Close()
	await(t, otherLeft)
	select {
	case <-left:
		t.Error("input was taken for leaving")
	default:
	}
}

func TestStopPreventsTheCall(t *testing.T) {
	var stopped atomic.Bool
	for range 200 {
		server, client := pair(t)
		stopped.Store(false)
		stop, ok := Watch(server, func() {
			if stopped.Load() {
				t.Error("called after stop had returned")
			}
		})
		if !ok {
			t.Fatal("cannot watch")
		}
		go client.Close() // at the same time
		stop()
		stopped.Store(true)
		stop() // harmless
	}
	testkit.Eventually(t, "the watch ends", idle)
}

// The kernel watches open files, callers know numbers: a number that is used
// again must bring no news of the connection before.
func TestWatchSurvivesDescriptorReuse(t *testing.T) {
	keeper, _ := pair(t) // keeps the epoll set alive throughout
	_, stopKeeper := watch(t, keeper)
	defer stopKeeper()
	for range 50 {
		server, client := pair(t)
		left, stop := watch(t, server)
		server.Close() // too early: stop comes after it
		next, nextClient := pair(t)
		nextLeft, stopNext := watch(t, next)
		stop()
		client.Close()
		nextClient.Close()
		await(t, nextLeft)
		select {
		case <-left:
			t.Fatal("news after close")
		default:
		}
		stopNext()
	}
}

// One connection, several requests: each is watched on its own.
func TestWatchAgainAfterStop(t *testing.T) {
	server, client := pair(t)
	for range 10 {
		left, stop := watch(t, server)
		stop()
		select {
		case <-left:
			t.Fatal("told of a peer that is there")
		default:
		}
	}
	first, stopFirst := watch(t, server)
	stopFirst()
	second, stop := watch(t, server)
	defer stop()
	stopFirst() // must not end the second
	client.Close()
	await(t, second)
	select {
	case <-first:
		t.Error("the first was told after its stop")
	default:
	}
}

func TestWatchSaysNoWhereThereIsNoSocket(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if _, ok := Watch(a, func() {}); ok {
		t.Error("a pipe is watched")
	}
	server, _ := pair(t)
	server.Close()
	if _, ok := Watch(server, func() {}); ok {
		t.Error("a closed socket is watched")
	}
	testkit.Eventually(t, "the watch ends", idle)
}

func TestTheGoroutineEndsWithTheLastWatch(t *testing.T) {
	testkit.Eventually(t, "the watches of other tests end", idle)
	first, _ := pair(t)
	_, stopFirst := watch(t, first)
	second, _ := pair(t)
	_, stopSecond := watch(t, second)
	testkit.Eventually(t, "the goroutine starts", func() bool { return !idle() })
	stopFirst()
	if watching.poller == nil {
		t.Error("ended while somebody is watched")
	}
	stopSecond()
	for range 20 { // the end of one overlaps the beginning of another
		_, stop := watch(t, first)
		stop()
	}
	testkit.Eventually(t, "the goroutine ends", idle)
}

// idle reports whether the process's watcher has no goroutine.
func idle() bool {
	buf := make([]byte, 1<<20)
	return !strings.Contains(string(buf[:runtime.Stack(buf, true)]), "(*watcher).run")
}
