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

// read returns what a client gets of an answer that ends cleanly.
func read(t *testing.T, atLines bool, body string) []Receipt {
	t.Helper()
	conn := answers(t, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"+body)
	line, err := Open(conn, []byte("GET / HTTP/1.1\r\n\r\n"), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	line.AtLines = atLines
	var got []Receipt
	end, err := line.Read(Manners{}, 10*time.Second, time.Sleep, func(r Receipt) bool {
		got = append(got, r)
		return true
	})
	if end != "clean" || err != nil {
		t.Fatalf("it ended %s, %v, after %v", end, err, got)
	}
	return got
}

func TestReadTakesWholeBlocks(t *testing.T) {
	got := read(t, false, ":\nretry: 5\n\nid: e-1\n\nid: e-2\ndata: a\ndata: b\n\n:\n\nevent: gap\nid: e-3\ndata: {\"reason\":\"epoch\"}\n\nid: e-4\ndata: unfinished\n")
	if len(got) != 3 || LastID(got, "e-0") != "e-3" {
		t.Fatalf("got %v", got)
	}
	if got[0].Kind != Position || got[1].Sum != Sum([]byte("a\nb")) || got[1].Size != 3 || got[2].Reason != "epoch" {
		t.Errorf("got %v", got)
	}
}

func TestReadTakesAGapThatACommentTells(t *testing.T) {
	got := read(t, false, ": .\n: gap slow\nid: e-1\n\n: .\ndata: a\nid: e-2\n\n")
	if len(got) != 2 || got[0].Kind != Gap || got[0].Reason != "slow" || got[0].ID != "e-1" || got[1].Kind != Event {
		t.Errorf("got %v", got)
	}
}

// What is no EventSource gets no blank line behind a position, and takes it all the same.
func TestReadTakesPositionsAtTheirLines(t *testing.T) {
	got := read(t, true, ": .\nid: e-1\n\nretry: 5\nid: e-2\n: .\n: gap slow\nid: e-3\ndata: a\nid: e-4\n\nid: e-5\nretry: 6\n")
	kinds := []Kind{Position, Position, Gap, Event, Position}
	if !slices.EqualFunc(got, kinds, func(r Receipt, k Kind) bool { return r.Kind == k }) || LastID(got, "e-0") != "e-5" {
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
