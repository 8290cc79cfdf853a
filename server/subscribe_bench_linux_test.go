package server_test

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp/fasthttputil"
	"golang.org/x/sys/unix"
)

// BenchmarkSubscribe is a stream from its client's connect to the end of its
// slot: request, answer, opening, slot; the client resets the connection, and the
// stream is taken leave of. In memory nobody hears of that but by a write, so an
// event is published for every thousand that have left.
//
// What would make it lie:
//   - a hub without other streams: each one would start its shard and stop it
//     again, an epoll set and a page of slots each time (a few stay throughout);
//   - a client with blocking system calls: each would keep a processor from the
//     server until Go's monitor takes it away, which doubled ns/op of "streamed".
//     So it is Go's own, and its share is in B/op and allocs/op (700 B and 20);
//   - waiting for each end: a shard that streams come to dozes, up to 4 ms;
//   - ends that leave ports in TIME_WAIT: each connect would be dearer than the
//     last;
//   - one client, who waits for its answer: each stream wakes everybody.
//     Thousands at once are cheaper; bench has a bar for those.
//
// Client and server share the processors: cpu-ns/op is the work of both.
func BenchmarkSubscribe(b *testing.B) {
	b.Run("parked", func(b *testing.B) { benchmarkSubscribeTCP(b, server.Config{}) })
	b.Run("streamed", func(b *testing.B) { benchmarkSubscribeTCP(b, server.Config{Delivery: server.DeliverByGoroutine}) })
	b.Run("memory", benchmarkSubscribeMemory)
}

func benchmarkSubscribeTCP(b *testing.B, c server.Config) {
	ln, err := server.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	hub := serve(b, ln, c, server.SubscribeOptions{})
	dial := func() (net.Conn, error) {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			return nil, err
		}
		return c, c.(*net.TCPConn).SetLinger(0) // closing resets
	}
	stay(b, hub, "a", dial)
	benchmarkSubscribe(b, hub, dial, func() {})
}

func benchmarkSubscribeMemory(b *testing.B) {
	ln := fasthttputil.NewInmemoryListener()
	hub := serve(b, ln, server.Config{}, server.SubscribeOptions{})
	stay(b, hub, "a", ln.Dial)
	benchmarkSubscribe(b, hub, ln.Dial, func() {
		if _, err := hub.Publish("a", streamwriter.Event{Data: []byte("who is there?")}); err != nil {
			b.Fatal(err)
		}
	})
}

// benchmarkSubscribe opens streams and leaves them. notice makes the hub look who
// has left.
func benchmarkSubscribe(b *testing.B, hub *server.Hub, dial func() (net.Conn, error), notice func()) {
	const most = 1000 // that have left, and still have a slot
	stayers, opened := hub.Subscribers("a"), hub.Stats().Opened
	buf := make([]byte, 4096)
	settle := func() {
		notice()
		for hub.Subscribers("a") > stayers {
			time.Sleep(50 * time.Microsecond)
		}
	}
	b.ReportAllocs()
	before := cpuTime(b)
	for b.Loop() {
		visit(b, dial, buf)
		if hub.Subscribers("a") > most {
			settle()
		}
	}
	settle()
	b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
	if got, want := hub.Stats().Opened-opened, int64(b.N); got != want {
		b.Fatalf("%d streams were opened, want %d", got, want)
	}
}

// opening is the last line that a stream opens with, and the end of its chunk.
var opening = []byte("retry: 3000\n\r\n")

// visit opens a stream, reads its opening, and leaves.
func visit(b *testing.B, dial func() (net.Conn, error), buf []byte) {
	c, err := dial()
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, requestFor("a")); err != nil {
		b.Fatal(err)
	}
	for n := 0; !bytes.HasSuffix(buf[:n], opening); {
		m, err := c.Read(buf[n:])
		if err != nil || m == 0 {
			b.Fatalf("read the opening after %q: %v", buf[:n], err)
		}
		n += m
	}
}

// cpuTime is what the process has used so far.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
