package load

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http/httputil"
	"strings"
	"testing"
)

const chunkedHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

var answers = map[string]struct {
	wire, body string
	ended      bool
	says       string // the error
}{
	"to the end":      {wire: head + "data: x\n\n", body: "data: x\n\n"},
	"chunks":          {wire: chunkedHead + "3\r\nabc\r\nA\r\n0123456789\r\n", body: "abc0123456789"},
	"last chunk":      {wire: chunkedHead + "3\r\nabc\r\n0\r\n\r\n", body: "abc", ended: true},
	"extension":       {wire: chunkedHead + "3;a=b\r\nabc\r\n2 \r\nde\r\n", body: "abcde"},
	"leading zeros":   {wire: chunkedHead + "0003\r\nabc\r\n", body: "abc"},
	"a length":        {wire: strings.Replace(head, "\r\n\r\n", "\r\nContent-Length: 3\r\n\r\nabcHTTP", 1), body: "abc", ended: true},
	"bad length":      {wire: strings.Replace(head, "\r\n\r\n", "\r\nContent-Length: x\r\n\r\nabc", 1), says: "bad Content-Length"},
	"empty":           {wire: strings.Replace(head, "\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n", 1), ended: true},
	"early hints":     {wire: "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\nA: b\r\n\r\n" + head + "x", body: "x"},
	"charset":         {wire: "HTTP/1.0 200 OK\r\ncontent-type:  Text/Event-Stream ;charset=utf-8\r\ncontent-encoding: identity\r\n\r\nx", body: "x"},
	"no reason":       {wire: "HTTP/1.1 200\r\nContent-Type: text/event-stream\r\n\r\nx", body: "x"},
	"404":             {wire: "HTTP/1.1 404 Not Found\r\n\r\nx", says: `the answer is "404 Not Found"`},
	"101":             {wire: "HTTP/1.1 101 Switching Protocols\r\n\r\nx", says: "101"},
	"no HTTP":         {wire: "SSH-2.0-x\r\n", says: `the peer does not speak HTTP: it says "S`},
	"html":            {wire: "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", says: `the answer is "200 OK", "text/html" and not text/event-stream`},
	"type elsewhere":  {wire: "HTTP/1.1 200 OK\r\nX-Content-Type: text/event-stream\r\n\r\n", says: `"200 OK" without a Content-Type, and not text/event-stream`},
	"nothing":         {wire: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", says: `"200 OK" without a Content-Type, and not text/event-stream, and has no body; is the URL right?`},
	"gzip":            {wire: strings.Replace(head, "\r\n\r\n", "\r\nContent-Encoding: gzip\r\n\r\n", 1), says: "encoded (gzip)"},
	"other encoding":  {wire: strings.Replace(head, "\r\n\r\n", "\r\nX-Content-Encoding: gzip\r\n\r\nx", 1), body: "x"},
	"bad size":        {wire: chunkedHead + "3\r\nabc\r\nxyz\r\n", body: "abc", says: `chunk of size "x`},
	"empty size":      {wire: chunkedHead + "\r\n", says: "chunk of size"},
	"wrong size":      {wire: chunkedHead + "2\r\nabc\r\n", body: "ab", says: "where a chunk should end"},
	"huge chunk":      {wire: chunkedHead + "ffffffffffffffffffff\r\n", says: "more than 1073741824 bytes"},
	"long chunk line": {wire: chunkedHead + "3;" + strings.Repeat("x", 5000), says: "more than 4096 bytes before a chunk"},
	"long head":       {wire: "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxHead), says: "a head of more than 65536 bytes"},
}

func TestAnswers(t *testing.T) {
	for name, c := range answers {
		for _, step := range []int{1, 2, 3, 7, 100, len(c.wire)} {
			if len(c.wire) > 1000*step {
				continue // byte by byte it is all copies
			}
			body, a, err := feedAnswer(c.wire, func() int { return step })
			if body != c.body || a.ended != c.ended {
				t.Errorf("%s, %d bytes at a time: body %q, ended %v; want %q, %v", name, step, body, a.ended, c.body, c.ended)
			}
			if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%s, %d bytes at a time: the error is %v, want %q", name, step, err, c.says)
			}
			if refused := c.says != "" && !strings.HasPrefix(c.wire, chunkedHead); isRefusal(err) != refused {
				t.Errorf("%s: refused %v, want %v: %v", name, !refused, refused, err)
			}
		}
	}
}

// feedAnswer feeds wire in pieces until it ends or is wrong.
func feedAnswer(wire string, piece func() int) (body string, a answer, err error) {
	for len(wire) > 0 && !a.ended && err == nil {
		n := min(piece(), len(wire))
		for b, rest := []byte(nil), []byte(wire[:n]); len(rest) > 0 && err == nil; {
			b, rest, err = a.next(rest)
			body += string(b)
		}
		wire = wire[n:]
	}
	return body, a, err
}

// Whatever a server sends, there is no panic and memory is bounded, and the body and the
// verdict are the same however the bytes arrive.
func FuzzAnswer(f *testing.F) {
	for _, c := range answers {
		if len(c.wire) < maxHead {
			f.Add(c.wire, uint64(1))
		}
	}
	f.Fuzz(func(t *testing.T, wire string, seed uint64) {
		if len(wire) >= maxHead {
			t.Skip("whether a head is too long depends on the reads")
		}
		rng := rand.New(rand.NewPCG(seed, 0))
		want, whole, wantErr := feedAnswer(wire, func() int { return len(wire) })
		got, a, err := feedAnswer(wire, func() int { return 1 + rng.IntN(40) })
		if got != want || a.ended != whole.ended || (err == nil) != (wantErr == nil) || isRefusal(err) != isRefusal(wantErr) {
			t.Fatalf("%q: body %q, ended %v, %v; in one piece %q, %v, %v", wire, got, a.ended, err, want, whole.ended, wantErr)
		}
		if a.headDone && len(a.raw) > maxChunkLine+2 {
			t.Fatalf("%d bytes are kept", len(a.raw))
		}
	})
}

// The chunks of Go's own writer come out as they went in.
func TestChunksOfNetHTTP(t *testing.T) {
	var wire bytes.Buffer
	wire.WriteString(chunkedHead)
	chunks, want := httputil.NewChunkedWriter(&wire), ""
	for i := range 300 {
		part := fmt.Sprintf("%d %s", i, strings.Repeat("x", i*7%1000))
		want += part
		_, _ = chunks.Write([]byte(part))
	}
	_ = chunks.Close()
	got, a, err := feedAnswer(wire.String(), func() int { return 999 })
	if got != want || !a.ended || err != nil {
		t.Errorf("%d bytes, ended %v, %v; want %d bytes", len(got), a.ended, err, len(want))
	}
}
