package soak

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"net/textproto"
	"strings"
	"time"
)

// Line is an open stream on the client's side. It is for one goroutine.
type Line struct {
	conn  *net.TCPConn
	lines *bufio.Reader
}

// Open sends a request on conn and reads the head of the answer, within a time. An error
// says that there is no stream, and conn is closed.
func Open(conn *net.TCPConn, request []byte, within time.Duration) (*Line, error) {
	l := &Line{conn: conn}
	err := l.open(request, within)
	if err != nil {
		l.Leave("fin")
		return nil, err
	}
	return l, nil
}

func (l *Line) open(request []byte, within time.Duration) error {
	if err := l.conn.SetDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	if _, err := l.conn.Write(request); err != nil {
		return fmt.Errorf("write request: %w", err)
	}
	wire := bufio.NewReader(l.conn)
	tp := textproto.NewReader(wire)
	status, err := tp.ReadLine()
	if err != nil {
		return fmt.Errorf("read status line: %w", err)
	}
	head, err := tp.ReadMIMEHeader()
	if err != nil {
		return fmt.Errorf("read head: %w", err)
	}
	if !strings.Contains(status, " 200 ") || head.Get("Content-Type") != "text/event-stream" {
		return fmt.Errorf("no stream: %s %v", status, head)
	}
	body := io.Reader(wire)
	if head.Get("Transfer-Encoding") == "chunked" {
		body = httputil.NewChunkedReader(wire)
	}
	l.lines = bufio.NewReader(body)
	return nil
}

// Block reads the next block that says something. An unfinished one is dropped,
// and its id with it. It reads what hubs write by itself: whether a block has an id of its own is
// what a ledger has to know, and a fastsse.Decoder has the last one.
func (l *Line) Block() (Receipt, error) {
	var r Receipt
	var typ string
	var data []byte
	hasData := false
	for {
		b, err := l.lines.ReadBytes('\n')
		if err != nil {
			return r, err
		}
		b = b[:len(b)-1]
		name, value, _ := bytes.Cut(b, []byte(": "))
		switch string(name) {
		case "id":
			r.ID = string(value)
		case "event":
			typ = string(value)
		case "data":
			if hasData {
				data = append(data, '\n')
			}
			data, hasData = append(data, value...), true
		}
		if len(b) > 0 || (!hasData && r.ID == "") {
			continue
		}
		if hasData {
			return r.filled(typ, data)
		}
		r.Kind = Position
		return r, nil
	}
}

// Leave ends the connection from the client's side: by "fin", "rst", or "half", which closes
// only the client's half at first.
func (l *Line) Leave(exit string) {
	switch exit {
	case "half":
		_ = l.conn.CloseWrite()
		_ = l.conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		_, _ = io.Copy(io.Discard, l.conn)
	case "rst":
		_ = l.conn.SetLinger(0)
	}
	_ = l.conn.Close()
}
