// Package vectors reads the test vectors of testdata at the root, which is the place that
// describes them, for tests.
package vectors

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

// Decoding is a stream and what an EventSource makes of it.
type Decoding struct {
	Name, Spec  string
	Wire        []byte
	Pieces      [][]byte // Wire, as it arrives
	Events      []Dispatched
	LastEventID string
	Retry       json.Number // in milliseconds, as many digits as there are; empty: none
	FailedBy    []Failure
}

// Dispatched is an event that an EventSource dispatches.
type Dispatched struct {
	Type, Data  string
	Bytes       []byte // Data before it was decoded from UTF-8
	LastEventID string
	Retry       json.Number // that the event's own block has set; empty: none
}

// Failure is a client that was seen to fail a vector, and how.
type Failure struct{ Client, How string }

// Encoding is an event, how it is written, and what an EventSource makes of that.
type Encoding struct {
	Name, Spec string
	Event      struct {
		ID, Type string
		Data     []byte
		Retry    int64 // in milliseconds
	}
	Wire     []byte
	Refused  string // the field that no event can have; Wire is the event without it
	Decodes  Dispatched
	FailedBy []Failure
}

// Failed says whether client has failed the vector.
func (d *Decoding) Failed(client string) bool {
	return slices.ContainsFunc(d.FailedBy, func(f Failure) bool { return f.Client == client })
}

// bytesOf is a string that may not be UTF-8, or one of many equal parts.
type bytesOf struct {
	Text   *string
	Base64 *string
	Parts  [][2]any
}

func (b bytesOf) bytes() (out []byte, err error) {
	switch {
	case b.Base64 != nil:
		return base64.StdEncoding.DecodeString(*b.Base64)
	case b.Text != nil:
		return []byte(*b.Text), nil
	}
	for _, part := range b.Parts {
		text, ok := part[0].(string)
		times, err := part[1].(json.Number).Int64()
		if !ok || err != nil {
			return nil, fmt.Errorf("a part is not [text, times]: %v", part)
		}
		out = append(out, strings.Repeat(text, int(times))...)
	}
	return out, nil
}

type event struct {
	Type, LastEventID string
	Data              *string
	DataParts         [][2]any
	DataBase64        *string
	Retry             json.Number
}

func (e event) dispatched() (d Dispatched, err error) {
	text, err := bytesOf{Text: e.Data, Parts: e.DataParts}.bytes()
	if err != nil {
		return d, err
	}
	raw := text
	if e.DataBase64 != nil {
		raw, err = bytesOf{Base64: e.DataBase64}.bytes()
	}
	return Dispatched{e.Type, string(text), raw, e.LastEventID, e.Retry}, err
}

type decoding struct {
	Name, Spec  string
	Wire        *string
	WireBase64  *string
	WireParts   [][2]any
	Pieces      []int
	Events      []event
	LastEventID string
	Retry       json.Number
	FailedBy    []Failure
}

func (v decoding) parsed() (d Decoding, err error) {
	d = Decoding{Name: v.Name, Spec: v.Spec, LastEventID: v.LastEventID, Retry: v.Retry, FailedBy: v.FailedBy}
	if d.Wire, err = (bytesOf{v.Wire, v.WireBase64, v.WireParts}).bytes(); err != nil {
		return d, err
	}
	rest := d.Wire
	for _, n := range v.Pieces {
		d.Pieces, rest = append(d.Pieces, rest[:n]), rest[n:]
	}
	if len(rest) > 0 {
		d.Pieces = append(d.Pieces, rest)
	}
	for _, e := range v.Events {
		event, err := e.dispatched()
		if err != nil {
			return d, err
		}
		d.Events = append(d.Events, event)
	}
	return d, nil
}

type encoding struct {
	Name, Spec string
	Event      struct {
		ID, Type   string
		Data       *string
		DataBase64 *string
		Retry      int64
	}
	Wire       *string
	WireBase64 *string
	Refused    string
	Decodes    event
	FailedBy   []Failure
}

func (v encoding) parsed() (e Encoding, err error) {
	e = Encoding{Name: v.Name, Spec: v.Spec, Refused: v.Refused, FailedBy: v.FailedBy}
	e.Event.ID, e.Event.Type, e.Event.Retry = v.Event.ID, v.Event.Type, v.Event.Retry
	if e.Event.Data, err = (bytesOf{Text: v.Event.Data, Base64: v.Event.DataBase64}).bytes(); err != nil {
		return e, err
	}
	if e.Wire, err = (bytesOf{Text: v.Wire, Base64: v.WireBase64}).bytes(); err != nil {
		return e, err
	}
	e.Decodes, err = v.Decodes.dispatched()
	return e, err
}

// Decodings reads the file decode.json.
func Decodings(file string) ([]Decoding, error) {
	return read(file, decoding.parsed)
}

// Encodings reads the file encode.json.
func Encodings(file string) ([]Encoding, error) {
	return read(file, encoding.parsed)
}

func read[F, V any](file string, parsed func(F) (V, error)) (list []V, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var all struct {
		Comment string `json:"$comment"`
		Vectors []F
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	d.DisallowUnknownFields()
	if err := d.Decode(&all); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	for i, v := range all.Vectors {
		vector, err := parsed(v)
		if err != nil {
			return nil, fmt.Errorf("read %s: vector %d: %w", file, i, err)
		}
		list = append(list, vector)
	}
	return list, nil
}
