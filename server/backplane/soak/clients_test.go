package soak_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/fastsse/fastsse/internal/soak"
	"github.com/fastsse/fastsse/internal/testkit"
)

// session is one stream, as its client saw it.
type session struct {
	client  int
	node    int
	path    string
	proto   string
	other   bool // its client is no EventSource
	topics  []string
	lastID  string
	epoch   string // of lastID, if that is a publisher's
	foreign string // the gap that must come first, because of the id that the client came with
	quick   bool   // it takes what comes at once

	asked  time.Duration // when the request went out
	got    []soak.Receipt
	end    string // "left", "clean" or "cut"
	ended  time.Duration
	endErr error
}

// someone is a client that comes and goes.
type someone struct {
	client  int
	topics  []string
	lastID  string
	epoch   string // of lastID
	foreign string
}

// someone is a client that comes for the first time: with no id, with one that it was given
// together with its state a while ago, or with one that cannot be.
func (r *round) someone(client int, random *rand.Rand) someone {
	s := someone{client: client, topics: r.plan.Subscription(random, r.generation())}
	for len(s.topics) < 12 && client%3 == 0 { // much of it
		s.topics = append(s.topics, r.plan.Subscription(random, r.generation())...)
	}
	switch random.IntN(16) {
	case 0:
		s.lastID, s.foreign = "elsewher-7", "epoch"
	case 1:
		s.lastID, s.foreign = "what?", "unknown"
	case 2, 3, 4, 5, 6, 7:
		s.lastID, s.epoch = r.earlier(random)
	}
	return s
}

// earlier is a position that somebody was told of, if there is one.
func (r *round) earlier(random *rand.Rand) (id, epoch string) {
	l := r.book
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.batches) == 0 {
		return "", ""
	}
	b := l.batches[max(len(l.batches)-1-random.IntN(1000), 0)]
	for epoch, entry := range b.entries {
		return place{epoch, entry*perEntry + uint64(random.IntN(len(b.postings)))}.String(), epoch
	}
	return "", ""
}

// visit opens a stream for s and stays as its manners are, or until enough returns true. It
// returns false if no hub has answered.
func (r *round) visit(s *someone, m soak.Manners, random *rand.Rand, enough func(soak.Receipt) bool) bool {
	n := r.node(random)
	if n == nil {
		return false
	}
	return r.visitAt(n, s, m, random, m.Stay > 0 && random.IntN(2) == 0, enough)
}

// visitAt is visit, at a hub. If narrow, little is on its way to the client at a time.
func (r *round) visitAt(n *node, s *someone, m soak.Manners, random *rand.Rand, narrow bool, enough func(soak.Receipt) bool) bool {
	v := &session{client: s.client, node: n.number, path: "/events", proto: "HTTP/1.1", topics: s.topics, lastID: s.lastID, epoch: s.epoch, foreign: s.foreign, quick: m.Every == 0 && !narrow}
	switch random.IntN(4) {
	case 0:
		v.path = "/follow"
	case 1:
		v.proto = "HTTP/1.0"
	}
	v.other = random.IntN(2) == 0
	if random.IntN(3) == 0 {
		v.path += "-and-comments"
	}
	line, err := r.call(n, v, narrow)
	if err != nil {
		r.unopened(n, v, err)
		return false
	}
	r.expect(v)
	v.end, v.endErr = line.Read(m, 3*testkit.Patience, r.rest, func(got soak.Receipt) bool {
		got.At = r.clock()
		if got.Kind == soak.Event {
			got.Data = got.Data[:min(len(got.Data), 24)] // its mark
		}
		v.got = append(v.got, got)
		return !enough(got)
	})
	v.ended = r.clock()
	r.keep(v)
	if id := soak.LastID(v.got, ""); id != "" {
		s.lastID, s.foreign = id, ""
	}
	for _, got := range v.got {
		if p, ok := native(got.ID); ok {
			s.epoch = p.epoch
		}
	}
	return true
}

// call sends v's request and reads the head of the answer.
func (r *round) call(n *node, v *session, narrow bool) (*soak.Line, error) {
	conn, err := net.DialTimeout("tcp", n.address, testkit.Patience)
	if err != nil {
		return nil, err
	}
	tcp := conn.(*net.TCPConn)
	if narrow { // that it stalls is noticed sooner
		_ = tcp.SetReadBuffer(4 << 10)
	}
	q := fmt.Appendf(nil, "GET %s?%s %s\r\nHost: test\r\nAccept: text/event-stream\r\n", v.path, query(v.topics), v.proto)
	if !v.other {
		q = append(q, "Cache-Control: no-cache\r\n"...)
	}
	if v.lastID != "" {
		q = fmt.Appendf(q, "Last-Event-ID: %s\r\n", v.lastID)
	}
	v.asked = r.clock()
	line, err := soak.Open(tcp, append(q, "\r\n"...), testkit.Patience)
	if err != nil {
		return nil, err
	}
	line.AtLines = v.other
	return line, nil
}

// unopened judges why there was no stream.
func (r *round) unopened(n *node, v *session, err error) {
	switch {
	case strings.HasPrefix(err.Error(), "no stream"):
		r.book.blame("hub %d gives client %d, who asks for %v after %q, no stream: %v", n.number, v.client, v.topics, v.lastID, err)
	case strings.Contains(err.Error(), "timeout"):
		r.book.blame("HANGS: hub %d does not answer client %d, who asks for %v after %q: %v", n.number, v.client, v.topics, v.lastID, err)
	}
	r.rest(20 * time.Millisecond)
}

// client comes and goes until the round's end, and then stays until it has all.
func (r *round) client(client int, random *rand.Rand) {
	s := r.someone(client, random)
	never := func(soak.Receipt) bool { return false }
	for !r.ending() {
		m := soak.SomeManners(random)
		if r.plan.Churn {
			m = soak.Manners{Stay: time.Duration(1+random.IntN(8000)) * time.Microsecond, Exit: m.Exit}
		}
		if random.IntN(3) == 0 { // long enough that what is late shows
			m.Stay = 3 * lateAfter
		}
		r.visit(&s, m, random, never)
		switch random.IntN(10) {
		case 0:
			s = r.someone(client, random)
		case 1, 2:
			r.rest(time.Duration(random.IntN(1500)) * time.Millisecond)
		case 3:
			r.rest(time.Duration(random.IntN(5)) * time.Millisecond)
		}
	}
	<-r.last
	r.finale(&s, random)
}

// finale resumes until the client is at the round's last event. That it has come is the
// verdict's matter: a client that is there for the first time does not get it.
func (r *round) finale(s *someone, random *rand.Rand) {
	s.topics = append(s.topics, lastTopic)
	is := func(id string) bool {
		at, ok := native(id)
		return ok && at.epoch == r.lastPlace.epoch && at.seq >= r.lastPlace.seq
	}
	has := is(s.lastID) // it had hardly come, and was told the position
	enough := func(got soak.Receipt) bool {
		has = has || is(got.ID)
		return has
	}
	for until := time.Now().Add(finaleWithin); !has; {
		if time.Now().After(until) {
			r.book.blame("HANGS: client %d, of %v, at %q, has not got the last event within %v", s.client, s.topics, s.lastID, finaleWithin)
			return
		}
		r.visit(s, soak.Manners{}, random, enough)
	}
}

const (
	lastTopic    = "z/end"
	finaleWithin = 3 * testkit.Patience
)
