package server_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/fastsse/fastsse/internal/soak"
)

// session is one stream, as its client saw it.
type session struct {
	number uint64 // of its stream in the round
	client int
	path   string
	proto  string
	other  bool // its client is no EventSource
	topics []string
	lastID string
	// foreign is the gap that must come first, because of the id that the client
	// came with.
	foreign string

	floor  uint64        // the hub's position before the request
	asked  time.Duration // when the request went out
	got    []soak.Receipt
	end    string // "left", "clean" or "cut"
	ended  time.Duration
	endErr error
}

// call sends v's request and reads the head of the answer.
func (r *soakRound) call(v *session, narrow bool) (*soak.Line, error) {
	conn, err := r.harness.dial()
	if err != nil {
		return nil, err
	}
	tcp := conn.(*net.TCPConn)
	if narrow { // that it stalls is noticed sooner
		_ = tcp.SetReadBuffer(4 << 10)
	}
	q := request{path: v.path, proto: v.proto, other: v.other, topics: v.topics, lastID: v.lastID, query: fmt.Sprintf("n=%d", v.number)}
	v.floor, v.asked = r.now(), r.clock()
	l, err := soak.Open(tcp, q.bytes(), patience)
	if err != nil {
		return nil, err
	}
	l.AtLines = v.other
	return l, nil
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
	s := someone{client: client, topics: r.plan.Subscription(random, r.generation())}
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
func (r *soakRound) visit(s *someone, m soak.Manners, random *rand.Rand, opened func()) (known bool) {
	v := &session{
		number: r.visits.Add(1), client: s.client, path: "/events",
		topics: s.topics, lastID: s.lastID, foreign: s.foreign,
		other: random.IntN(2) == 0,
	}
	switch random.IntN(4) {
	case 0:
		v.path = "/follow"
	case 1:
		v.proto = "HTTP/1.0"
	}
	l, err := r.call(v, m.Stay > 0 && random.IntN(2) == 0)
	if err != nil {
		if !r.ending() {
			r.t.Errorf("client %d opens a stream: %v", s.client, err)
		}
		return false
	}
	opened()
	r.attend(v, l, m)
	r.keep(v)
	if id := soak.LastID(v.got, v.lastID); id != s.lastID {
		s.lastID, s.foreign = id, ""
	}
	return true
}

// client comes and goes until the round's end, and is there for that.
func (r *soakRound) client(client int, random *rand.Rand) {
	s := r.someone(client, random)
	for !r.ending() {
		m := soak.SomeManners(random)
		if r.plan.Churn {
			m = soak.Manners{Stay: time.Duration(1+random.IntN(8000)) * time.Microsecond, Exit: m.Exit}
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
	for !r.closing.Load() && r.visit(&s, soak.Manners{}, random, arrived) {
	}
}

// attend reads v's stream until its client leaves or it ends.
func (r *soakRound) attend(v *session, l *soak.Line, m soak.Manners) {
	v.end, v.endErr = l.Read(m, 2*patience, r.rest, func(got soak.Receipt) bool {
		got.At, got.Data = r.clock(), nil
		v.got = append(v.got, got)
		return true
	})
	v.ended = r.clock()
}
