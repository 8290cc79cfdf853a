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
	sized    bool   // the head says how long the body is
	ended    bool   // the whole body was seen
	at       place  // in the chunks
	line     int    // bytes of the line before a chunk that have come
	left     int    // bytes of the body, or of the present chunk, still to come
	raw      []byte // bytes of the head, not yet complete
}

// place is where the next byte of a body in chunks belongs.
type place uint8

const (
	inSize place = iota
	inExtension
	inChunk
	atCR // after the chunk's bytes
	atLF
	places = iota
)

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

// next takes the next bytes, until some of them are of the body, and returns these and what
// follows them. With an error there are none.
func (a *answer) next(b []byte) (body, rest []byte, err error) {
	if !a.headDone {
		if b, err = a.head(b); err != nil || !a.headDone {
			return nil, nil, err
		}
	}
	if !a.chunked {
		return a.cut(b), nil, nil
	}
	if n, size := crlfLine(b); a.at == atCR && n > 0 { // fast path: all of it is there
		b, a.at, a.left = b[n:], inChunk, size
	} else if a.at != inChunk && !a.ended {
		if b, err = a.between(b); err != nil {
			return nil, nil, err
		}
	}
	if a.ended {
		return nil, nil, nil
	}
	n := min(a.left, len(b))
	if a.left -= n; a.left == 0 && a.at == inChunk {
		a.at = atCR
	}
	return b[:n], b[n:], nil
}

// maxHead bounds the head of an answer.
const maxHead = 64 << 10

// head reads the status line and headers.
func (a *answer) head(b []byte) (rest []byte, err error) {
	b, a.raw = append(a.raw, b...), nil
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
		a.raw = b
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
	if a.chunked {
		a.sized, a.left = false, 0
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

const (
	maxChunk     = 1 << 30 // bytes that a chunk may claim to hold
	maxChunkLine = 4 << 10 // bytes of the line before it
)

// between takes bytes between two chunks: the CRLF after one, and the line before the next.
func (a *answer) between(b []byte) (rest []byte, err error) {
	for i, c := range b {
		switch a.at {
		case atCR, atLF:
			if c != "\r\n"[a.at-atCR] {
				return nil, fmt.Errorf("%q where a chunk should end", b[i:min(i+2, len(b))])
			}
			a.at = (a.at + 1) % places
		case inSize:
			if err := a.size(c); err != nil {
				return nil, err
			}
		case inExtension: // which is ignored
			if a.line++; c == '\n' {
				a.at, a.line, a.ended = inChunk, 0, a.left == 0
				return b[i+1:], nil
			}
		}
		if a.line > maxChunkLine {
			return nil, fmt.Errorf("more than %d bytes before a chunk", maxChunkLine)
		}
	}
	return nil, nil
}

// crlfLine is how many bytes of b are the CRLF after a chunk and the line before the next,
// which is size bytes long, if that is all that the line says; else 0.
func crlfLine(b []byte) (n, size int) {
	if len(b) < 12 || b[0] != '\r' || b[1] != '\n' {
		return 0, 0
	}
	for i, c := range b[2:9] {
		digit := hexDigit(c)
		switch {
		case digit >= 0:
			size = size<<4 | digit
		case c == '\r' && b[3+i] == '\n' && size > 0:
			return 4 + i, size
		default:
			return 0, 0
		}
	}
	return 0, 0
}

// hexDigit is the value of a digit; negative: it is none.
func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// size takes a digit of a chunk's size, or what ends it.
func (a *answer) size(c byte) error {
	a.line++
	digit := hexDigit(c)
	switch {
	case digit >= 0:
		a.left = a.left<<4 | digit
	case a.line > 1 && (c == '\r' || c == ';' || c == ' '):
		a.at = inExtension
	default:
		return fmt.Errorf("chunk of size %q", string(c))
	}
	if a.left > maxChunk {
		return fmt.Errorf("chunk of more than %d bytes", maxChunk)
	}
	return nil
}
