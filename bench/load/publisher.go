package load

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// Publisher posts events on a fixed schedule over one connection, pipelined: so
// that it keeps its schedule however slow the answers are, and events reach the
// server in their order.
type Publisher struct {
	conn   net.Conn
	target target
	lane   int
	size   int

	sent     atomic.Uint64 // events written
	answered atomic.Uint64 // events that the server has accepted
	late     time.Duration // the worst lag behind the schedule
	failed   chan error
	head     []byte
	buf      []byte
}

// mostUnanswered bounds what is in flight: beyond it the schedule slips, and is
// caught up with; latency still counts from the schedule.
const mostUnanswered = 4096

// NewPublisher connects to rawURL, which takes the body of a POST as an event.
func NewPublisher(rawURL string, lane, size int) (*Publisher, error) {
	t, err := parseTarget(rawURL)
	if err != nil {
		return nil, err
	}
	conn, err := net.Dial("tcp", t.addr.String())
	if err != nil {
		return nil, fmt.Errorf("connect publisher to %s: %w", rawURL, err)
	}
	p := &Publisher{conn: conn, target: t, lane: lane, size: size, failed: make(chan error, 1)}
	p.head = fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: text/plain\r\nContent-Length: ", t.path, t.host)
	go p.readAnswers()
	return p, nil
}

// Run publishes n events, the i-th due at begin + i/rate.
func (p *Publisher) Run(n uint64, rate float64, begin time.Duration) error {
	for i := uint64(0); i < n; i++ {
		due := begin + time.Duration(float64(i)/rate*float64(time.Second))
		sleepUntil(due)
		if err := p.await(i, mostUnanswered); err != nil {
			return err
		}
		p.late = max(p.late, Now()-due)
		if err := p.post(i+1, due); err != nil {
			return err
		}
	}
	return p.await(n, 1)
}

// Once publishes one event that is due now, and waits for the answer.
func (p *Publisher) Once(seq uint64) error {
	if err := p.post(seq, Now()); err != nil {
		return err
	}
	return p.await(p.sent.Load(), 1)
}

func (p *Publisher) post(seq uint64, due time.Duration) error {
	body := AppendPayload(p.buf[:0], p.lane, seq, due, p.size)
	p.buf = body
	req := append([]byte(nil), p.head...)
	req = strconv.AppendInt(req, int64(len(body)), 10)
	req = append(req, "\r\n\r\n"...)
	req = append(req, body...)
	if _, err := p.conn.Write(req); err != nil {
		return fmt.Errorf("publish event %d: %w", seq, err)
	}
	p.sent.Add(1)
	return nil
}

// await waits until fewer than most of n events are unanswered.
func (p *Publisher) await(n, most uint64) error {
	for n >= p.answered.Load()+most {
		select {
		case err := <-p.failed:
			return err
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

func (p *Publisher) readAnswers() {
	r := bufio.NewReaderSize(p.conn, 64<<10)
	req := &http.Request{Method: "POST"}
	for {
		res, err := http.ReadResponse(r, req)
		if err != nil {
			p.failed <- fmt.Errorf("read the answer to event %d: %w", p.answered.Load()+1, err)
			return
		}
		var body bytes.Buffer
		_, err = body.ReadFrom(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode/100 != 2 {
			p.failed <- fmt.Errorf("event %d was answered with %s: %s", p.answered.Load()+1, res.Status, bytes.TrimSpace(body.Bytes()))
			return
		}
		p.answered.Add(1)
	}
}

// Accepted is how many events the server has taken.
func (p *Publisher) Accepted() uint64 { return p.answered.Load() }

// Late is the worst lag behind the schedule.
func (p *Publisher) Late() time.Duration { return p.late }

// Close ends the connection.
func (p *Publisher) Close() { _ = p.conn.Close() }
