package load

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// pipeline posts over one connection without waiting for answers: so that it
// keeps its schedule however slow they are, and events reach the server in their
// order.
type pipeline struct {
	conn     net.Conn
	method   string
	head     []byte
	buf      []byte
	posted   uint64
	answered atomic.Uint64
	failed   chan error // closed when no more answers come; holds why
}

func newPipeline(ctx context.Context, p *Publishing) (*pipeline, error) {
	end, err := resolve(ctx, p.URL)
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", end.addr.String())
	if err != nil {
		return nil, fmt.Errorf("connect publisher to %s: %w", p.URL, err)
	}
	l := &pipeline{conn: conn, method: p.Method, failed: make(chan error, 1)}
	l.head = fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\n", p.Method, end.url.RequestURI(), end.url.Host)
	if p.Header.Get("Content-Type") == "" {
		l.head = append(l.head, "Content-Type: text/plain\r\n"...)
	}
	for name, values := range p.Header {
		for _, v := range values {
			l.head = fmt.Appendf(l.head, "%s: %s\r\n", name, v)
		}
	}
	l.head = append(l.head, "Content-Length: "...)
	go l.readAnswers()
	return l, nil
}

func (l *pipeline) post(_ context.Context, body []byte) error {
	l.buf = append(l.buf[:0], l.head...)
	l.buf = strconv.AppendInt(l.buf, int64(len(body)), 10)
	l.buf = append(l.buf, "\r\n\r\n"...)
	l.buf = append(l.buf, body...)
	_ = l.conn.SetWriteDeadline(time.Now().Add(time.Minute))
	if _, err := l.conn.Write(l.buf); err != nil {
		return err
	}
	l.posted++
	return nil
}

func (l *pipeline) await(ctx context.Context, most uint64) error {
	for l.posted >= l.answered.Load()+most {
		select {
		case err := <-l.failed:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

func (l *pipeline) readAnswers() {
	defer close(l.failed)
	r := bufio.NewReaderSize(l.conn, 64<<10)
	req := &http.Request{Method: l.method}
	for {
		err := readAnswer(r, req)
		if err != nil {
			l.failed <- fmt.Errorf("the answer to event %d: %w", l.answered.Load()+1, err)
			return
		}
		l.answered.Add(1)
	}
}

// readAnswer reads one answer, which has to be a good one.
func readAnswer(r *bufio.Reader, req *http.Request) error {
	res, err := http.ReadResponse(r, req)
	if err != nil {
		return err
	}
	return taken(res)
}

// taken reads an answer to its end, and is an error unless the event was taken.
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

func (l *pipeline) close() { _ = l.conn.Close() }
