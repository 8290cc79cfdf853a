package server_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// BenchmarkDisconnect is the time from a client's close to OnClose. An operation
// is also the stream's opening, so there is no ns/op, but the median and the 99th
// percentile of the ends.
//
// What would make it lie: a stream that has no slot yet, whose leaving its shard
// notices when it looks by itself, up to 4 ms later; the greatest of all instead
// of a percentile, which grows with the number of runs; a hub without other
// streams (a few stay throughout). The client's own close(2) is in it, and the
// waking of two threads that were idle: under load there is less to wake, and
// more to wait for.
func BenchmarkDisconnect(b *testing.B) {
	b.Run("parked", func(b *testing.B) { benchmarkDisconnect(b, server.Config{}) })
	b.Run("streamed", func(b *testing.B) { benchmarkDisconnect(b, server.Config{Delivery: server.DeliverByGoroutine}) })
}

func benchmarkDisconnect(b *testing.B, c server.Config) {
	ln, err := server.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	closed := make(chan time.Time, 1)
	hub := serve(b, ln, c, server.SubscribeOptions{
		OnClose: func(s server.Subscriber, _ server.Reason) {
			if s.Topics[0] == "a" { // those of b end with the benchmark, and Close waits for their hooks
				closed <- time.Now()
			}
		},
	})
	dial := func() (net.Conn, error) { return net.Dial("tcp", ln.Addr().String()) }
	stay(b, hub, "b", dial)
	var took []time.Duration
	for b.Loop() {
		conn := openHeld(b, hub, dial)
		left := time.Now()
		conn.Close()
		took = append(took, (<-closed).Sub(left))
	}
	slices.Sort(took)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(took[len(took)/2]), "p50-ns")
	b.ReportMetric(float64(took[len(took)*99/100]), "p99-ns")
}

// serve serves a hub's streams on ln until the benchmark ends.
func serve(b *testing.B, ln net.Listener, c server.Config, o server.SubscribeOptions) *server.Hub {
	b.Helper()
	hub, err := server.New(c)
	if err != nil {
		b.Fatal(err)
	}
	srv := &fasthttp.Server{Handler: server.SubscribeHandler(hub, o)}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	b.Cleanup(func() {
		hub.Close(context.Background())
		ln.Close()
		<-served
	})
	return hub
}

// stay opens streams of topic that stay until the hub closes, one a shard: one
// that has none is not running.
func stay(b *testing.B, hub *server.Hub, topic string, dial func() (net.Conn, error)) {
	b.Helper()
	for range runtime.GOMAXPROCS(0) {
		conn, err := dial()
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { conn.Close() })
		if _, err := io.WriteString(conn, requestFor(topic)); err != nil {
			b.Fatal(err)
		}
		go func() { _, _ = io.Copy(io.Discard, conn) }()
	}
	testkit.Eventually(b, "the streams that stay are open", func() bool { return hub.Subscribers(topic) == runtime.GOMAXPROCS(0) })
}

func requestFor(topic string) string { return "GET /?topic=" + topic + " HTTP/1.1\r\nHost: x\r\n\r\n" }

// openHeld opens a stream, and has it delivered an event, which only one with a slot
// one gets.
func openHeld(b *testing.B, hub *server.Hub, dial func() (net.Conn, error)) net.Conn {
	b.Helper()
	conn, err := dial()
	if err != nil {
		b.Fatal(err)
	}
	if _, err := io.WriteString(conn, requestFor("a")); err != nil {
		b.Fatal(err)
	}
	r := bufio.NewReader(conn)
	for published := false; ; {
		line, err := r.ReadString('\n')
		switch {
		case err != nil:
			b.Fatal(err)
		case strings.HasPrefix(line, "data: it is held"):
			return conn
		case strings.HasPrefix(line, "id: ") && !published: // the opening's last line
			published = true
			if _, err := hub.Publish("a", streamwriter.Event{Data: []byte("it is held")}); err != nil {
				b.Fatal(err)
			}
		}
	}
}
