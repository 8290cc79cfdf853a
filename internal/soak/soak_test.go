package soak

import (
	"net"
	"slices"
	"testing"
	"time"
)

// answers is a server that answers one request with some bytes, and closes the connection.
func answers(t *testing.T, answer string) *net.TCPConn {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		if c, err := ln.Accept(); err == nil {
			_, _ = c.Read(make([]byte, 1024))
			_, _ = c.Write([]byte(answer))
			_ = c.Close()
		}
	}()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

func TestReadTakesWholeBlocks(t *testing.T) {
	conn := answers(t, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"+
		":\nretry: 5\n\nid: e-1\n\nid: e-2\ndata: a\ndata: b\n\n:\n\nevent: gap\nid: e-3\ndata: {\"reason\":\"epoch\"}\n\nid: e-4\ndata: unfinished\n")
	line, err := Open(conn, []byte("GET / HTTP/1.1\r\n\r\n"), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	var got []Receipt
	end, err := line.Read(Manners{}, 10*time.Second, time.Sleep, func(r Receipt) bool {
		got = append(got, r)
		return true
	})
	if end != "clean" || err != nil || len(got) != 3 || LastID(got, "e-0") != "e-3" {
		t.Fatalf("it ended %s, %v, after %v", end, err, got)
	}
	if got[0].Kind != Position || got[1].Sum != Sum([]byte("a\nb")) || got[1].Size != 3 || got[2].Reason != "epoch" {
		t.Errorf("got %v", got)
	}
}

func TestOpenReturnsAnErrorForWhatIsNoStream(t *testing.T) {
	conn := answers(t, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/event-stream\r\n\r\n")
	if line, err := Open(conn, []byte("GET / HTTP/1.1\r\n\r\n"), 10*time.Second); err == nil {
		t.Errorf("a stream: %v", line)
	}
}

func TestMatches(t *testing.T) {
	all := []string{"a", "a/b", "a/b/c", "ab"}
	for pattern, want := range map[string][]string{"a": {"a"}, "a/*": {"a/b", "a/b/c"}, "a/b": {"a/b"}} {
		got := slices.DeleteFunc(slices.Clone(all), func(topic string) bool { return !Matches(pattern, topic) })
		if !slices.Equal(got, want) {
			t.Errorf("%s matches %v, want %v", pattern, got, want)
		}
	}
}
