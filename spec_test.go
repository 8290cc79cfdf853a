package fastsse

import (
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// specEvent is what an EventSource would dispatch.
type specEvent struct{ ID, Type, Data string }

// specBlock is what a blank line has ended, if it had a field.
type specBlock struct {
	specEvent
	HasData, HasRetry bool
}

// specStream is all that a stream has said.
type specStream struct {
	Blocks   []specBlock
	Events   []specEvent // of the blocks, those with data
	LastID   string
	Retry    string // the last valid reconnection time, in milliseconds
	Comments int
}

// readBySpec reads a whole stream by the letter of WHATWG HTML, section 9.2.6, slowly,
// and with none of the code that is tested with it.
func readBySpec(wire string) specStream {
	wire = strings.TrimPrefix(wire, "\ufeff")
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(wire), "\n")
	var r specReader
	for _, line := range lines[:len(lines)-1] { // the last has no end
		if line == "" {
			r.dispatch()
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		r.field(name, strings.TrimPrefix(value, " "))
	}
	return r.specStream
}

// specReader has the standard's three buffers, and what it has read with them.
type specReader struct {
	specStream
	data, typ, id string

	any, retry bool // since the last blank line
}

func (r *specReader) field(name, value string) {
	switch name {
	case "":
		r.Comments++
		return
	case "event":
		r.typ = value
	case "data":
		r.data += value + "\n"
	case "id":
		if !strings.Contains(value, "\x00") {
			r.id = value
		}
	case "retry":
		if value != "" && strings.Trim(value, "0123456789") == "" {
			r.Retry, r.retry = value, true
		}
	default:
		return
	}
	r.any = true
}

func (r *specReader) dispatch() {
	r.LastID = r.id
	b := specBlock{specEvent{r.id, r.typ, strings.TrimSuffix(r.data, "\n")}, r.data != "", r.retry}
	if r.any {
		r.Blocks = append(r.Blocks, b)
	}
	if b.HasData {
		if b.Type == "" {
			b.Type = "message"
		}
		r.Events = append(r.Events, b.specEvent)
	}
	r.data, r.typ, r.any, r.retry = "", "", false, false
}

// The model is what all else is held against: here it is held against the standard's own
// examples and words.
func TestTheModelReadsTheExamplesOfTheStandard(t *testing.T) {
	for _, tt := range []struct {
		name, wire string
		want       []specEvent
		lastID     string
		retry      string
	}{
		{"one event of three lines", "data: YHOO\ndata: +2\ndata: 10\n\n", []specEvent{{"", "message", "YHOO\n+2\n10"}}, "", ""},
		{
			"a comment, ids, and an unfinished event",
			": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n",
			[]specEvent{{"1", "message", "first event"}, {"", "message", "second event"}}, "", "",
		},
		{"two events, of nothing and of one newline", "data\n\ndata\ndata\n\ndata:", []specEvent{{"", "message", ""}, {"", "message", "\n"}}, "", ""},
		{"a space that counts and one that does not", "data:test\n\ndata: test\n\n", []specEvent{{"", "message", "test"}, {"", "message", "test"}}, "", ""},
		{"one byte order mark is dropped", "\ufeffdata: a\n\n", []specEvent{{"", "message", "a"}}, "", ""},
		{"two spoil the field", "\ufeff\ufeffdata: a\n\n", nil, "", ""},
		{"line ends of all kinds", "data: a\r\ndata: b\n\rdata: c\r\n\n", []specEvent{{"", "message", "a\nb"}, {"", "message", "c"}}, "", ""},
		{"names are case-sensitive", "Data: a\ndata : b\n\n", nil, "", ""},
		{"an id sticks, also from a block without data", "id: 1\n\ndata: b\n\n", []specEvent{{"1", "message", "b"}}, "1", ""},
		{"an id with NUL is ignored", "id: 1\n\nid: 2\x00\n\n", nil, "1", ""},
		{"an unfinished block drops its id", "id: 1\n\nid: 2\ndata: a\n", nil, "1", ""},
		{"a type does not stick", "event: t\n\ndata: a\n\n", []specEvent{{"", "message", "a"}}, "", ""},
		{"retry needs digits", "retry: 10\nretry: 1x\nretry: -1\nretry\n", nil, "", "10"},
	} {
		got := readBySpec(tt.wire)
		if len(got.Events) != len(tt.want) || got.LastID != tt.lastID || got.Retry != tt.retry {
			t.Errorf("%s: got %+v", tt.name, got)
			continue
		}
		for i, e := range got.Events {
			if e != tt.want[i] {
				t.Errorf("%s: event %d is %+v, want %+v", tt.name, i, e, tt.want[i])
			}
		}
	}
}

// streams are event streams with what is easy to get wrong.
var streams = []string{
	"id: 1\ndata: one\n\ndata:two\n\n",
	"id: 1\r\ndata: one\r\n\r\ndata: two\r\n\r\n",
	"id: 1\rdata: one\r\rdata: two\r\r",
	"data: one\r\n\ndata: two\n\rdata: three\r\r\ndata: four\n\n",
	"\ufeffdata: one\n\n\ufeffdata: no field\n\n",
	"\ufeff\ufeffdata: no field\n\ndata: one\n\n",
	"\xef\xbbdata: no field\n\ndata: one\n\n",
	"\ufeff\n\ndata: one\n\n",
	"id: 1\n\nid: 2\x003\ndata: one\n\n",
	"data: a\x00b\n\n",
	"id: 1\n\ndata: one\n\nid: 2\n\n",
	"id: 1\ndata: one\n\nid\ndata: two\n\n",
	"id: 1\ndata: one\n\nid:\n\n",
	"id: 1\nid: 2\ndata: one\n\n",
	": hb\n\n:\ndata: one\n: between\ndata: two\n\n:\n\n",
	"data: one\ndata: two\ndata\n\n",
	"data\n\ndata:\n\ndata: \n\n",
	"data\ndata: two\n\n",
	"data:  one\n\n data: no field\n\ndata : no field\n\n",
	"data: a:b: c\n\n",
	"event: x\n\nid: 7\nevent: y\n\n",
	"id: 1\ndata: one\n\nid: 2\nretry: 7\ndata: two\n",
	"id: 1\ndata: one\n\nid: 2\ndata: two",
	"retry: 100\n\nretry: 20x\n\nretry:\n\nretry: -5\n\nretry: 1 \n\n",
	"retry: 100\nretry\nretry:300\n",
	":\nid: e-0\n\nretry: 3000\n:\n:\nid: e-1\ndata: one\n\nretry: 4000\nretry: 5000\n\n",
	"retry: 99999999999999999999999999\n\n",
	"Data: one\nID: 1\n\n",
	"database: one\nids: 1\ndat: x\nd\ni\neventual: x\nretry2: 1\n\n",
	"event: a\nevent\ndata: one\n\nevent:b\nevent: \ndata: two\n\n",
}

func TestDecoderAgreesWithTheModel(t *testing.T) {
	for _, wire := range streams {
		for step := 1; step <= len(wire); step++ {
			agree(t, wire, func() int { return step })
		}
	}
}

// FuzzDecoder holds the Decoder against the model, in all ways to read with it, however
// the bytes arrive.
func FuzzDecoder(f *testing.F) {
	for _, wire := range streams {
		f.Add(wire, uint64(1))
	}
	f.Fuzz(func(t *testing.T, wire string, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 0))
		agree(t, wire, func() int { return 1 + rng.IntN(1+rng.IntN(40)) })
	})
}

// agree reads wire in pieces of these sizes, and compares what is heard with the model.
func agree(t *testing.T, wire string, piece func() int) {
	t.Helper()
	want := readBySpec(wire)
	var got specStream
	var raw []byte
	blocks := func(d *Decoder) error { return got.hear(d.NextBlock()) }
	parts := func(d *Decoder) error {
		part, b, err := d.NextRaw()
		raw = append(raw, part...)
		return got.hear(b, err)
	}
	for _, way := range []struct {
		name string
		next func(d *Decoder) error
		fed  bool
	}{
		{"Next", func(d *Decoder) error { return got.hear(d.Next()) }, false},
		{"NextBlock", blocks, false},
		{"NextRaw", parts, false},
		{"Feed and NextBlock", blocks, true},
		{"Feed and NextRaw", parts, true},
	} {
		got, raw = specStream{}, nil
		d := NewDecoder(&pieces{wire, piece})
		if way.fed {
			d = new(Decoder)
			feed(t, d, wire, piece, way.next)
		} else if err := drain(d, way.next); err != io.EOF {
			t.Fatalf("%s of %q: %v", way.name, wire, err)
		}
		if !slices.Equal(got.Events, want.Events) || strings.HasSuffix(way.name, "NextBlock") && !slices.Equal(got.Blocks, want.Blocks) {
			t.Fatalf("%s of %q: heard %+v, want %+v", way.name, wire, got, want)
		}
		wait, set := d.Retry()
		if d.LastEventID() != want.LastID || d.Comments() != want.Comments || wait != retryOf(want.Retry) || set != (want.Retry != "") {
			t.Fatalf("%s of %q: id %q, retry %v (%v), %d comments; want %+v", way.name, wire, d.LastEventID(), wait, set, d.Comments(), want)
		}
		if raw != nil && (!strings.HasPrefix(wire, string(raw)) || !way.fed && len(raw) < len(wire)) {
			t.Fatalf("%s of %q: the bytes are %q", way.name, wire, raw)
		}
	}
}

// hear adds a block, unless there is an error instead.
func (s *specStream) hear(b *Received, err error) error {
	if err != nil {
		return err
	}
	e := specEvent{string(b.ID), string(b.Type), string(b.Data)}
	s.Blocks = append(s.Blocks, specBlock{e, b.HasData, b.HasRetry})
	if b.HasData {
		if e.Type == "" {
			e.Type = "message"
		}
		s.Events = append(s.Events, e)
	}
	return nil
}

// drain calls next to its error.
func drain(d *Decoder, next func(d *Decoder) error) error {
	for {
		if err := next(d); err != nil {
			return err
		}
	}
}

// feed feeds pieces that are overwritten afterwards, as a buffer is.
func feed(t *testing.T, d *Decoder, wire string, piece func() int, next func(d *Decoder) error) {
	t.Helper()
	for len(wire) > 0 {
		n := min(piece(), len(wire))
		b := []byte(wire[:n])
		d.Feed(b)
		if err := drain(d, next); err != io.EOF {
			t.Fatal(err)
		}
		for i := range b {
			b[i] = '#'
		}
		wire = wire[n:]
	}
}

// retryOf is a reconnection time as a Decoder has it, which bounds it.
func retryOf(text string) time.Duration {
	if text == "" {
		return 0
	}
	const most = 1<<63/10_000_000 - 1
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ms > most {
		ms = most
	}
	return time.Duration(ms) * time.Millisecond
}

// pieces reads at most size bytes at a time.
type pieces struct {
	rest string
	size func() int
}

func (p *pieces) Read(to []byte) (int, error) {
	if p.rest == "" {
		return 0, io.EOF
	}
	n := copy(to[:min(len(to), p.size())], p.rest)
	p.rest = p.rest[n:]
	return n, nil
}
