package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// pipeline posts over one connection without waiting for answers, so that it keeps
// its schedule however slow they are, and events reach the server in order. If the
// server closes the connection while no answer is outstanding, as servers do to idle
// ones, it makes a new one.
type pipeline struct {
	url    string
	addr   string
	method string
	head   []byte // of each request, up to its length
	buf    []byte
	link   *link
}

// link is one connection of a pipeline.
type link struct {
	conn     net.Conn
	method   string
	before   uint64 // events that earlier links have taken
	posted   uint64 // only for the publisher
	answered atomic.Uint64
	ended    chan struct{} // closed when no more answers come…
	why      error         // …because of this
}

func newPipeline(ctx context.Context, p *Publishing) (*pipeline, error) {
	end, err := resolve(ctx, p.URL)
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	l := &pipeline{url: p.URL, addr: end.addr.String(), method: p.Method}
	l.head = appendHead(nil, p.Method, end.url, complete(p.Header, end.url, "Content-Type", "text/plain"))
	l.head = append(l.head, "Content-Length: "...)
	return l, l.connect(ctx, 0)
}

// connect makes a connection. Earlier links have taken so many events before.
func (l *pipeline) connect(ctx context.Context, before uint64) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", l.addr)
	if err != nil {
		return fmt.Errorf("connect publisher to %s: %w; start the server first, or give its URL", l.url, err)
	}
	l.link = &link{conn: conn, method: l.method, before: before, ended: make(chan struct{})}
	go l.link.readAnswers()
	return nil
}

func (l *pipeline) post(ctx context.Context, body []byte) error {
	if l.link.spent() {
		if err := l.connect(ctx, l.link.before+l.link.posted); err != nil {
			return err
		}
	}
	l.buf = append(l.buf[:0], l.head...)
	l.buf = strconv.AppendInt(l.buf, int64(len(body)), 10)
	l.buf = append(l.buf, "\r\n\r\n"...)
	l.buf = append(l.buf, body...)
	return l.link.write(ctx, l.buf)
}

// mostBlocked is how long the write of an event may take.
const mostBlocked = time.Minute

// write writes a request, or gives up when ctx ends.
func (k *link) write(ctx context.Context, request []byte) error {
	_ = k.conn.SetWriteDeadline(time.Now().Add(mostBlocked))
	defer context.AfterFunc(ctx, func() { _ = k.conn.SetWriteDeadline(time.Now()) })()
	_, err := k.conn.Write(request)
	switch {
	case err == nil:
		k.posted++
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	select {
	case <-k.ended: // the last answer says more than the failed write
		return k.why
	case <-time.After(time.Second):
		return err
	}
}

func (l *pipeline) await(ctx context.Context, most uint64) error { return l.link.await(ctx, most) }

func (k *link) await(ctx context.Context, most uint64) error {
	for {
		unanswered := k.posted - k.answered.Load()
		select {
		case <-k.ended:
			if k.spent() {
				return nil
			}
			return k.why
		default:
		}
		if unanswered < most {
			return nil
		}
		select {
		case <-k.ended:
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
}

// spent reports whether the connection has ended after all answers, and each was good.
func (k *link) spent() bool {
	select {
	case <-k.ended:
		return k.posted == k.answered.Load()
	default:
		return false
	}
}

func (k *link) readAnswers() {
	defer close(k.ended)
	defer k.conn.Close()
	r := bufio.NewReaderSize(k.conn, 64<<10)
	req := &http.Request{Method: k.method}
	for {
		if err := readAnswer(r, req); err != nil {
			k.why = fmt.Errorf("the answer to event %d: %w", k.before+k.answered.Load()+1, err)
			return
		}
		k.answered.Add(1)
	}
}

// readAnswer reads one answer, and fails if it is not a good one.
func readAnswer(r *bufio.Reader, req *http.Request) error {
	if _, err := r.Peek(1); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("the server closed the connection instead")
		}
		return err
	}
	res, err := http.ReadResponse(r, req)
	if err != nil {
		return err
	}
	return taken(res)
}

// taken reads an answer to its end, and returns an error unless the event was taken.
func taken(res *http.Response) error {
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s: %s", res.Status, bytes.TrimSpace(body))
	}
	return nil
}

func (l *pipeline) close() {
	_ = l.link.conn.Close()
	<-l.link.ended
}
