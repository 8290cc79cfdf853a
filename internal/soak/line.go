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
	// AtLines takes a position when its line is read, as clients do that are no EventSource: no
	// blank line comes behind it. Without AtLines a position is a block.
	AtLines bool

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
	var b block
	for {
		line, err := l.lines.ReadBytes('\n')
		if err != nil {
			return b.Receipt, err
		}
		if b.add(line[:len(line)-1], l.AtLines) {
			return b.receipt()
		}
	}
}

// block is what was read of a block.
type block struct {
	Receipt
	typ     string
	data    []byte
	hasData bool
}

// add adds a line, and reports whether the block is whole.
func (b *block) add(line []byte, atLines bool) (whole bool) {
	name, value, _ := bytes.Cut(line, []byte(": "))
	switch string(name) {
	case "":
		if reason, told := bytes.CutPrefix(value, []byte("gap ")); told {
			b.Reason = string(reason)
		}
	case "id":
		b.ID = string(value)
		if atLines && !b.hasData {
			return true
		}
	case "event":
		b.typ = string(value)
	case "data":
		if b.hasData {
			b.data = append(b.data, '\n')
		}
		b.data, b.hasData = append(b.data, value...), true
	}
	return len(line) == 0 && (b.hasData || b.ID != "")
}

// receipt is the receipt of a whole block.
func (b *block) receipt() (Receipt, error) {
	switch {
	case b.hasData && b.Reason != "":
		return b.Receipt, fmt.Errorf("no id between the comment of a gap, %s, and an event", b.Reason)
	case b.hasData:
		return b.filled(b.typ, b.data)
	case b.Reason != "":
		b.Kind = Gap
	default:
		b.Kind = Position
	}
	return b.Receipt, nil
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
