package check

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// answer is what comes back on one connection after one request, with the time at
// which each thing came. A goroutine reads it until it ends or the checks leave it.
// The zero answer was never asked for.
type answer struct {
	// Static after ask.
	begun, connected time.Time // the request is written once it is connected
	method           string
	conn             net.Conn      // nil: there is none
	done             chan struct{} // closed when nothing more is read

	// Guarded by board.mu until done is closed.
	leaving  bool
	head     head          // status 0: it has not come
	headAt   time.Time     // its first byte
	bodyAt   time.Time     // the body's first byte
	lastByte time.Time     // of the body; of the head before that
	longest  time.Duration // silence between two bytes of the body
	signs    int           // times that something came after a silence
	start    []byte        // the first bytes of the body
	text     text
	how      how
	err      error // that ended it
	ended    time.Time
}

// how is how an answer came to its end.
type how string

const (
	open    how = ""
	left    how = "left by the checks"
	whole   how = "cleanly"
	closed  how = "by closing the connection, which cannot be told from a cut"
	cut     how = "the connection ended without the body's last chunk"
	reset   how = "the connection was reset"
	garbled how = "the bytes are not what the head promises"
)

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

// head is a response's status line and headers.
type head struct {
	proto, reason string
	status        int
	http.Header
}

// all is a header's value, or all of them with commas between.
func (h *head) all(name string) string { return strings.Join(h.Values(name), ", ") }

// has reports whether a header is a list with one of these words in it, in any case.
func (h *head) has(name string, words ...string) bool {
	for item := range strings.SplitSeq(strings.ToLower(h.all(name)), ",") {
		item, _, _ = strings.Cut(item, ";")
		item, _, _ = strings.Cut(item, "=")
		if slices.Contains(words, strings.TrimSpace(item)) {
			return true
		}
	}
	return false
}

func (h *head) String() string { return strings.TrimSpace(strconv.Itoa(h.status) + " " + h.reason) }

// board is where the readers of all answers note what comes.
type board struct {
	run     string        // events with this mark are published; static
	mu      sync.Mutex    // guards each answer until its done is closed, and changed
	changed chan struct{} // closed, and replaced, whenever something is noted
}

func (b *board) note(change func(now time.Time)) {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	change(now)
	close(b.changed)
	b.changed = make(chan struct{})
}

// await waits until each of the answers has ended or is as met says, for at most limit. It
// reports whether all are.
func (b *board) await(ctx context.Context, limit time.Duration, met func(*answer) bool, answers ...*answer) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		b.mu.Lock()
		waits := slices.ContainsFunc(answers, func(a *answer) bool { return a.conn != nil && a.how == open && !met(a) })
		changed := b.changed
		b.mu.Unlock()
		if !waits {
			return true
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

func hasHead(a *answer) bool { return a.head.status != 0 }
func hasBody(a *answer) bool { return !a.bodyAt.IsZero() }
func hasEnded(*answer) bool  { return false }

// leave closes the connections. Nothing changes after it.
func (b *board) leave(answers ...*answer) {
	for _, a := range answers {
		if a.conn != nil {
			b.note(func(time.Time) { a.leaving = true })
			_ = a.conn.Close()
			<-a.done
		}
	}
}

// ask sends a request, and reads the answer from then on. A failure to send it is an
// answer too.
func (b *board) ask(ctx context.Context, a *answer, e *endpoint, r request) {
	*a = answer{begun: time.Now(), method: r.method, done: make(chan struct{}), text: text{run: b.run}}
	if err := a.send(ctx, e, r); err != nil {
		a.how, a.err, a.ended = endOf(err), err, time.Now()
		close(a.done)
		return
	}
	go func() {
		defer close(a.done)
		how, err := b.read(a)
		_ = a.conn.Close()
		b.note(func(now time.Time) {
			if a.how, a.err, a.ended = how, err, now; a.leaving {
				a.how, a.err = left, nil
			}
		})
	}()
}

func (a *answer) send(ctx context.Context, e *endpoint, r request) error {
	req, err := e.stream(ctx, r)
	if err != nil {
		return err
	}
	var sent bytes.Buffer
	if err = req.Write(&sent); err != nil {
		return err
	}
	if a.conn, err = e.dial(ctx); err != nil {
		return err
	}
	a.connected = time.Now()
	p := sent.Bytes()
	if r.http10 {
		p = bytes.Replace(p, []byte("HTTP/1.1\r\n"), []byte("HTTP/1.0\r\n"), 1)
	}
	_, err = a.conn.Write(p)
	return err
}

// read reads the answer to its end.
func (b *board) read(a *answer) (how, error) {
	limited := &io.LimitedReader{R: a.conn, N: 64 << 10} // a longer head is none
	r := bufio.NewReaderSize(limited, 16<<10)
	if _, err := r.Peek(1); err != nil {
		return endOf(err), err
	}
	begun := time.Now()
	h, err := readHead(textproto.NewReader(r))
	if err != nil {
		return endOf(err), err
	}
	limited.N = math.MaxInt64
	b.note(func(now time.Time) { a.head, a.headAt, a.lastByte = h, begun, now })
	length, noLength := strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	announced := &io.LimitedReader{R: r, N: length}
	switch {
	case a.method == "HEAD": // what follows the head is read as it is
		err = b.readBody(a, r)
	case h.has("Transfer-Encoding", "chunked"):
		err = b.readBody(a, httputil.NewChunkedReader(r))
	case noLength == nil, h.status == 204, h.status == 304:
		if err = b.readBody(a, announced); err == io.EOF && announced.N > 0 {
			err = io.ErrUnexpectedEOF
		}
	default:
		if err = b.readBody(a, r); err == io.EOF {
			return closed, err
		}
	}
	if err == io.EOF {
		return whole, err
	}
	return endOf(err), err
}

// readHead reads the head of the final answer, and skips 1xx answers.
func readHead(r *textproto.Reader) (h head, err error) {
	for h.status/100 < 2 {
		line, err := r.ReadLine()
		if err != nil {
			return head{}, err
		}
		proto, rest, _ := strings.Cut(line, " ")
		code, reason, _ := strings.Cut(rest, " ")
		status, _ := strconv.Atoi(code)
		if !strings.HasPrefix(proto, "HTTP/1.") || status < 100 || status > 999 {
			return head{}, fmt.Errorf("the answer does not begin as HTTP/1 does: %s", quote(line))
		}
		fields, err := r.ReadMIMEHeader()
		if err != nil {
			return head{}, err
		}
		h = head{proto, reason, status, http.Header(fields)}
	}
	return h, nil
}

// readBody notes the body as it comes, without gzip.
func (b *board) readBody(a *answer, r io.Reader) error {
	if a.head.has("Content-Encoding", "gzip") {
		zipped, err := gzip.NewReader(r)
		if err != nil {
			return err
		}
		r = zipped
	}
	return a.text.read(readerFunc(func(p []byte) (int, error) {
		n, err := r.Read(p)
		if n > 0 {
			b.note(func(now time.Time) { a.took(p[:n], now) })
		}
		return n, err
	}), b.note)
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// signAfter is the silence that makes the next byte a sign of life.
const signAfter = 200 * time.Millisecond

func (a *answer) took(p []byte, now time.Time) {
	silence := now.Sub(a.lastByte)
	if silence >= signAfter {
		a.signs++
	}
	if !hasBody(a) {
		a.bodyAt = now
	}
	a.longest, a.lastByte = max(a.longest, silence), now
	a.start = append(a.start, p[:min(len(p), 512-len(a.start))]...)
}

// The rest is for the judges, which run when the answer has ended.

// status is the status, or why there is none.
func (a *answer) status() string {
	switch {
	case hasHead(a):
		return a.head.String()
	case a.err == nil:
		return "no answer"
	}
	return fmt.Sprintf("no answer (%v)", a.err)
}

// streams reports whether the answer is a stream that can be read.
func (a *answer) streams() bool { return a.whyNoStream() == "" }

// whyNoStream says why the answer is not a stream; empty: it is one.
func (a *answer) whyNoStream() string {
	coding := strings.ToLower(cmp.Or(a.head.Get("Content-Encoding"), "identity"))
	switch {
	case a.head.status != 200:
		return "no stream was opened: " + a.status()
	case !strings.HasPrefix(strings.ToLower(a.head.Get("Content-Type")), "text/event-stream"):
		return "the answer is not text/event-stream"
	case coding != "identity" && coding != "gzip":
		return "the answer is encoded: " + quote(coding)
	}
	return ""
}

func (a *answer) lived() time.Duration    { return a.ended.Sub(a.begun) }
func (a *answer) trailing() time.Duration { return a.ended.Sub(a.lastByte) } // silence before the end
func (a *answer) headIn() time.Duration   { return a.headAt.Sub(a.connected) }
