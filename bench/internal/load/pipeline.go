package load

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"sync"
	"time"
)

// pipeline posts over one connection without waiting for answers, so that it keeps its
// schedule however slow they are, and events reach the server in order. When the server has
// closed the connection while no answer was outstanding, as servers do to idle ones, the next
// post makes a new one. When an answer has said that the server closes, then whoever reads
// answers makes a new one at once, and posts again what is behind that answer: the server does
// not process it (RFC 9112, section 9.6).
type pipeline struct {
	url     *url.URL
	dialer  *dialer
	turn    turn
	ctx     context.Context // of whoever reads answers
	stop    context.CancelFunc
	reading sync.WaitGroup

	held     chan struct{} // has an element while somebody holds what follows: a lock
	link     *link         // nil: the next post makes one, unless…
	opening  bool          // …whoever reads answers does
	queue    [][]byte      // requests without an answer, in order: all were written, to this link or one before
	bytes    int           // in these
	written  int           // of these, on the link
	answered uint64        // requests before these
	window   int           // how many may be on a link without an answer
	err      error         // why no more is posted

	room chan struct{} // has an element when that may have changed
}

// mostWaiting is how many bytes may be unanswered before the publisher waits.
const mostWaiting = 64 << 20

func newPipeline(ctx context.Context, u *url.URL, d *dialer, t turn) (*pipeline, error) {
	l := &pipeline{url: u, dialer: d, turn: t, held: make(chan struct{}, 1), room: make(chan struct{}, 1), window: mostUnanswered}
	l.ctx, l.stop = context.WithCancel(context.Background())
	conn, err := l.dial(ctx)
	if err == nil {
		l.uses(conn)
	}
	return l, err
}

// lock takes the lock, unless ctx is over.
func (l *pipeline) lock(ctx context.Context) error {
	select {
	case l.held <- struct{}{}:
		if ctx.Err() == nil {
			return nil
		}
		l.unlock()
	case <-ctx.Done():
	}
	return ctx.Err()
}

func (l *pipeline) unlock() { <-l.held }

// tell wakes a post that waits.
func (l *pipeline) tell() {
	select {
	case l.room <- struct{}{}:
	default:
	}
}

func (l *pipeline) dial(ctx context.Context) (net.Conn, error) {
	conn, err := l.dialer.dial(ctx, hostPort(l.url))
	if err != nil {
		return nil, fmt.Errorf("connect publisher to %s: %w; start the server first, or give its URL", l.url.Redacted(), err)
	}
	return conn, nil
}

// uses makes conn the link. The lock is held.
func (l *pipeline) uses(conn net.Conn) {
	k := newLink(conn)
	l.link, l.written, l.opening = k, 0, false
	l.reading.Go(func() { l.read(k) })
}

func (l *pipeline) post(ctx context.Context, a *ask, _ values) error {
	if a.url.Host != l.url.Host || a.url.Scheme != l.url.Scheme {
		return fmt.Errorf("publish to %s after %s: all events go to one server", a.url.Redacted(), l.url.Redacted())
	}
	k, err := l.push(ctx, a)
	if err == nil || k == nil {
		return err
	}
	return l.because(ctx, k, err)
}

// push writes a request, as soon as the link may have one more without an answer. If it returns
// an error and a link, then writing to that link has failed.
func (l *pipeline) push(ctx context.Context, a *ask) (*link, error) {
	if err := l.awaitRoom(ctx); err != nil {
		return nil, err
	}
	defer l.unlock()
	if l.link == nil {
		conn, err := l.dial(ctx)
		if err != nil {
			return nil, err
		}
		l.uses(conn)
	}
	request := a.appendTo(make([]byte, 0, len(a.body)+roomForHead))
	l.queue, l.bytes = append(l.queue, request), l.bytes+len(request)
	l.link.hush(l.window > fewAnswers)
	err := l.flush(ctx)
	if err != nil && ctx.Err() != nil { // it does not count as sent
		l.queue, l.bytes = l.queue[:len(l.queue)-1], l.bytes-len(request)
		l.written = min(l.written, len(l.queue))
		return nil, ctx.Err()
	}
	return l.link, err
}

// awaitRoom takes the lock when a request can be written, or a link made. With an error the
// lock is not held.
func (l *pipeline) awaitRoom(ctx context.Context) error {
	for {
		if err := l.lock(ctx); err != nil {
			return err
		}
		switch {
		case l.err != nil:
			defer l.unlock()
			return l.err
		case l.link == nil && !l.opening, l.link != nil && l.written == len(l.queue) && l.written < l.window:
			return nil
		case l.link != nil:
			l.link.hush(false)
		}
		l.unlock()
		select {
		case <-l.room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// roomForHead is for most requests without their bodies.
const roomForHead = 384

// because waits a second for what whoever reads answers makes of a link that could not be
// written to: the last answer says more than the failed write.
func (l *pipeline) because(ctx context.Context, k *link, failed error) error {
	for until := Now() + time.Second; Now() < until && sleepUntil(ctx, Now()+time.Millisecond); {
		if err := l.lock(ctx); err != nil {
			return err
		}
		err, other := l.err, l.link != k
		l.unlock()
		if err != nil || other {
			return err
		}
	}
	return cmp.Or(ctx.Err(), failed)
}

// flush writes as much of the queue as may be on the link. The lock is held.
func (l *pipeline) flush(ctx context.Context) error {
	for l.written < min(len(l.queue), l.window) {
		l.written++
		if err := l.link.write(ctx, l.queue[l.written-1]); err != nil {
			return err
		}
	}
	return nil
}

func (l *pipeline) await(ctx context.Context, most uint64) error {
	return awaitFewer(ctx, most, func() (uint64, error) {
		if err := l.lock(ctx); err != nil {
			return 0, err
		}
		defer l.unlock()
		n := uint64(len(l.queue))
		if l.bytes > mostWaiting {
			n = max(n, mostUnanswered)
		}
		if k := l.link; k != nil && (n >= most || Now()-k.since > shortestHush) {
			k.hush(false)
		}
		return n, l.err
	})
}

// read reads the answers on a link, and then makes another one if that is to be.
func (l *pipeline) read(k *link) {
	defer k.Close()
	in := bufio.NewReaderSize(k, 64<<10)
	reopens := false
	for more := true; more; {
		closes, err := readAnswer(in)
		if err != nil {
			_ = k.Close() // who is blocked writing to it holds the lock
		}
		if l.lock(l.ctx) != nil {
			return
		}
		more, reopens = l.takes(k, closes, err), l.opening
		l.unlock()
		l.tell()
	}
	if reopens {
		l.reopen()
	}
}

// takes notes an answer, or that there is none, and reports whether more are to be read. The
// lock is held.
func (l *pipeline) takes(k *link, closes bool, err error) (more bool) {
	switch {
	case len(l.queue) > 0 && err != nil:
		l.fails("the answer to event %d: %w", err)
		return false
	case err != nil:
		l.link = nil // idle
		return false
	case l.written == 0:
		l.fails("before event %d: %w", errors.New("the server has sent more answers than there were requests"))
		return false
	}
	l.bytes -= len(l.queue[0])
	l.queue[0] = nil
	l.queue, l.written, l.answered = l.queue[1:], l.written-1, l.answered+1
	k.answered++
	if closes {
		// What was behind this many was not processed. The next link has no more without an answer,
		// unless it answers more.
		l.link, l.opening, l.window = nil, true, k.answered
		return false
	}
	l.window = max(l.window, k.answered)
	l.goOn()
	return true
}

// goOn writes what may be on the link now. If that fails because the server has closed, the
// answers that are still to be read say why. The lock is held.
func (l *pipeline) goOn() {
	if err := l.flush(l.ctx); errors.Is(err, os.ErrDeadlineExceeded) {
		l.fails("publish event %d: %w", err)
	}
}

// fails notes why the first event of the queue, which text names, is not taken.
func (l *pipeline) fails(text string, err error) {
	l.err = &earlier{fmt.Errorf(text, l.turn.event(l.answered), err)}
}

// reopen makes another link, and writes the queue to it.
func (l *pipeline) reopen() {
	conn, err := l.dial(l.ctx)
	if l.lock(l.ctx) != nil {
		if err == nil {
			_ = conn.Close()
		}
		return
	}
	defer l.tell()
	defer l.unlock()
	if err != nil {
		l.opening = false
		if len(l.queue) > 0 {
			l.fails("publish event %d again: %w", err)
		}
		return
	}
	l.uses(conn)
	l.goOn()
}

func (l *pipeline) close() {
	l.stop()
	_ = l.lock(context.Background())
	if l.link != nil {
		_ = l.link.Close()
	}
	l.unlock()
	l.reading.Wait()
}
