package load

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// answer strips the HTTP/1.1 around an event stream, the head and the chunks, as it
// arrives.
type answer struct {
	headDone bool
	chunked  bool
	sized    bool   // the head says how long the body is
	ended    bool   // the whole body was seen
	crlf     int    // bytes of the CRLF after a chunk still to come
	left     int    // bytes of the body, or of the present chunk, still to come
	raw      []byte // of the head, or of the line before a chunk, not yet complete
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

// next takes the next bytes, until some of them are of the body, and returns these and what
// follows them. With an error there are none.
func (a *answer) next(b []byte) (body, rest []byte, err error) {
	if !a.headDone {
		if b, err = a.head(b); err != nil || !a.headDone {
			return nil, nil, err
		}
	}
	if a.chunked && a.left == 0 && !a.ended {
		if b, err = a.between(b); err != nil {
			return nil, nil, err
		}
	}
	switch {
	case a.ended:
		return nil, nil, nil
	case !a.chunked && !a.sized:
		return b, nil, nil
	}
	n := min(a.left, len(b))
	a.left -= n
	switch {
	case a.left > 0:
	case a.sized:
		a.ended = true
	case n > 0:
		a.crlf = len(crlf)
	}
	return b[:n], b[n:], nil
}

// maxHead bounds the head of an answer.
const maxHead = 64 << 10

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
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(b)), nil)
	switch {
	case err != nil:
		status, _, _ := bytes.Cut(b, []byte("\r\n"))
		return nil, &refusal{what: fmt.Sprintf("the answer is %q: %v", status, err)}
	case res.StatusCode/100 == 1 && res.StatusCode != http.StatusSwitchingProtocols: // not the final answer yet
		return a.head(b[end+4:])
	case res.StatusCode != http.StatusOK:
		return nil, refused(res)
	}
	if err := noStream(res, ""); err != nil {
		return nil, err
	}
	a.headDone, a.chunked, a.sized = true, len(res.TransferEncoding) > 0, res.ContentLength >= 0
	if a.chunked {
		return b[end+4:], nil
	}
	a.left = int(max(res.ContentLength, 0))
	return b[end+4:], nil
}

// noStream returns a refusal unless the body of an answer is an event stream, not
// encoded or encoded as the request asked. With a refusal the body is closed.
func noStream(res *http.Response, asked string) error {
	encoding := strings.ToLower(res.Header.Get("Content-Encoding"))
	if encoding != "" && encoding != "identity" && encoding != asked {
		_ = res.Body.Close()
		return &refusal{what: fmt.Sprintf("the answer is encoded (%s) although the request did not ask for that", encoding), code: res.StatusCode}
	}
	media, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(media), "text/event-stream") {
		return otherType(res, encoding)
	}
	return nil
}

// otherType is the refusal that an answer of another type, or of none, is. It closes its body.
func otherType(res *http.Response, encoding string) *refusal {
	what := fmt.Sprintf("the answer is %q", res.Status)
	if kind := res.Header.Get("Content-Type"); kind != "" {
		what += fmt.Sprintf(", %q and not text/event-stream", kind)
	} else {
		what += " without a Content-Type, and not text/event-stream"
	}
	body := start(res)
	switch {
	case res.ContentLength == 0:
		what += ", and has no body; is the URL right?"
	case encoding == "" || encoding == "identity":
		what += firstLine(body)
	}
	return &refusal{what: what, code: res.StatusCode}
}

func (a *answer) end() error {
	if a.headDone && !a.ended && (a.chunked || a.sized) {
		return errCut
	}
	return errEnded
}

const (
	maxChunk     = 1 << 30 // bytes that a chunk may claim to hold
	maxChunkLine = 4 << 10 // bytes of the line before it
)

const crlf = "\r\n"

// between takes what comes before a chunk: the CRLF after the one before, and a line with its
// size.
func (a *answer) between(b []byte) (rest []byte, err error) {
	for ; a.crlf > 0 && len(b) > 0; b = b[1:] {
		if b[0] != crlf[len(crlf)-a.crlf] {
			return nil, fmt.Errorf("%q where a chunk should end", b[:min(len(b), len(crlf))])
		}
		a.crlf--
	}
	if len(b) == 0 {
		return nil, nil
	}
	if len(a.raw) > 0 {
		b, a.raw = append(a.raw, b...), nil
	}
	size, i := 0, 0
	for ; i < len(b) && size <= maxChunk; i++ {
		digit := hexDigit(b[i])
		if digit < 0 {
			break
		}
		size = size<<4 | digit
	}
	end := i + 1
	if end >= len(b) || b[end] != '\n' { // not the fast path: there is an extension, or more to come
		end = i + bytes.IndexByte(b[i:], '\n')
	}
	switch {
	case max(end, i) > maxChunkLine || end < i && len(b) > maxChunkLine:
		return nil, fmt.Errorf("more than %d bytes before a chunk", maxChunkLine)
	case end < i:
		a.raw = bytes.Clone(b)
		return nil, nil
	case size > maxChunk:
		return nil, fmt.Errorf("chunk of more than %d bytes", maxChunk)
	case i == 0 || b[i] != '\r' && b[i] != ';' && b[i] != ' ': // an extension is ignored
		return nil, fmt.Errorf("chunk of size %q", b[:end])
	}
	a.left, a.ended = size, size == 0
	return b[end+1:], nil
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
