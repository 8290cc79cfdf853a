package load

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// answer strips the HTTP/1.1 around an event stream, the head and the chunks, as it
// arrives.
type answer struct {
	headDone bool
	chunked  bool
	chunk    int    // bytes of the present chunk still to come
	tail     bool   // the CRLF after a chunk's bytes comes next
	sized    bool   // the head says how long the body is…
	left     int    // …and this is how much of it is still to come
	ended    bool   // the whole body was seen
	raw      []byte // bytes of the head or the framing, not yet complete
}

// refusal is an answer that is not a stream: after one a browser does not reconnect.
type refusal struct {
	what     string
	code     int    // of the answer; zero: there was none
	location string // of a redirection
}

func (r *refusal) Error() string { return r.what }

func isRefusal(err error) bool {
	var r *refusal
	return errors.As(err, &r)
}

// feed takes the next bytes and returns those of the body among them. With an error it
// also returns the body bytes before it. It overwrites b.
func (a *answer) feed(b []byte) (body []byte, err error) {
	if len(a.raw) > 0 {
		b = append(a.raw, b...)
		a.raw = nil
	}
	if !a.headDone {
		if b, err = a.head(b); err != nil || !a.headDone {
			return nil, err
		}
	}
	if !a.chunked {
		return a.cut(b), nil
	}
	body, rest, err := a.dechunk(b)
	if len(rest) > 0 {
		a.raw = bytes.Clone(rest)
	}
	return body, err
}

// maxHead bounds the head of an answer.
const maxHead = 64 << 10

// head reads the status line and headers.
func (a *answer) head(b []byte) (rest []byte, err error) {
	const http11 = "HTTP/"
	if !strings.HasPrefix(http11, string(b[:min(len(b), len(http11))])) {
		line, _, _ := bytes.Cut(b[:min(len(b), 100)], []byte("\n"))
		return nil, &refusal{what: fmt.Sprintf("the peer does not speak HTTP: it says %q; is the port right, and is it http or https?", bytes.TrimSpace(line))}
	}
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		if len(b) > maxHead {
			return nil, &refusal{what: fmt.Sprintf("a head of more than %d bytes", maxHead)}
		}
		a.raw = bytes.Clone(b)
		return nil, nil
	}
	status, headers, _ := strings.Cut(string(b[:end]), "\r\n")
	fields := append(strings.Fields(status), "", "")
	switch code := fields[1]; {
	case len(code) == 3 && code[0] == '1' && code != "101": // not the final answer yet
		return a.head(b[end+4:])
	case code != "200":
		res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(b)), nil)
		if err != nil {
			return nil, &refusal{what: fmt.Sprintf("the answer is %q", status)}
		}
		return nil, refused(res)
	}
	if err := a.readHeaders(headers); err != nil {
		return nil, err
	}
	a.headDone = true
	return b[end+4:], nil
}

// readHeaders finds out what the body is and where it ends.
func (a *answer) readHeaders(lines string) error {
	var kind, encoding string
	for line := range strings.SplitSeq(lines, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch strings.ToLower(name) {
		case "content-type":
			kind = value
		case "content-encoding":
			encoding = value
		case "transfer-encoding":
			a.chunked = strings.EqualFold(value, "chunked")
		case "content-length":
			n, err := strconv.Atoi(value)
			a.sized, a.left = err == nil && n >= 0, n
		}
	}
	return noStream(kind, encoding, "")
}

// noStream returns a refusal unless the body of an answer is an event stream, not
// encoded or encoded as the request asked.
func noStream(kind, encoding, asked string) error {
	encoding = strings.ToLower(encoding)
	if encoding != "" && encoding != "identity" && encoding != asked {
		return &refusal{what: fmt.Sprintf("the answer is encoded (%s) although the request did not ask for that", encoding)}
	}
	media, _, _ := strings.Cut(kind, ";")
	if !strings.EqualFold(strings.TrimSpace(media), "text/event-stream") {
		return &refusal{what: fmt.Sprintf("the answer is %q and not text/event-stream", kind)}
	}
	return nil
}

// end is the error of a connection that has been closed.
func (a *answer) end() error {
	if a.headDone && !a.ended && (a.chunked || a.sized) {
		return errCut
	}
	return errEnded
}

// cut takes the bytes of a body without chunks, which ends with the connection unless
// the head has said how long it is.
func (a *answer) cut(b []byte) []byte {
	if !a.sized {
		return b
	}
	b = b[:min(len(b), a.left)]
	a.left -= len(b)
	a.ended = a.left == 0
	return b
}

// dechunk removes the framing from b, in place, and returns the body's bytes and the
// rest, which is not complete yet.
func (a *answer) dechunk(b []byte) (body, rest []byte, err error) {
	out := b[:0]
	for len(b) > 0 && !a.ended {
		switch {
		case a.chunk > 0:
			n := min(a.chunk, len(b))
			out = append(out, b[:n]...)
			b = b[n:]
			a.chunk -= n
			a.tail = a.chunk == 0
		case a.tail:
			if len(b) < 2 {
				return out, b, nil
			}
			if b[0] != '\r' || b[1] != '\n' {
				return out, nil, fmt.Errorf("%q where a chunk should end", b[:2])
			}
			b, a.tail = b[2:], false
		default:
			n, after, ok, err := chunkSize(b)
			if err != nil {
				return out, nil, err
			}
			if !ok {
				return out, b, nil
			}
			b, a.chunk, a.ended = after, n, n == 0
		}
	}
	return out, nil, nil
}

const (
	maxChunk     = 1 << 30 // bytes that a chunk may claim to hold
	maxChunkLine = 4 << 10 // bytes of the line before it
)

// chunkSize reads the line before a chunk; ok is false if it is not complete yet.
func chunkSize(b []byte) (n int, rest []byte, ok bool, err error) {
	end := bytes.IndexByte(b, '\n')
	if end < 0 && len(b) > maxChunkLine || end > maxChunkLine {
		return 0, nil, false, fmt.Errorf("more than %d bytes before a chunk", maxChunkLine)
	}
	for i, c := range b {
		switch {
		case '0' <= c && c <= '9':
			n = n<<4 | int(c-'0')
		case 'a' <= c && c <= 'f':
			n = n<<4 | int(c-'a'+10)
		case 'A' <= c && c <= 'F':
			n = n<<4 | int(c-'A'+10)
		case i > 0 && (c == '\r' || c == ';' || c == ' '): // extensions are ignored
			if end < 0 {
				return 0, b, false, nil
			}
			return n, b[end+1:], true, nil
		default:
			return 0, nil, false, fmt.Errorf("chunk of size %q", b[:min(len(b), 16)])
		}
		if n > maxChunk {
			return 0, nil, false, fmt.Errorf("chunk of size %q: more than %d bytes", b[:i+1], maxChunk)
		}
	}
	return 0, b, false, nil
}
