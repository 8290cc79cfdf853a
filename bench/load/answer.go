package load

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// answer takes the HTTP/1.1 around an event stream away as it arrives: the head,
// and the chunks.
type answer struct {
	headDone bool
	chunked  bool
	chunk    int    // bytes of the present chunk still to come
	tail     bool   // the CRLF after a chunk's bytes comes next
	ended    bool   // the last chunk was seen
	raw      []byte // bytes of the head or the framing that could not be read yet
}

// refusal is an answer that is not a stream: a browser does not come back after
// one.
type refusal struct{ what string }

func (r *refusal) Error() string { return r.what }

func isRefusal(err error) bool {
	var r *refusal
	return errors.As(err, &r)
}

// feed takes the next bytes and returns those of the body among them. It uses b
// as its own.
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
		return b, nil
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
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		if len(b) > maxHead {
			return nil, &refusal{fmt.Sprintf("a head of more than %d bytes", maxHead)}
		}
		a.raw = bytes.Clone(b)
		return nil, nil
	}
	status, headers, _ := strings.Cut(string(b[:end]), "\r\n")
	fields := strings.Fields(status)
	if len(fields) < 2 || fields[1] != "200" {
		return nil, &refusal{fmt.Sprintf("the answer is %q", status)}
	}
	headers = strings.ToLower(headers)
	if strings.Contains(headers, "content-encoding:") {
		return nil, &refusal{"the answer is encoded although that was not asked for"}
	}
	if !strings.Contains(headers, "text/event-stream") {
		return nil, &refusal{"the answer is no text/event-stream"}
	}
	a.chunked = strings.Contains(headers, "transfer-encoding: chunked")
	a.headDone = true
	return b[end+4:], nil
}

// dechunk takes the framing out of b, in place, and returns the body's bytes and
// what could not be read yet.
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
			b, a.tail = b[2:], false
		default:
			n, after, ok, err := chunkSize(b)
			if err != nil {
				return nil, nil, err
			}
			if !ok {
				return out, b, nil
			}
			b, a.chunk, a.ended = after, n, n == 0
		}
	}
	return out, nil, nil
}

// maxChunk bounds what a chunk may claim to hold.
const maxChunk = 1 << 30

// chunkSize reads the line before a chunk, and is not ok if it is not all there.
func chunkSize(b []byte) (n int, rest []byte, ok bool, err error) {
	end := bytes.IndexByte(b, '\n')
	for i, c := range b {
		switch {
		case '0' <= c && c <= '9':
			n = n<<4 | int(c-'0')
		case 'a' <= c && c <= 'f':
			n = n<<4 | int(c-'a'+10)
		case 'A' <= c && c <= 'F':
			n = n<<4 | int(c-'A'+10)
		case i > 0 && (c == '\r' || c == ';' || c == ' '): // extensions are of no interest
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
