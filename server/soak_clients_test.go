package server_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http/httputil"
	"net/textproto"
	"os"
	"strings"
	"sync"
	"time"
)

// receiptKind is what a block of a stream was.
type receiptKind uint8

const (
	gotEvent    receiptKind = iota
	gotPosition             // an id without data
	gotGap
	gotHello // what OnOpen sends
)

// receipt is a block that a client has got.
type receipt struct {
	kind   receiptKind
	id     string
	sum    uint64
	size   int
	reason string // of a gap
	at     time.Duration
}

func (r receipt) String() string {
	switch r.kind {
	case gotPosition:
		return fmt.Sprintf("%v position %s", r.at, r.id)
	case gotGap:
		return fmt.Sprintf("%v gap %s, id %s", r.at, r.reason, r.id)
	case gotHello:
		return fmt.Sprintf("%v hello", r.at)
	}
	return fmt.Sprintf("%v event %s, %d bytes", r.at, r.id, r.size)
}

// session is one stream, as its client saw it.
type session struct {
	number uint64 // of its stream in the round
	client int
	path   string
	proto  string
	topics []string
	lastID string
	// foreign is the gap that must come first, because of the id that the client
	// came with.
	foreign string

	floor  uint64        // the hub's position before the request
	asked  time.Duration // when the request went out
	got    []receipt
	end    string // "left", "clean" or "cut"
	ended  time.Duration
	endErr error
}

// position is where the client resumes.
func (v *session) position() string {
	for i := len(v.got) - 1; i >= 0; i-- {
		if id := v.got[i].id; id != "" {
			return id
		}
	}
	return v.lastID
}

// line is an open stream on the client's side.
type line struct {
	conn  *net.TCPConn
	lines *bufio.Reader
}

// call sends v's request and reads the head of the answer.
func (r *soakRound) call(v *session, narrow bool) (*line, error) {
	conn, err := r.harness.dial()
	if err != nil {
		return nil, err
	}
	tcp := conn.(*net.TCPConn)
	if narrow { // that it stalls is noticed sooner
		_ = tcp.SetReadBuffer(4 << 10)
	}
	q := request{path: v.path, proto: v.proto, topics: v.topics, lastID: v.lastID, query: fmt.Sprintf("n=%d", v.number)}
	v.floor, v.asked = r.now(), r.clock()
	l := &line{conn: tcp}
	if err := tcp.SetDeadline(time.Now().Add(patience)); err != nil {
		return l, err
	}
	if _, err := conn.Write(q.bytes()); err != nil {
		return l, fmt.Errorf("write request: %w", err)
	}
	wire := bufio.NewReader(conn)
	tp := textproto.NewReader(wire)
	status, err := tp.ReadLine()
	if err != nil {
		return l, fmt.Errorf("read status line: %w", err)
	}
	head, err := tp.ReadMIMEHeader()
	if err != nil {
		return l, fmt.Errorf("read head: %w", err)
	}
	if !strings.Contains(status, " 200 ") || head.Get("Content-Type") != "text/event-stream" {
		return l, fmt.Errorf("no stream: %s %v", status, head)
	}
	body := io.Reader(wire)
	if head.Get("Transfer-Encoding") == "chunked" {
		body = httputil.NewChunkedReader(wire)
	}
	l.lines = bufio.NewReader(body)
	return l, nil
}

// block reads the next block that says something. An unfinished one is dropped,
// and its id with it.
func (l *line) block() (receipt, error) {
	var r receipt
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
			r.id = string(value)
		case "event":
			typ = string(value)
		case "data":
			if hasData {
				data = append(data, '\n')
			}
			data, hasData = append(data, value...), true
		}
		if len(b) > 0 || (!hasData && r.id == "") {
			continue
		}
		if hasData {
			return r.filled(typ, data)
		}
		r.kind = gotPosition
		return r, nil
	}
}

// filled is the receipt of a block with data.
func (r receipt) filled(typ string, data []byte) (receipt, error) {
	switch typ {
	case "gap":
		r.kind = gotGap
		var gap struct{ Reason string }
		if err := json.Unmarshal(data, &gap); err != nil {
			return r, fmt.Errorf("gap %q: %w", data, err)
		}
		r.reason = gap.Reason
	case "hello":
		r.kind = gotHello
	case "":
		r.sum, r.size = sumOf(data), len(data)
	default:
		return r, fmt.Errorf("event of the type %q, which nobody published", typ)
	}
	return r, nil
}

// someone is a client that comes and goes.
type someone struct {
	client  int
	topics  []string
	lastID  string
	foreign string
}

// someone is a client that comes for the first time: with no id, with one that it
// was given together with its state a while ago, or with one that cannot be.
func (r *soakRound) someone(client int, random *rand.Rand) someone {
	s := someone{client: client, topics: r.plan.subscription(random, r.generation())}
	switch random.IntN(16) {
	case 0:
		s.lastID, s.foreign = "elsewher-7", "epoch"
	case 1:
		s.lastID, s.foreign = "what?", "unknown"
	case 2:
		s.lastID, s.foreign = r.book.id(r.now()+1_000_000), "ahead"
	case 3:
		s.lastID = r.book.id(0)
	case 4, 5, 6, 7:
		s.lastID = r.earlier(random)
	}
	return s
}

// visit opens a stream for s and stays as its manners are. known says that it
// was a stream.
func (r *soakRound) visit(s *someone, m manners, random *rand.Rand, opened func()) (known bool) {
	v := &session{
		number: r.visits.Add(1), client: s.client, path: "/events",
		topics: s.topics, lastID: s.lastID, foreign: s.foreign,
	}
	switch random.IntN(4) {
	case 0:
		v.path = "/follow"
	case 1:
		v.proto = "HTTP/1.0"
	}
	l, err := r.call(v, m.stay > 0 && random.IntN(2) == 0)
	if err != nil {
		if l != nil {
			l.leave("fin")
		}
		if !r.ending() {
			r.t.Errorf("client %d opens a stream: %v", s.client, err)
		}
		return false
	}
	opened()
	r.attend(v, l, m)
	r.keep(v)
	if id := v.position(); id != s.lastID {
		s.lastID, s.foreign = id, ""
	}
	return true
}

// client comes and goes until the round's end, and is there for that.
func (r *soakRound) client(client int, random *rand.Rand) {
	s := r.someone(client, random)
	for !r.ending() {
		m := someManners(random)
		if r.plan.churn {
			m = manners{stay: time.Duration(1+random.IntN(8000)) * time.Microsecond, exit: m.exit}
		}
		r.visit(&s, m, random, func() {})
		switch random.IntN(10) {
		case 0, 1:
			s = r.someone(client, random)
		case 2, 3:
			r.rest(time.Duration(random.IntN(1500)) * time.Millisecond)
		case 4:
			r.rest(time.Duration(random.IntN(5)) * time.Millisecond)
		}
	}
	arrived := sync.OnceFunc(r.arrived.Done)
	defer arrived()
	for !r.closing.Load() && r.visit(&s, manners{}, random, arrived) {
	}
}

// manners is how a client reads and when it goes.
type manners struct {
	pause time.Duration // after each block, now and then
	every int           // a pause after so many blocks; 0: none
	stall time.Duration // once, at some block
	stay  time.Duration // 0: to the stream's end
	exit  string        // "fin", "rst", "half"
}

func someManners(random *rand.Rand) manners {
	m := manners{
		stay: time.Duration(1+random.IntN(1200)) * time.Millisecond,
		exit: []string{"fin", "rst", "half"}[random.IntN(3)],
	}
	switch random.IntN(6) {
	case 0:
		m.every, m.pause = 1+random.IntN(4), time.Duration(1+random.IntN(20))*time.Millisecond
	case 1:
		m.every, m.stall = 1+random.IntN(20), time.Duration(50+random.IntN(1500))*time.Millisecond
		m.stay += m.stall
	}
	if random.IntN(4) == 0 {
		m.stay /= 20 // hardly there, and gone again
	}
	return m
}

// attend reads v's stream until its client leaves or it ends.
func (r *soakRound) attend(v *session, l *line, m manners) {
	until := time.Now().Add(2 * patience)
	if m.stay > 0 {
		until = time.Now().Add(m.stay)
	}
	_ = l.conn.SetReadDeadline(until)
	for n := 1; ; n++ {
		got, err := l.block()
		got.at = r.clock()
		switch {
		case err == nil:
			v.got = append(v.got, got)
			r.pause(m, n)
		case m.stay > 0 && errors.Is(err, os.ErrDeadlineExceeded):
			l.leave(m.exit)
			v.end, v.ended = "left", r.clock()
			return
		case err == io.EOF:
			v.end, v.ended = "clean", got.at
			l.leave("fin")
			return
		default:
			v.end, v.ended, v.endErr = "cut", got.at, err
			l.leave("fin")
			return
		}
	}
}

// pause is what a client with such manners does after its nth block.
func (r *soakRound) pause(m manners, n int) {
	switch {
	case m.every == 0 || n%m.every != 0:
	case m.pause > 0:
		r.rest(m.pause)
	case n == m.every:
		r.rest(m.stall)
	}
}

// leave ends the connection from the client's side.
func (l *line) leave(exit string) {
	switch exit {
	case "half":
		_ = l.conn.CloseWrite()
		_ = l.conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		_, _ = io.Copy(io.Discard, l.conn)
	case "rst":
		_ = l.conn.SetLinger(0)
	}
	l.conn.Close()
}
