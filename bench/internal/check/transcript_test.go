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

// The transcript finds the same events as a decoder that follows the standard strictly,
// however the bytes come.
func TestTranscriptHearsWhatClientsHear(t *testing.T) {
	for _, body := range bodies {
		d := testkit.NewDecoder(strings.NewReader(body))
		want, err := d.All()
		if err != nil {
			t.Fatal(err)
		}
		for size := 1; size <= len(body)+1; size++ {
			var h transcript
			for rest := body; rest != ""; rest = rest[min(size, len(rest)):] {
				h.feed([]byte(rest[:min(size, len(rest))]), time.Now())
			}
			if len(h.events) != len(want) || h.lastID != d.LastID || h.comments != d.Comments {
				t.Fatalf("%q by %d: %d events, id %q, %d comments; want %d, %q, %d", body, size, len(h.events), h.lastID, h.comments, len(want), d.LastID, d.Comments)
			}
			for i, e := range h.events {
				if e.id != want[i].ID || e.typ != want[i].Type || e.data != want[i].Data {
					t.Errorf("%q by %d: event %+v, want %+v", body, size, e, want[i])
				}
			}
		}
	}
}

func TestTranscriptKeepsLittleOfEndlessBodies(t *testing.T) {
	var h transcript
	line := []byte(strings.Repeat("x", 64<<10))
	for range 100 {
		h.feed(line, time.Now())
	}
	if len(h.line) > mostLine {
		t.Errorf("keeps %d bytes of a line", len(h.line))
	}
	h = transcript{}
	for range 2 * mostEvents {
		h.feed([]byte("data: x\nretry: 1\n\n"), time.Now())
	}
	if len(h.events) != mostEvents || h.count != 2*mostEvents || len(h.retries) != mostRetries {
		t.Errorf("keeps %d of %d events, %d retries", len(h.events), h.count, len(h.retries))
	}
}

func FuzzTranscript(f *testing.F) {
	for i, body := range bodies {
		f.Add([]byte(body), i+1)
	}
	f.Fuzz(func(t *testing.T, body []byte, size int) {
		if size <= 0 || len(body) > mostData {
			return
		}
		d := testkit.NewDecoder(strings.NewReader(string(body)))
		want, err := d.All()
		if err != nil {
			t.Fatal(err)
		}
		var h transcript
		for rest := body; len(rest) > 0; rest = rest[min(size, len(rest)):] {
			h.feed(rest[:min(size, len(rest))], time.Now())
		}
		if len(h.events) != len(want) || h.lastID != d.LastID {
			t.Fatalf("%d events, id %q; want %d, %q", len(h.events), h.lastID, len(want), d.LastID)
		}
		for i, e := range h.events {
			if e.id != want[i].ID || e.typ != want[i].Type || e.data != want[i].Data {
				t.Errorf("event %+v, want %+v", e, want[i])
			}
		}
	})
}
