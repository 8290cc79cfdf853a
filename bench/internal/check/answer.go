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
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// answer is what comes back on a connection of its own after one request, with the time at
// which each thing came. A goroutine reads it until it ends or the checks leave it.
// The zero answer was never asked for.
type answer struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when nothing more is read; nil: it was never asked for

	// Guarded by board.mu until done is closed.
	begun     time.Time     // it began to connect
	connected time.Time     // the request is written at once
	address   string        // where to
	hops      []string      // redirects that were followed
	from      *http.Request // the last one
	raw       []byte        // what came first on the wire
	head      head          // status 0: it has not come
	headAt    time.Time     // its first byte
	bodyAt    time.Time     // the body's first byte
	lastByte  time.Time     // of the body; of the head before that
	longest   time.Duration // silence between two bytes of the body
	signs     int           // times that something came after a silence
	start     []byte        // the first bytes of the body
	text      text
	how       how
	err       error // that ended it
	ended     time.Time
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
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		b.mu.Lock()
		waits := slices.ContainsFunc(answers, func(a *answer) bool { return a.done != nil && a.how == open && !met(a) })
		changed := b.changed
		b.mu.Unlock()
		if !waits || ctx.Err() != nil {
			return !waits
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

func hasHead(a *answer) bool { return a.head.status != 0 }
func hasBody(a *answer) bool { return !a.bodyAt.IsZero() }
func hasEnded(*answer) bool  { return false }

// leave closes the connections. Nothing changes after it.
func (b *board) leave(answers ...*answer) {
	for _, a := range answers {
		if a.done != nil {
			a.cancel()
			<-a.done
		}
	}
}

// request is what differs from the request of an EventSource for the stream.
type request struct {
	method  string      // empty: the endpoint's, with its body
	header  http.Header // in place of what is usual; an empty value: not sent
	follow  bool        // redirects, as browsers do
	replace [2]string   // of what is sent
}

// stream makes the request for a stream.
func (e *endpoint) stream(ctx context.Context, r request) (*http.Request, error) {
	usual := http.Header{"Accept": {"text/event-stream"}, "Cache-Control": {"no-cache"}, "User-Agent": {"fastsse-bench check"}}
	if r.method != "" {
		return e.newRequest(ctx, r.method, "", usual, r.header)
	}
	return e.newRequest(ctx, e.method, e.body, usual, r.header)
}

// ask sends a request, and reads the answer from then on. A failure to send it is an
// answer too.
func (b *board) ask(ctx context.Context, a *answer, e *endpoint, r request) {
	ctx, cancel := context.WithCancel(ctx)
	*a = answer{begun: time.Now(), cancel: cancel, done: make(chan struct{}), text: text{run: b.run}}
	go func() {
		defer close(a.done)
		how, err := b.read(ctx, a, e, r)
		b.note(func(now time.Time) {
			if a.how, a.err, a.ended = how, err, now; ctx.Err() != nil {
				a.how, a.err = left, nil
			}
		})
		cancel()
	}()
}

// read reads the answer to its end.
func (b *board) read(ctx context.Context, a *answer, e *endpoint, r request) (how, error) {
	req, err := e.stream(ctx, r)
	if err != nil {
		return garbled, err
	}
	t := e.transport()
	defer t.CloseIdleConnections()
	t.MaxIdleConnsPerHost = -1 // what comes after the answer is nobody's
	t.DialContext, t.DialTLSContext = b.tapped(a, r, e.connect), b.tapped(a, r, e.dialTLS)
	res, err := (&http.Client{Transport: t, CheckRedirect: b.redirects(a, r)}).Do(req)
	b.note(func(now time.Time) {
		if a.head, a.lastByte = headOf(a.raw), now; res != nil {
			a.from = res.Request
		}
	})
	if u, ok := errors.AsType[*url.Error](err); ok {
		return endOf(u.Err), u.Err
	}
	defer func() { _ = res.Body.Close() }()
	body := io.Reader(res.Body)
	if a.head.has("Content-Encoding", "gzip") {
		if body, err = gzip.NewReader(body); err != nil {
			return endOf(err), err
		}
	}
	err = a.text.read(readerFunc(func(p []byte) (int, error) {
		n, err := body.Read(p)
		if n > 0 {
			b.note(func(now time.Time) { a.took(p[:n], now) })
		}
		return n, err
	}), b.note)
	switch {
	case err != io.EOF:
		return endOf(err), err
	case res.ContentLength < 0 && len(res.TransferEncoding) == 0:
		return closed, err
	}
	return whole, err
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// redirects follows redirects if r says so. Secrets are only for the first host.
func (b *board) redirects(a *answer, r request) func(*http.Request, []*http.Request) error {
	return func(to *http.Request, via []*http.Request) error {
		if len(via) > 20 || !r.follow {
			return http.ErrUseLastResponse
		}
		if to.URL.Host != via[0].URL.Host {
			to.Header, to.Host = without(to.Header, secrets...), ""
		}
		b.note(func(time.Time) { a.hops = append(a.hops, to.Response.Status+" to "+to.URL.String()) })
		return nil
	}
}

var secrets = []string{"Authorization", "Cookie", "Host"}

// tap is the connection of an answer, and keeps what comes first, as it comes.
type tap struct {
	net.Conn
	board   *board
	answer  *answer
	replace [2]string
}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// tapped makes connections with dial, and taps them.
func (b *board) tapped(a *answer, r request, dial dialer) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, connectWithin)
		defer cancel()
		b.note(func(now time.Time) { a.begun = now })
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		b.note(func(now time.Time) { a.connected, a.address = now, address })
		return &tap{conn, b, a, r.replace}, nil
	}
}

func (t *tap) Write(p []byte) (int, error) {
	t.board.note(func(time.Time) { t.answer.raw = nil })
	_, err := t.Conn.Write(bytes.Replace(p, []byte(t.replace[0]), []byte(t.replace[1]), 1))
	return len(p), err
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.board.note(func(now time.Time) {
		a := t.answer
		if len(a.raw) == 0 {
			a.headAt = now
		}
		a.raw = append(a.raw, p[:min(n, 64<<10-len(a.raw))]...)
	})
	return n, err
}

// head is a response's status line and headers.
type head struct {
	proto, reason string
	status        int
	http.Header
}

// headOf reads the head of the final answer, and skips 1xx answers.
func headOf(raw []byte) (h head) {
	r := textproto.NewReader(bufio.NewReader(bytes.NewReader(raw)))
	for h.status/100 < 2 {
		line, _ := r.ReadLine()
		proto, rest, _ := strings.Cut(line, " ")
		code, reason, _ := strings.Cut(rest, " ")
		status, _ := strconv.Atoi(code)
		fields, err := r.ReadMIMEHeader()
		if err != nil || status < 100 {
			return head{}
		}
		h = head{proto, reason, status, http.Header(fields)}
	}
	return h
}

// all is a header's value, or all of them with commas between.
func (h *head) all(name string) string { return strings.Join(h.Values(name), ", ") }

// has reports whether a header is a list with one of these words in it, in lower case here.
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
