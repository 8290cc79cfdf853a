package streamwriter

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/valyala/fasthttp"
)

// sluggish is a connection whose writes wait although its socket has room: one
// that limits a rate, say.
type sluggish struct {
	net.Conn
	wait <-chan struct{}
}

func (s *sluggish) Write(p []byte) (int, error) {
	if string(p) == "4\r\n: .\n\r\n" || strings.HasSuffix(string(p), "\r\n4\r\n: .\n\r\n") { // a heartbeat
		<-s.wait
	}
	return s.Conn.Write(p)
}

// sluggishListener wraps every connection but the first.
type sluggishListener struct {
	net.Listener
	wait     <-chan struct{}
	accepted int
}

func (l *sluggishListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if l.accepted++; err != nil || l.accepted == 1 {
		return c, err
	}
	return &sluggish{Conn: c, wait: l.wait}, nil
}

func TestAConnectionWhoseWriteWaitsDelaysNobodysHeartbeat(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	wait := make(chan struct{})
	srv := &fasthttp.Server{Logger: &testkit.Log{}, Handler: handler(Options{Heartbeat: 20 * time.Millisecond}, untilDone)}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(&sluggishListener{Listener: ln, wait: wait}) }()
	s := &testServer{Server: srv, addr: ln.Addr().String(), t: t}
	good := s.dial()
	_, resp := good.get()
	bad := s.dial()
	bad.get()
	opening := make([]byte, len(": .\nretry: 3000\n"))
	if _, err := io.ReadFull(resp.Body, opening); err != nil {
		t.Fatal(err)
	}
	if err := good.SetReadDeadline(time.Now().Add(testkit.Patience / 2)); err != nil {
		t.Fatal(err)
	}
	comments := make([]byte, 2*20)
	if n, err := io.ReadFull(resp.Body, comments); err != nil {
		t.Errorf("%d heartbeats beside a connection whose write waits, then %v", n/2, err)
	}
	close(wait)
	good.tcp.Close()
	bad.tcp.Close()
	ln.Close()
	testkit.Receive(t, "Serve returns", served)
	awaitNoStreams(t)
}
