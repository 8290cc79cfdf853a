package fastsse

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestAppendEventFollowsTheWireRules(t *testing.T) {
	message := func(data string) *specEvent { return &specEvent{Type: "message", Data: data} }
	tests := []struct {
		name  string
		event Event
		wire  string
		want  *specEvent
	}{
		{"nil data dispatches", Event{}, "data: \n\n", message("")},
		{"empty data dispatches", Event{Data: []byte{}}, "data: \n\n", message("")},
		{"one line", Event{Data: []byte("abc")}, "data: abc\n\n", message("abc")},
		{"LF splits", Event{Data: []byte("a\nb")}, "data: a\ndata: b\n\n", message("a\nb")},
		{"CRLF splits once", Event{Data: []byte("a\r\nb")}, "data: a\ndata: b\n\n", message("a\nb")},
		{"lone CR splits", Event{Data: []byte("a\rb")}, "data: a\ndata: b\n\n", message("a\nb")},
		{"CR and LF apart split twice", Event{Data: []byte("a\rx\nb")}, "data: a\ndata: x\ndata: b\n\n", message("a\nx\nb")},
		{"LF CR is two ends", Event{Data: []byte("a\n\rb")}, "data: a\ndata: \ndata: b\n\n", message("a\n\nb")},
		{"CR CR LF is two ends", Event{Data: []byte("a\r\r\nb")}, "data: a\ndata: \ndata: b\n\n", message("a\n\nb")},
		{"CR, later CRLF", Event{Data: []byte("a\rbb\r\nc\n")}, "data: a\ndata: bb\ndata: c\ndata: \n\n", message("a\nbb\nc\n")},
		{"LF, later CR", Event{Data: []byte("a\nb\rc")}, "data: a\ndata: b\ndata: c\n\n", message("a\nb\nc")},
		{"trailing LF is one more empty line", Event{Data: []byte("a\n")}, "data: a\ndata: \n\n", message("a\n")},
		{"trailing CR is one more empty line", Event{Data: []byte("a\r")}, "data: a\ndata: \n\n", message("a\n")},
		{"trailing CRLF is one more empty line", Event{Data: []byte("a\r\n")}, "data: a\ndata: \n\n", message("a\n")},
		{"only LF", Event{Data: []byte("\n")}, "data: \ndata: \n\n", message("\n")},
		{"only CR", Event{Data: []byte("\r")}, "data: \ndata: \n\n", message("\n")},
		{"leading space survives", Event{Data: []byte("  a\n b")}, "data:   a\ndata:  b\n\n", message("  a\n b")},
		{"data that looks like fields", Event{Data: []byte("id: 1\n\nevent: x")}, "data: id: 1\ndata: \ndata: event: x\n\n", message("id: 1\n\nevent: x")},
		{"NUL and UTF-8 in data", Event{Data: []byte("\x00é\ufeff")}, "data: \x00é\ufeff\n\n", message("\x00é\ufeff")},
		{
			"all fields", Event{ID: "7", Type: "t", Data: []byte("d"), Retry: 1500 * time.Microsecond},
			"event: t\nretry: 1\ndata: d\nid: 7\n\n", &specEvent{ID: "7", Type: "t", Data: "d"},
		},
		{
			"leading space in id and type", Event{ID: " 7", Type: " t"},
			"event:  t\ndata: \nid:  7\n\n", &specEvent{ID: " 7", Type: " t"},
		},
		{"LF in id", Event{ID: "7\ndata: x"}, "data: \n\n", message("")},
		{"CR in id", Event{ID: "7\rdata: x"}, "data: \n\n", message("")},
		{"NUL in id", Event{ID: "7\x00"}, "data: \n\n", message("")},
		{"CR far into id", Event{ID: strings.Repeat("é", 20) + "\rdata: x"}, "data: \n\n", message("")},
		{"tabs are no line ends", Event{ID: "\t\t\t\t\t\t\t\t\t"}, "data: \nid: \t\t\t\t\t\t\t\t\t\n\n", &specEvent{ID: "\t\t\t\t\t\t\t\t\t", Type: "message"}},
		{"LF in type", Event{Type: "t\n\ndata: x"}, "data: \n\n", message("")},
		{"CR in type", Event{Type: "12345678\r"}, "data: \n\n", message("")},
		{"NUL in type", Event{Type: "t\x00"}, "data: \n\n", message("")},
		{"negative retry", Event{Retry: -time.Second}, "data: \n\n", message("")},
		{"retry of nothing", Event{Retry: time.Microsecond}, "data: \n\n", message("")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			const prefix = ":before\n"
			got := AppendEvent([]byte(prefix), &tt.event)
			if string(got) != prefix+tt.wire {
				t.Fatalf("wire %q, want %q", got, prefix+tt.wire)
			}
			read := readBySpec(string(got))
			if len(read.Events) != 1 || read.Events[0] != *tt.want || read.Comments != 1 {
				t.Errorf("decoded %+v, want %+v and a comment", read, *tt.want)
			}
		})
	}
}

func TestAppendEventFieldsAndAppendIDAreAppendEvent(t *testing.T) {
	e := Event{ID: "7", Type: "t", Data: []byte("a\nb"), Retry: time.Second}
	got := AppendID(AppendEventFields(nil, &e), e.ID)
	if want := AppendEvent(nil, &e); !bytes.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Some clients take an id when they have read its line. Wherever the connection breaks
// before an event is whole, they must not have its id.
func TestAppendEventPutsTheIDLast(t *testing.T) {
	wire := AppendEvent(nil, &Event{ID: "7", Type: "t", Data: []byte("a\nb"), Retry: time.Second})
	before, last, _ := bytes.Cut(wire, []byte("id:"))
	if string(last) != " 7\n\n" || !bytes.HasSuffix(before, []byte("data: b\n")) {
		t.Errorf("wire %q", wire)
	}
}

// A scan that starts over for each line would cost the square of the lines; a
// wrong offset kept from before would split in the wrong place.
func TestAppendEventSplitsEverySmallInput(t *testing.T) {
	const alphabet = "\r\nx"
	var grow func(data []byte)
	grow = func(data []byte) {
		wire := AppendEvent(nil, &Event{Data: data})
		events := readBySpec(string(wire)).Events
		if len(events) != 1 || events[0].Data != normalised(data) {
			t.Fatalf("data %q: decoded %+v", data, events)
		}
		if len(data) == 7 {
			return
		}
		for _, c := range []byte(alphabet) {
			grow(append(data[:len(data):len(data)], c))
		}
	}
	grow(nil)
}

// normalised is data as the format can carry it: every line end is an LF.
func normalised(data []byte) string {
	return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data))
}

func TestAppendComment(t *testing.T) {
	tests := []struct{ text, wire string }{
		{"", ": .\n"},
		{"hb", ": hb\n"},
		{" hb", ":  hb\n"},
		{"a\nb", ": a\n: b\n"},
		{"a\r\nb", ": a\n: b\n"},
		{"a\rb", ": a\n: b\n"},
		{"a\n\ndata: x", ": a\n: .\n: data: x\n"},
		{"a\n", ": a\n: .\n"},
		{"a\r", ": a\n: .\n"},
		{"\x00", ": \x00\n"},
	}
	for _, tt := range tests {
		wire := AppendComment([]byte("data: x\n"), tt.text)
		if string(wire) != "data: x\n"+tt.wire {
			t.Errorf("AppendComment(%q) = %q, want %q", tt.text, wire, tt.wire)
		}
		events := readBySpec(string(wire) + "\n").Events
		if len(events) != 1 || events[0].Data != "x" {
			t.Errorf("AppendComment(%q) broke the block around it: %+v", tt.text, events)
		}
	}
}

func TestAppendRetry(t *testing.T) {
	tests := []struct {
		d    time.Duration
		wire string
	}{
		{3 * time.Second, "retry: 3000\n\n"},
		{time.Millisecond, "retry: 1\n\n"},
		{1999 * time.Microsecond, "retry: 1\n\n"},
		{999 * time.Microsecond, ""},
		{0, ""},
		{-time.Second, ""},
		{1<<63 - 1, "retry: 9223372036854\n\n"},
	}
	for _, tt := range tests {
		wire := AppendRetry([]byte(":\n"), tt.d)
		if string(wire) != ":\n"+tt.wire {
			t.Errorf("AppendRetry(%v) = %q, want %q", tt.d, wire, tt.wire)
		}
		read := readBySpec(string(wire))
		if want := strings.TrimSpace(strings.TrimPrefix(tt.wire, "retry: ")); read.Retry != want || len(read.Events) != 0 {
			t.Errorf("AppendRetry(%v) decoded to %+v", tt.d, read)
		}
	}
}

func TestAppendID(t *testing.T) {
	tests := []struct{ id, wire, last string }{
		{"7", "id: 7\n\n", "7"},
		{"", "id: \n\n", ""}, // resets
		{"7\n", "", "before"},
		{"7\r", "", "before"},
		{"\x007", "", "before"},
	}
	for _, tt := range tests {
		const prefix = "id: before\n\n"
		wire := AppendID([]byte(prefix), tt.id)
		if string(wire) != prefix+tt.wire {
			t.Errorf("AppendID(%q) = %q, want %q", tt.id, wire, prefix+tt.wire)
		}
		if read := readBySpec(string(wire)); read.LastID != tt.last || len(read.Events) != 0 {
			t.Errorf("AppendID(%q) decoded to %+v", tt.id, read)
		}
	}
}

func TestValidateSaysWhatToDo(t *testing.T) {
	tests := []struct {
		event Event
		field string // empty: valid
	}{
		{Event{}, ""},
		{Event{ID: "a:b c", Type: "\tt", Data: []byte("\r\n\x00"), Retry: time.Millisecond}, ""},
		{Event{ID: "a\nb"}, "id"},
		{Event{ID: "a\rb"}, "id"},
		{Event{ID: "a\x00b"}, "id"},
		{Event{Type: "a\nb"}, "type"},
		{Event{Type: "12345678\x00"}, "type"},
		{Event{Retry: -1}, "retry"},
		{Event{Retry: time.Microsecond}, "retry"},
	}
	for _, tt := range tests {
		err := tt.event.Validate()
		if tt.field == "" {
			if err != nil {
				t.Errorf("%+v: %v", tt.event, err)
			}
			continue
		}
		var fe *FieldError
		if !errors.As(err, &fe) || fe.Field != tt.field || fe.Remedy == "" {
			t.Errorf("%+v: got %v, want a FieldError for %q", tt.event, err, tt.field)
		}
	}
}

func TestFieldErrorStaysShort(t *testing.T) {
	err := (&Event{ID: strings.Repeat("€", 1000) + "\n"}).Validate()
	if len(err.Error()) > 400 || strings.Contains(err.Error(), `\x`) {
		t.Errorf("%d bytes: %v", len(err.Error()), err)
	}
}

func TestShortenCutsBetweenCharacters(t *testing.T) {
	for s, want := range map[string]string{
		strings.Repeat("x", 80):                   strings.Repeat("x", 80),
		strings.Repeat("x", 81):                   strings.Repeat("x", 80) + "…",
		strings.Repeat("€", 27):                   strings.Repeat("€", 26) + "…",
		"x" + strings.Repeat("😀", 20):             "x" + strings.Repeat("😀", 19) + "…",
		strings.Repeat("\xbf", 1000):              strings.Repeat("\xbf", 76) + "…", // no character begins
		strings.Repeat("x", 79) + "€" + "a paper": strings.Repeat("x", 79) + "…",
	} {
		if got := Shorten(s); got != want {
			t.Errorf("Shorten(%q) = %q, want %q", s, got, want)
		}
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	e := Event{ID: "k3v9x2ab-104857", Type: "score", Data: []byte("one\r\ntwo\rthree\n"), Retry: time.Second}
	dst := make([]byte, 0, 1024)
	allocs := testing.AllocsPerRun(100, func() {
		dst = AppendEvent(dst[:0], &e)
		dst = AppendEventFields(dst, &e)
		dst = AppendComment(dst, "a\nb")
		dst = AppendRetry(dst, e.Retry)
		dst = AppendID(dst, e.ID)
		if e.Validate() != nil {
			t.Fatal("refused")
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
}

// One encoded event decodes to one event with the same content, whatever it
// holds: nothing can be injected.
func FuzzAppendEvent(f *testing.F) {
	f.Add("7", "score", []byte("one\ntwo"), int64(3000))
	f.Add("", "", []byte(nil), int64(0))
	f.Add("a\ndata: x", "t\r\n\r\ndata: y", []byte("\n\nid: 9\r\revent: z\r\n"), int64(-1))
	f.Add("nul\x00", "nul\x00", []byte("\x00\ufeff: c"), int64(1))
	f.Add(" lead", " lead", []byte(" lead\r\n  lead"), int64(1<<40))
	f.Add("12345678\r", "1234567\n9", []byte("\r"), int64(1))
	f.Fuzz(func(t *testing.T, id, typ string, data []byte, ms int64) {
		e := Event{ID: id, Type: typ, Data: data}
		if ms > -1<<40 && ms < 1<<40 {
			e.Retry = time.Duration(ms) * time.Millisecond
		}
		read := readBySpec(string(AppendEvent([]byte("id: before\n\n"), &e)))
		want := specEvent{ID: "before", Type: "message", Data: normalised(data)}
		if id != "" && !strings.ContainsAny(id, "\x00\r\n") {
			want.ID = id
		}
		if typ != "" && !strings.ContainsAny(typ, "\x00\r\n") {
			want.Type = typ
		}
		if !slices.Equal(read.Events, []specEvent{want}) {
			t.Errorf("decoded %+v, want %+v", read.Events, want)
		}
		retry := ""
		if e.Retry > 0 {
			retry = strconv.FormatInt(ms, 10)
		}
		if read.Retry != retry || read.Comments != 0 {
			t.Errorf("decoded retry %q and %d comments, want %q and 0", read.Retry, read.Comments, retry)
		}
		if refused := e.Validate() != nil; refused !=
			(strings.ContainsAny(id+typ, "\x00\r\n") || e.Retry < 0) {
			t.Errorf("Validate refused: %v", refused)
		}
	})
}

// A comment is nothing to a client, wherever it stands.
func FuzzAppendComment(f *testing.F) {
	f.Add("")
	f.Add("hb")
	f.Add("a\n\ndata: x\n\n")
	f.Add("a\r\rid: 9\r\n\r\nretry: 1")
	f.Add("\x00\ufeff")
	f.Fuzz(func(t *testing.T, text string) {
		wire := AppendComment([]byte("id: 7\ndata: a\n"), text)
		wire = append(wire, "data: b\n\n"...)
		read := readBySpec(string(wire))
		want := []specEvent{{ID: "7", Type: "message", Data: "a\nb"}}
		if !slices.Equal(read.Events, want) || read.Retry != "" {
			t.Errorf("decoded %+v", read)
		}
		if lines := strings.Count(normalised([]byte(text)), "\n") + 1; read.Comments != lines {
			t.Errorf("%d comment lines, want %d", read.Comments, lines)
		}
	})
}
