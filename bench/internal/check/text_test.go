package check

import (
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

var bodies = []string{
	"",
	"data: a\n\n",
	"data:a\ndata\ndata:  b\n\n",
	"id: 1\nevent: x\ndata: a\n\ndata: b\n\nid\ndata: c\n\n",
	"\ufeffdata: a\n\n\ufeffdata: b\n\n",
	"data: a\r\n\r\ndata: b\r\rdata: c\n\n",
	"data: a\rdata: b\r\n\ndata: c\r\n\r\n",
	": hb\n\n:\nid: 7\n\ndata: a\n\nevent: nothing\n\ndata: b\n\n",
	"id: a\x00b\ndata: x\n\nretry: 12\nretry: x\nretry\n\ndata: y\n\n",
	"Data: x\n data: y\nfoo: bar\n{\ndata\n\n",
	"data: unfinished\n",
	"data: a\n\nid: 9\ndata: lost",
}

// hear reads a body that comes so many bytes at a time.
func hear(body string, size int) *text {
	var t text
	rest := strings.NewReader(body)
	_ = t.read(readerFunc(func(p []byte) (int, error) { return rest.Read(p[:min(size, len(p))]) }), func(change func(time.Time)) { change(time.Now()) })
	return &t
}

// hearAlike expects the same events as from a decoder that follows the standard strictly.
func hearAlike(t *testing.T, body string, size int) {
	t.Helper()
	d := testkit.NewDecoder(strings.NewReader(body))
	want, err := d.All()
	if err != nil {
		t.Fatal(err)
	}
	h := hear(body, size)
	if len(h.events) != len(want) || h.lastID != d.LastID || h.comments != d.Comments {
		t.Fatalf("%q by %d: %d events, id %q, %d comments; want %d, %q, %d", body, size, len(h.events), h.lastID, h.comments, len(want), d.LastID, d.Comments)
	}
	for i, e := range h.events {
		if e.id != want[i].ID || e.typ != want[i].Type || e.data != want[i].Data {
			t.Errorf("%q by %d: event %+v, want %+v", body, size, e, want[i])
		}
	}
}

// The checks hear what clients hear, however the bytes come.
func TestTextIsWhatClientsHear(t *testing.T) {
	for _, body := range bodies {
		for size := 1; size <= len(body)+1; size++ {
			hearAlike(t, body, size)
		}
	}
}

// The end of a line may come in two parts.
func TestLineEndsAreCounted(t *testing.T) {
	const body = "data: a\r\n\r\ndata: b\r\rdata: c\n\n"
	for size := 1; size <= len(body); size++ {
		if h := hear(body, size); h.lf != 2 || h.cr != 2 || h.crlf != 2 {
			t.Errorf("by %d: %d LF, %d CR, %d CRLF, want 2 of each", size, h.lf, h.cr, h.crlf)
		}
	}
}

func TestTextOfAnEndlessBodyIsBounded(t *testing.T) {
	h := hear(strings.Repeat("data: x\nretry: 1\n\n", 2*mostEvents), 4<<10)
	if len(h.events) != mostEvents || h.count != 2*mostEvents || len(h.retries) != mostRetries {
		t.Errorf("keeps %d of %d events, %d retries", len(h.events), h.count, len(h.retries))
	}
	h = hear("data: x\n\ndata: "+strings.Repeat("x", 4*mostEvent), 64<<10)
	if h.breaches[tooLong].count != 1 || h.count != 1 {
		t.Errorf("%d events that are too long, %d others", h.breaches[tooLong].count, h.count)
	}
}

func FuzzText(f *testing.F) {
	for i, body := range bodies {
		f.Add([]byte(body), i+1)
	}
	f.Fuzz(func(t *testing.T, body []byte, size int) {
		if size > 0 && len(body) <= mostData {
			hearAlike(t, string(body), size)
		}
	})
}
