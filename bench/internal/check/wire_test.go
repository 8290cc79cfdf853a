package check

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// wireFault is a server that does one thing wrong.
type wireFault struct {
	name  string
	head  string // beside a good one's lines; "Name: value" replaces, "-Name" removes
	body  string
	then  func(c net.Conn) // after the body; nil: the stream stays open
	check string
	want  Verdict
	says  string
}

const opening = ":\nretry: 3000\n\n"

var wireFaults = []wireFault{
	{"nothing", "", opening, nil, "answer/content-type", OK, "text/event-stream"},
	{"status 204", "204 No Content", "", nil, "answer/status", Fail, "204"},
	{"kept 204", "204 No Content\n-Cache-Control", "", nil, "answer/cached", Warn, "204 No Content: caches may keep that"},
	{"204 of a cache", "204 No Content\nAge: 17", "", nil, "answer/cached", Fail, "Age: 17"},
	{"404 with no-store", "404 Not Found\nCache-Control: no-store", "", nil, "answer/cached", OK, "404 Not Found"},
	{"status 503", "503 Busy", "later", nil, "answer/status", Fail, `503 Busy: "later"`},
	{"another type", "Content-Type: text/html", opening, nil, "answer/content-type", Fail, "text/html"},
	{"another body", "Content-Type: text/html", "<html>\n<body>\n", nil, "stream/fields", Skipped, "not text/event-stream"},
	{"no type", "-Content-Type", opening, nil, "answer/content-type", Fail, "missing"},
	{"a parameter", "Content-Type: text/event-stream; charset=UTF-8", opening, nil, "answer/content-type", OK, "charset=UTF-8"},
	{"a charset", "Content-Type: text/event-stream; charset=latin1", opening, nil, "answer/content-type", Fail, "latin1"},
	{"no Cache-Control", "-Cache-Control", opening, nil, "answer/cache-control", Warn, "missing"},
	{"cached", "Cache-Control: public, max-age=60", opening, nil, "answer/cache-control", Fail, "max-age=60"},
	{"only private", "Cache-Control: private", opening, nil, "answer/cache-control", Warn, "neither"},
	{"transformable", "Cache-Control: no-store", opening, nil, "answer/cache-control", Warn, "no-transform"},
	{"no X-Accel-Buffering", "-X-Accel-Buffering", opening, nil, "answer/x-accel-buffering", Warn, "missing"},
	{"X-Accel-Buffering yes", "X-Accel-Buffering: yes", opening, nil, "answer/x-accel-buffering", Warn, `"yes"`},
	{"nginx in front", "-X-Accel-Buffering\nServer: nginx/1.22.1", opening, nil, "answer/x-accel-buffering", Skipped, "-direct"},
	{"encoded", "Content-Encoding: br", opening, nil, "answer/content-encoding", Fail, "br"},
	{"unreadable", "Content-Encoding: br", "\xff\xfe\n", nil, "stream/text", Skipped, "encoded"},
	{"a length", "-Transfer-Encoding\nContent-Length: 1000", opening, nil, "answer/framing", Fail, "Content-Length: 1000"},
	{"two framings", "Content-Length: 1000", opening, nil, "answer/framing", Fail, "both"},
	{"no framing", "-Transfer-Encoding", opening, nil, "answer/framing", Warn, "end of the connection"},
	{"chunks of no size", "", opening, sendRaw("hello\r\n"), "answer/framing", Fail, "not what the head promises"},
	{"no first byte", "", "", nil, "answer/first-byte", Warn, "no byte"},

	{"latin1", "", "data: caf\xe9\n\n", nil, "stream/text", Fail, "not UTF-8"},
	{"leading mark", "", "\ufeffdata: x\n\n", nil, "stream/text", Warn, "byte order mark"},
	{"stray mark", "", "data: x\n\n\ufeffdata: y\n\n", nil, "stream/text", Fail, "inside"},
	{"lone CR", "", "data: x\r\rdata: y\r\r", nil, "stream/line-ends", Warn, "lone CR"},
	{"mixed ends", "", "data: x\r\n\r\ndata: y\n\n", nil, "stream/line-ends", Warn, "LF, 4 CRLF"},
	{"CRLF", "", "data: x\r\n\r\n", nil, "stream/line-ends", OK, "CRLF"},
	{"capitals", "", "Data: x\n\n", nil, "stream/fields", Fail, `"Data: x"`},
	{"indented", "", " data: x\n\n", nil, "stream/fields", Fail, `" data: x"`},
	{"pretty JSON", "", "data: {\n  \"a\": 1\n}\n\n", nil, "stream/fields", Fail, "line break"},
	{"a field of its own", "", "data: x\nseq: 4\n\n", nil, "stream/fields", Warn, `"seq: 4"`},
	{"NUL in an id", "", "id: a\x00b\ndata: x\n\n", nil, "stream/fields", Fail, "NUL"},
	{"no data", "", "event: ping\n\n", nil, "stream/blocks", Warn, `"event: ping"`},
	{"no blank line", "", "data: x\n", nil, "stream/blocks", Fail, "blank line"},
	{"no line break", "", "data: x", nil, "stream/blocks", Fail, "blank line"},
	{"unfinished at the end", "", "id: 1\ndata: x\n", sendRaw("0\r\n\r\n"), "stream/blocks", Fail, "ended inside an event"},
	{"comment with a blank line", "", ": hb\n\n", nil, "stream/comments", Warn, "openai-go"},
	{"comment with a point", "", ": .\n", nil, "stream/comments", OK, "comments, none with"},
	{"no retry", "", "data: x\n\n", nil, "stream/retry", Warn, "none"},
	{"retry 0", "", "retry: 0\n\n", nil, "stream/retry", Fail, "hot loop"},
	{"retry 100", "", "retry: 100\n\n", nil, "stream/retry", Warn, "100 ms"},
	{"retry 5 min", "", "retry: 300000\n\n", nil, "stream/retry", Warn, "more than a minute"},
	{"empty retry", "", "retry:\n\n", nil, "stream/retry", Fail, "empty"},
	{"retry 3s", "", "retry: 3s\n\n", nil, "stream/retry", Fail, `"3s"`},
	{"retry that waits for its event", "", ":\nretry: 3000\n", beat, "stream/retry", OK, "3000 ms"},
	{"retry after a position", "", ":\nid: e-0\n\nretry: 3000\n", beat, "stream/blocks", OK, "set an id or a retry, without data"},
	{"no ids", "", "data: x\n\n", nil, "stream/ids", Warn, "1 event without an id"},
	{"some ids", "", "id: 1\ndata: x\n\ndata: y\n\n", nil, "stream/ids", Warn, "1 of 2"},
	{"one id twice", "", "id: 1\ndata: x\n\nid: 1\ndata: y\n\n", nil, "stream/ids", Fail, `"1"`},

	{"ends", "", opening, sendRaw("0\r\n\r\n"), "life/lifetime", Warn, "cleanly"},
	{"closes", "-Transfer-Encoding", opening, closeNow, "life/lifetime", Warn, "cannot be told from a cut"},
	{"is cut", "", opening, closeNow, "life/lifetime", Fail, "without the body's last chunk"},
	{"is reset", "", opening, resetNow, "life/lifetime", Fail, "reset"},
	{"beats", "", opening, beat, "life/heartbeat", OK, "never silent"},
}

// All at once: they mostly wait.
func TestWireFaults(t *testing.T) {
	t.Parallel()
	reports := make([]*Report, len(wireFaults))
	var all sync.WaitGroup
	for i, f := range wireFaults {
		url := serveWire(t, f.serve)
		all.Go(func() {
			p := defaultPace
			p.head, p.grace = 500*time.Millisecond, 50*time.Millisecond
			r, err := Run(t.Context(), Config{URL: url, For: 800 * time.Millisecond, pace: p})
			if err != nil {
				t.Errorf("%s: %v", f.name, err)
			}
			reports[i] = r
		})
	}
	all.Wait()
	for i, f := range wireFaults {
		t.Run(f.name, func(t *testing.T) {
			if reports[i] != nil {
				expect(t, reports[i], f.check, f.want, f.says)
			}
		})
	}
}

func (f wireFault) serve(c net.Conn, r *http.Request) {
	if r.Method != "GET" {
		write(c, "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
		return
	}
	head := goodHead(f.head)
	write(c, head)
	body := f.body
	if body != "" && strings.Contains(head, "chunked") {
		body = fmt.Sprintf("%x\r\n%s\r\n", len(body), body)
	}
	write(c, body)
	if f.then == nil {
		f.then = hold
	}
	f.then(c)
}

// goodHead is a head without fault, but for the changes.
func goodHead(changes string) string {
	status := "200 OK"
	lines := []string{"Content-Type: text/event-stream", "Cache-Control: no-cache, no-transform", "X-Accel-Buffering: no", "Transfer-Encoding: chunked"}
	for change := range strings.Lines(changes) {
		change = strings.TrimSpace(change)
		if '0' <= change[0] && change[0] <= '9' {
			status = change
			continue
		}
		name, value, add := strings.Cut(strings.TrimPrefix(change, "-"), ":")
		kept := lines[:0:0]
		for _, l := range lines {
			if !strings.HasPrefix(l, name+":") {
				kept = append(kept, l)
			}
		}
		if lines = kept; add {
			lines = append(lines, name+":"+value)
		}
	}
	return "HTTP/1.1 " + status + "\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
}

func sendRaw(s string) func(net.Conn) {
	return func(c net.Conn) {
		write(c, s)
		hold(c)
	}
}

func closeNow(net.Conn) {}

func resetNow(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }

func beat(c net.Conn) {
	for {
		time.Sleep(250 * time.Millisecond)
		if _, err := io.WriteString(c, "2\r\n:\n\r\n"); err != nil {
			return
		}
	}
}

// If a proxy cuts every stream at the same age, the finding says at which.
func TestCutIsNamedWithItsTime(t *testing.T) {
	t.Parallel()
	const age = 2 * time.Second
	cutting := serveWire(t, func(c net.Conn, r *http.Request) {
		write(c, goodHead("")+"2\r\n:\n\r\n")
		time.Sleep(age)
	})
	direct := serveWire(t, wireFault{body: opening}.serve)
	r := look(t, Config{URL: cutting, Direct: direct, For: 4 * time.Second})
	expect(t, r, "life/lifetime", Fail, "cut after 2.", "no proxy or platform is known")
	expect(t, r, "between/lifetime", Fail, "the proxy ends the stream after 2.", "direct it lives on")
}

// Secrets are not sent to another host.
func TestRedirectIsFollowedAndNamed(t *testing.T) {
	t.Parallel()
	first, second := make(chan string, 100), make(chan string, 100)
	final := serveWire(t, func(c net.Conn, r *http.Request) {
		second <- r.Header.Get("Authorization")
		wireFault{body: opening}.serve(c, r)
	})
	url := serveWire(t, func(c net.Conn, r *http.Request) {
		first <- r.Header.Get("Authorization")
		write(c, "HTTP/1.1 307 Temporary Redirect\r\nLocation: "+final+"\r\nContent-Length: 0\r\n\r\n")
	})
	r := look(t, Config{URL: url, Header: http.Header{"Authorization": {"Bearer x"}}})
	expect(t, r, "answer/redirect", Warn, "1 redirect", "307", final)
	expect(t, r, "answer/status", OK)
	if a, b := <-first, <-second; a != "Bearer x" || b != "" {
		t.Errorf("Authorization: %q, then %q", a, b)
	}
}

func TestHeadMethod(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]Verdict{
		"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 9\r\n\r\n":            OK,
		"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 5\r\n\r\nsorry":       Fail,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n":               Fail,
		"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: x\r\n\n": Fail,
		"HTTP/1.1 500 Oh\r\n\r\n": Warn,
		"":                        Fail, // nothing within any time
	} {
		t.Run(answer, func(t *testing.T) {
			t.Parallel()
			url := serveWire(t, func(c net.Conn, r *http.Request) {
				if r.Method == "HEAD" {
					write(c, answer)
				} else {
					write(c, goodHead("")+"2\r\n:\n\r\n")
				}
				hold(c)
			})
			p := defaultPace
			p.head, p.grace = 300*time.Millisecond, 100*time.Millisecond
			r := look(t, Config{URL: url, For: 200 * time.Millisecond, pace: p})
			expect(t, r, "protocol/head-method", want, "HEAD")
		})
	}
}

func TestHTTP10(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]Verdict{
		"HTTP/1.0 200 OK\r\n\r\n:\n":                      OK,
		"HTTP/1.1 505 HTTP Version Not Supported\r\n\r\n": OK,
		"HTTP/1.1 426 Upgrade Required\r\n\r\n":           OK,
		goodHead("") + "2\r\n:\n\r\n":                     Fail,
		"":                                                Fail,
	} {
		t.Run(answer, func(t *testing.T) {
			t.Parallel()
			url := serveWire(t, func(c net.Conn, r *http.Request) {
				if r.ProtoMinor == 0 {
					write(c, answer)
				} else {
					write(c, goodHead("")+"2\r\n:\n\r\n")
				}
				hold(c)
			})
			p := defaultPace
			p.head, p.grace = 300*time.Millisecond, 100*time.Millisecond
			r := look(t, Config{URL: url, For: 200 * time.Millisecond, pace: p})
			expect(t, r, "protocol/http-1.0", want)
		})
	}
}

func TestServerThatAnswersNothing(t *testing.T) {
	t.Parallel()
	p := defaultPace
	p.head = 200 * time.Millisecond
	url, begun, limit := serveWire(t, func(c net.Conn, _ *http.Request) { hold(c) }), time.Now(), 3*time.Second
	silent := look(t, Config{URL: url, Direct: url, For: limit, pace: p})
	if took := time.Since(begun); took > 2*limit {
		t.Errorf("waited for %v twice: it took %v", limit, took)
	}
	expect(t, silent, "answer/status", Fail, "no answer within")
	expect(t, silent, "answer/content-type", Skipped)
	hasty := look(t, Config{URL: serveWire(t, func(net.Conn, *http.Request) {}), pace: p})
	expect(t, hasty, "answer/status", Fail, "the connection ended")
	garbage := look(t, Config{URL: serveWire(t, func(c net.Conn, _ *http.Request) { write(c, "SSH-2.0-x\r\n\r\n") }), pace: p})
	expect(t, garbage, "answer/status", Fail, "HTTP/1")
}
