package check

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http/httputil"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// answer is what comes back on one connection after one request, with the time at
// which each thing came. A goroutine reads it until it ends or the checks leave it.
type answer struct {
	// Static after ask.
	begun     time.Time
	connected time.Time
	asked     time.Time // the request was written
	method    string
	conn      net.Conn
	done      chan struct{} // closed when nothing more is read

	mu        sync.Mutex    // guards what follows, until done is closed
	changed   chan struct{} // closed, and replaced, whenever something has come
	leaving   bool
	head      head // status 0: it has not come
	headBegun time.Time
	headDone  time.Time
	bodyBegun time.Time
	lastByte  time.Time     // of the body; of the head before that
	longest   time.Duration // silence between two bytes of the body
	signs     int           // times that something came after a second of silence
	start     []byte        // the first bytes of the body
	body      transcript
	end       ending
}

// ending is how an answer came to its end.
type ending struct {
	how how
	err error
	at  time.Time
}

type how string

const (
	open    how = ""
	left    how = "left"    // by the checks
	whole   how = "whole"   // as its framing says
	closed  how = "closed"  // by the end of the connection, and nothing else
	cut     how = "cut"     // the connection ended before the body did
	reset   how = "reset"   // the connection was reset
	garbled how = "garbled" // the bytes are not what the head promises
)

// ask sends a request, and reads the answer from then on.
func (t target) ask(ctx context.Context, r request) (*answer, error) {
	a := &answer{begun: time.Now(), method: r.method, done: make(chan struct{}), changed: make(chan struct{}), body: transcript{run: r.run}}
	conn, err := t.dial(ctx)
	if err != nil {
		return nil, err
	}
	a.conn, a.connected = conn, time.Now()
	a.asked = a.connected
	if _, err := conn.Write(r.bytes(t)); err != nil {
		a.end = ending{how: endOf(err), err: err, at: time.Now()}
		_ = conn.Close()
		close(a.done)
		return a, nil
	}
	go a.read()
	return a, nil
}

// unanswered is the answer when the request could not be sent.
func unanswered(err error) *answer {
	now := time.Now()
	a := &answer{begun: now, end: ending{garbled, err, now}, done: make(chan struct{}), changed: make(chan struct{})}
	close(a.done)
	return a
}

// read reads the answer to its end.
func (a *answer) read() {
	defer close(a.done)
	r := bufio.NewReaderSize(a.conn, 16<<10)
	if _, err := r.Peek(1); err != nil {
		a.finish(endOf(err), err)
		return
	}
	begun := time.Now()
	h, err := readHead(r)
	if err != nil {
		a.finish(endOf(err), err)
		return
	}
	a.note(func(now time.Time) { a.head, a.headBegun, a.headDone, a.lastByte = h, begun, now, now })
	w := &wire{r: a.framed(r, &h)}
	body, err := decoded(w, &h)
	if err == nil {
		err = a.readBody(body)
	}
	if w.err != nil { // it ended before, or with, the readers around it
		err = w.err
	}
	a.finish(a.bodyEnd(err, &h), err)
}

// framed is the body as its framing delimits it. What follows the head of an
// answer to HEAD is read as it is.
func (a *answer) framed(r *bufio.Reader, h *head) io.Reader {
	if a.method == "HEAD" {
		return r
	}
	if h.has("Transfer-Encoding", "chunked") {
		return httputil.NewChunkedReader(r)
	}
	if n, err := strconv.ParseInt(h.get("Content-Length"), 10, 64); err == nil {
		return &lengthReader{r: r, left: n}
	}
	if h.status == 204 || h.status == 304 {
		return &lengthReader{r: r}
	}
	return r
}

// lengthReader is a body whose length was announced.
type lengthReader struct {
	r    io.Reader
	left int64
}

func (l *lengthReader) Read(p []byte) (int, error) {
	if l.left == 0 {
		return 0, io.EOF
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	if err == io.EOF && l.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// wire reads from a connection, and remembers how that ended.
type wire struct {
	r   io.Reader
	err error
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err != nil {
		w.err = err
	}
	return n, err
}

// decoded undoes gzip.
func decoded(r io.Reader, h *head) (io.Reader, error) {
	if !h.has("Content-Encoding", "gzip") {
		return r, nil
	}
	return gzip.NewReader(r)
}

// mostStart is how many of a body's first bytes are kept.
const mostStart = 512

func (a *answer) readBody(r io.Reader) error {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			a.note(func(now time.Time) { a.took(buf[:n], now) })
		}
		if err != nil {
			return err
		}
	}
}

func (a *answer) took(p []byte, now time.Time) {
	if a.bodyBegun.IsZero() {
		a.bodyBegun = now
	}
	silence := now.Sub(a.lastByte)
	a.longest = max(a.longest, silence)
	if silence >= signAfter {
		a.signs++
	}
	a.lastByte = now
	a.start = append(a.start, p[:min(len(p), mostStart-len(a.start))]...)
	a.body.feed(p, now)
}

// signAfter is the silence that makes the next byte a sign of life.
const signAfter = 200 * time.Millisecond

// endOf names the end that an error means.
func endOf(err error) how {
	switch {
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return reset
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return cut
	}
	return garbled
}

// bodyEnd names the end of a body. Only the framing can show that it is whole.
func (a *answer) bodyEnd(err error, h *head) how {
	if err != io.EOF {
		return endOf(err)
	}
	if h.has("Transfer-Encoding", "chunked") || h.get("Content-Length") != "" || h.status == 204 || h.status == 304 {
		return whole
	}
	return closed
}

// finish notes the end, unless the checks have left the answer before.
func (a *answer) finish(h how, err error) {
	_ = a.conn.Close()
	a.note(func(now time.Time) {
		if a.leaving {
			h, err = left, nil
		}
		a.end = ending{how: h, err: err, at: now}
	})
}

// note changes the answer, and wakes the goroutines that wait for it.
func (a *answer) note(change func(now time.Time)) {
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	change(now)
	close(a.changed)
	a.changed = make(chan struct{})
}

// leave closes the connection. Nothing changes after it.
func (a *answer) leave() {
	a.mu.Lock()
	a.leaving = true
	a.mu.Unlock()
	if a.conn != nil {
		_ = a.conn.Close()
	}
	<-a.done
}

// await waits until met, which is called with a's lock held, for at most limit. It
// returns false if the answer ends before.
func (a *answer) await(ctx context.Context, limit time.Duration, met func() bool) bool {
	timer := time.NewTimer(max(limit, 0))
	defer timer.Stop()
	for {
		a.mu.Lock()
		ok, ended, changed := met(), a.end.how != open, a.changed
		a.mu.Unlock()
		if ok || ended {
			return ok
		}
		select {
		case <-changed:
		case <-timer.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// awaitHead waits for the head.
func (a *answer) awaitHead(ctx context.Context, limit time.Duration) bool {
	return a.await(ctx, limit, func() bool { return a.head.status != 0 })
}

// heard waits for the n-th event that was published here.
func (a *answer) heard(ctx context.Context, n int, limit time.Duration) bool {
	return a.await(ctx, limit, func() bool { return a.body.find(n) != nil })
}

// ended reports whether the answer is over.
func (a *answer) ended() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.end.how != open
}

// awaitEnd waits for the end.
func (a *answer) awaitEnd(ctx context.Context, limit time.Duration) bool {
	return a.await(ctx, limit, func() bool { return a.end.how != open })
}

// The rest is for the judges, which run when the answer has ended.

// streams reports whether the answer is a stream that can be read.
func (a *answer) streams() bool { return a != nil && a.whyNoStream() == "" }

// whyNoStream says why the answer is not a stream; empty: it is one.
func (a *answer) whyNoStream() string {
	typ := strings.ToLower(a.head.get("Content-Type"))
	coding := strings.ToLower(a.head.get("Content-Encoding"))
	switch {
	case a.head.status != 200:
		return "no stream was opened: " + a.statusWord()
	case !strings.HasPrefix(typ, "text/event-stream"):
		return "the answer is not text/event-stream"
	case coding != "" && coding != "identity" && coding != "gzip":
		return "the answer is encoded: " + quote(coding)
	}
	return ""
}

// lived is how long the connection was open.
func (a *answer) lived() time.Duration { return a.end.at.Sub(a.begun) }

// trailing is the silence before the end.
func (a *answer) trailing() time.Duration { return a.end.at.Sub(a.lastByte) }
