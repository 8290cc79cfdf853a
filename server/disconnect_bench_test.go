package server_test

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// BenchmarkDisconnect is the time from a client's close to OnClose, for a stream
// that is seated. What would make it lie: a stream that is not seated yet, whose
// leaving its shard notices when it looks by itself, up to 4 ms later.
func BenchmarkDisconnect(b *testing.B) {
	for name, c := range map[string]server.Config{"parked": {}, "streamed": {Streamed: true}} {
		b.Run(name, func(b *testing.B) { benchmarkDisconnect(b, c) })
	}
}

func benchmarkDisconnect(b *testing.B, c server.Config) {
	hub, err := server.New(c)
	if err != nil {
		b.Fatal(err)
	}
	closed := make(chan time.Time, 1)
	srv := &fasthttp.Server{Handler: server.SubscribeHandler(hub, server.SubscribeOptions{
		OnClose: func(server.Subscriber, server.Reason) { closed <- time.Now() },
	})}
	ln, err := server.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	var took, most time.Duration
	n := 0
	for b.Loop() {
		conn := openSeated(b, hub, ln.Addr().String())
		left := time.Now()
		conn.Close()
		d := (<-closed).Sub(left)
		took, most = took+d, max(most, d)
		n++
	}
	b.ReportMetric(float64(took.Microseconds())/float64(n), "µs/disconnect")
	b.ReportMetric(float64(most.Microseconds()), "µs/worst")
	hub.Close()
	ln.Close()
	<-served
}

// openSeated opens a stream, and has it delivered an event, which only a seated
// one gets.
func openSeated(b *testing.B, hub *server.Hub, addr string) net.Conn {
	b.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := conn.Write([]byte("GET /?topic=a HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		b.Fatal(err)
	}
	r := bufio.NewReader(conn)
	for want, published := "id: ", false; ; {
		line, err := r.ReadString('\n')
		switch {
		case err != nil:
			b.Fatal(err)
		case strings.HasPrefix(line, "data: seated"):
			return conn
		case strings.HasPrefix(line, want) && !published:
			published = true
			if _, err := hub.Publish("a", streamwriter.Event{Data: []byte("seated")}); err != nil {
				b.Fatal(err)
			}
		}
	}
}
