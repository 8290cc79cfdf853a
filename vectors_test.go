package fastsse

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/fastsse/fastsse/internal/vectors"
)

func decodings(t *testing.T) []vectors.Decoding {
	t.Helper()
	list, err := vectors.Decodings("testdata/decode.json")
	if err != nil || len(list) < 100 {
		t.Fatalf("%d vectors, %v", len(list), err)
	}
	return list
}

// heard is what was heard of a stream, as a vector has it.
type heard struct {
	events []vectors.Dispatched
	lastID string
	retry  time.Duration
}

func (h *heard) add(e Event) {
	h.events = append(h.events, vectors.Dispatched{Type: cmpType(e.Type), Bytes: e.Data, LastEventID: e.ID, Retry: number(e.Retry)})
	h.lastID = e.ID
}

// number is a reconnection time in a vector's form.
func number(wait time.Duration) json.Number {
	text, _ := json.Marshal(wait.Milliseconds())
	return json.Number(text)
}

func (h *heard) decode(d *Decoder) error {
	for {
		b, err := d.NextBlock()
		h.lastID = d.LastEventID()
		h.retry, _ = d.Retry()
		if err != nil {
			return err
		}
		if b.HasData {
			e := Event{ID: string(b.ID), Type: string(b.Type), Data: bytes.Clone(b.Data)}
			if b.HasRetry {
				e.Retry = h.retry
			}
			h.add(e)
		}
	}
}

func readPieces(pieces [][]byte) io.Reader {
	var readers []io.Reader
	for _, piece := range pieces {
		readers = append(readers, bytes.NewReader(piece))
	}
	return io.MultiReader(readers...)
}

// The ways to read, and whether they tell of blocks without data.
var ways = []struct {
	name   string
	blocks bool
	read   func(h *heard, pieces [][]byte) error
}{
	{"NewDecoder", true, func(h *heard, pieces [][]byte) error { return h.decode(NewDecoder(readPieces(pieces))) }},
	{"NewDecoder, byte by byte", true, func(h *heard, pieces [][]byte) error {
		return h.decode(NewDecoder(iotest.OneByteReader(readPieces(pieces))))
	}},
	{"Feed", true, func(h *heard, pieces [][]byte) error {
		var d Decoder
		for _, piece := range pieces {
			d.Feed(piece)
			if err := h.decode(&d); err != io.EOF {
				return err
			}
		}
		return h.decode(&d)
	}},
	{"Read", false, func(h *heard, pieces [][]byte) error {
		for e, err := range Read(readPieces(pieces)) {
			if err != nil {
				return err
			}
			h.add(e)
		}
		return io.EOF
	}},
}

func TestDecodeVectors(t *testing.T) {
	for _, v := range decodings(t) {
		for _, way := range ways {
			var got heard
			if err := way.read(&got, v.Pieces); err != io.EOF {
				t.Errorf("%s, %s: %v", v.Name, way.name, err)
			}
			if !slices.EqualFunc(got.events, v.Events, sameEvent) {
				t.Errorf("%s, %s: %s, want %s", v.Name, way.name, brief(got.events), brief(v.Events))
			}
			if way.blocks && (got.lastID != v.LastEventID || got.retry != retryOf(string(v.Retry))) {
				t.Errorf("%s, %s: last id %q, retry %v; want %q, %v", v.Name, way.name, got.lastID, got.retry, v.LastEventID, v.Retry)
			}
		}
	}
}

// brief is what a test prints of v, which may be long.
func brief(v any) string {
	text := fmt.Sprintf("%+v", v)
	return text[:min(len(text), 300)]
}

func sameEvent(got, want vectors.Dispatched) bool {
	return got.Type == want.Type && bytes.Equal(got.Bytes, want.Bytes) && got.LastEventID == want.LastEventID &&
		retryOf(string(got.Retry)) == retryOf(string(want.Retry))
}

// The vectors are held against the standard's words, and against themselves.
func TestTheModelAgreesWithTheVectors(t *testing.T) {
	names := map[string]bool{}
	for _, v := range decodings(t) {
		if names[v.Name] || v.Name == "" || v.Spec == "" {
			t.Errorf("%q: each vector has a name of its own, and a section", v.Name)
		}
		names[v.Name] = true
		var want []specEvent
		for _, e := range v.Events {
			if utf8 := strings.ToValidUTF8(string(e.Bytes), "\ufffd"); utf8 != e.Data {
				t.Errorf("%s: data %q is %q as text", v.Name, e.Data, utf8)
			}
			want = append(want, specEvent{e.LastEventID, e.Type, string(e.Bytes)})
		}
		got := readBySpec(string(v.Wire))
		if !slices.Equal(got.Events, want) || got.LastID != v.LastEventID || strings.TrimLeft(got.Retry, "0") != strings.TrimLeft(string(v.Retry), "0") {
			t.Errorf("%s: the model has %s", v.Name, brief(got))
		}
	}
}

func TestEncodeVectors(t *testing.T) {
	list, err := vectors.Encodings("testdata/encode.json")
	if err != nil || len(list) < 20 {
		t.Fatalf("%d vectors, %v", len(list), err)
	}
	for _, v := range list {
		e := Event{ID: v.Event.ID, Type: v.Event.Type, Data: v.Event.Data, Retry: time.Duration(v.Event.Retry) * time.Millisecond}
		if wire := AppendEvent(nil, &e); !bytes.Equal(wire, v.Wire) {
			t.Errorf("%s: %q, want %q", v.Name, wire, v.Wire)
		}
		var refused *FieldError
		if errors.As(e.Validate(), &refused) != (v.Refused != "") || refused != nil && refused.Field != v.Refused {
			t.Errorf("%s: Validate says %v, want %q refused", v.Name, refused, v.Refused)
		}
		var got heard
		if err := got.decode(NewDecoder(bytes.NewReader(v.Wire))); err != io.EOF || len(got.events) != 1 || !sameEvent(got.events[0], v.Decodes) {
			t.Errorf("%s: decodes to %q, %v; want %q", v.Name, got.events, err, v.Decodes)
		}
	}
}
