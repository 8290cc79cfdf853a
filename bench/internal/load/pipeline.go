package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"syscall"
	"time"
)

// pipeline posts over one connection without waiting for answers, so that it keeps its
// schedule however slow they are, and events reach the server in order. If the server closes
// the connection while no answer is outstanding, as servers do to idle ones, it makes a new
// one; and also if the last answer has said that it closes: then nothing that came after that
// request was read (RFC 9112, section 9.6), and is posted again.
type pipeline struct {
	url      *url.URL
	dialer   *dialer
	turn     turn
	queue    [][]byte // requests that have no answer yet, as far as is known
	answered uint64   // requests before these
	most     uint64   // how many a connection takes, as the last one has shown; zero: not known
	link     *link
}

// link is one connection of a pipeline.
type link struct {
	conn     net.Conn
	raw      syscall.RawConn // it; nil: it has none
	hushed   bool            // who reads answers is not told of each
	since    time.Duration   // when that began, or ended
	turn     turn
	before   uint64 // events that earlier links have taken
	posted   uint64 // only for the publisher
	answered atomic.Uint64
	ended    chan struct{} // closed when no more answers come…
	why      error         // …because of this
	closes   bool          // …which the last answer has said
}

func newPipeline(ctx context.Context, u *url.URL, d *dialer, t turn) (*pipeline, error) {
	l := &pipeline{url: u, dialer: d, turn: t}
	return l, l.connect(ctx)
}

func (l *pipeline) connect(ctx context.Context) error {
	conn, err := l.dialer.dial(ctx, hostPort(l.url))
	if err != nil {
		return fmt.Errorf("connect publisher to %s: %w; start the server first, or give its URL", l.url.Redacted(), err)
	}
	l.link = &link{conn: conn, turn: l.turn, before: l.answered, ended: make(chan struct{})}
	if c, ok := conn.(syscall.Conn); ok {
		l.link.raw, _ = c.SyscallConn()
	}
	go l.link.readAnswers()
	return nil
}

func (l *pipeline) post(ctx context.Context, a *ask, _ values) error {
	if a.url.Host != l.url.Host || a.url.Scheme != l.url.Scheme {
		return fmt.Errorf("publish to %s after %s: all events go to one server", a.url.Redacted(), l.url.Redacted())
	}
	l.queue = append(l.queue, a.appendTo(nil))
	return l.goOn(ctx)
}

// goOn writes the requests that no connection was given yet, or not the present one.
func (l *pipeline) goOn(ctx context.Context) error {
	for {
		if l.link.spent() {
			if l.link.closes {
				l.most = l.link.answered.Load()
			}
			l.forget()
			if err := l.connect(ctx); err != nil {
				return err
			}
		}
		l.forget()
		next := l.link.before + l.link.posted - l.answered
		if next == uint64(len(l.queue)) {
			return nil
		}
		if l.most > 0 && l.link.posted >= l.most {
			if n, err := l.link.unanswered(); err != nil {
				return err
			} else if n > 0 {
				if err := l.link.pause(ctx); err != nil {
					return err
				}
				continue
			}
		}
		l.link.hush(l.most != 1)
		if err := l.link.write(ctx, l.queue[next]); err != nil && !l.link.spent() {
			l.queue = l.queue[:next] // part of it may have been written
			return err
		}
	}
}

// forget drops the requests that were answered.
func (l *pipeline) forget() {
	n := l.link.before + l.link.answered.Load() - l.answered
	l.queue, l.answered = l.queue[n:], l.answered+n
}

// pause waits a moment for answers, or for the end.
func (k *link) pause(ctx context.Context) error {
	k.hush(false)
	select {
	case <-k.ended:
	case <-time.After(time.Millisecond):
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// hush makes answers wait until there are about a hundred of them. Otherwise reading each takes
// a processor from the server just when it delivers the event.
func (k *link) hush(on bool) {
	if k.raw == nil || k.hushed == on {
		return
	}
	k.hushed, k.since = on, Now()
	if on {
		lowWater(k.raw, 16<<10)
		return
	}
	lowWater(k.raw, 1)
}

// shortestHush is how long answers wait at least, unless somebody waits for them.
const shortestHush = 5 * time.Millisecond

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

func (l *pipeline) await(ctx context.Context, most uint64) error {
	for {
		if err := l.goOn(ctx); err != nil {
			return err
		}
		n, err := l.link.unanswered()
		if n >= most || Now()-l.link.since > shortestHush {
			l.link.hush(false)
		}
		if err != nil || n < most {
			return err
		}
		if err := l.link.pause(ctx); err != nil {
			return err
		}
	}
}

// unanswered is how many events have no answer yet, and why there will be none. What is
// unanswered because the server has closed goes to the next link.
func (k *link) unanswered() (n uint64, err error) {
	select {
	case <-k.ended:
		if !k.closes {
			err = k.why
		}
	default:
	}
	if n = k.posted - k.answered.Load(); n == 0 {
		return 0, nil
	}
	return n, err
}

// spent reports whether the connection has ended as it should: each answer was good, and
// there was one to every request, or the last said that it closes.
func (k *link) spent() bool {
	select {
	case <-k.ended:
		return k.closes || k.posted == k.answered.Load()
	default:
		return false
	}
}

func (k *link) readAnswers() {
	defer close(k.ended)
	defer k.conn.Close()
	r := bufio.NewReaderSize(k.conn, 64<<10)
	for {
		closes, err := readAnswer(r)
		if err != nil {
			k.why = &earlier{fmt.Errorf("the answer to event %d: %w", k.turn.event(k.before+k.answered.Load()), err)}
			return
		}
		k.answered.Add(1)
		if k.closes = closes; closes {
			return
		}
	}
}

// readAnswer reads an answer, which says whether the server closes the connection after it.
func readAnswer(r *bufio.Reader) (closes bool, err error) {
	if _, err := r.Peek(1); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("the server closed the connection instead")
		}
		return false, err
	}
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		return false, err
	}
	return res.Close, taken(res)
}

// taken reads an answer to its end, and returns an error unless the event was taken.
func taken(res *http.Response) error {
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	toEnd := res.Close && res.ContentLength < 0 // a server that closes with requests unread resets
	if err != nil && !(toEnd && errors.Is(err, syscall.ECONNRESET)) {
		return err
	}
	if res.StatusCode/100 == 2 {
		return nil
	}
	text := res.Status + firstLine(body)
	if to := res.Header.Get("Location"); to != "" {
		text += fmt.Sprintf("; it redirects to %s: publish there", to)
	}
	return &NotTaken{res.StatusCode, text}
}

// NotTaken is the error of an event that the server has not taken.
type NotTaken struct {
	Status int // of its answer
	text   string
}

func (n *NotTaken) Error() string { return n.text }

func (l *pipeline) close() {
	_ = l.link.conn.Close()
	<-l.link.ended
}
