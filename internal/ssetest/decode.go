// Package ssetest reads event streams for tests, strictly according to WHATWG HTML
// section 9.2.6, and shares no code with what it helps to test.
package ssetest

import (
	"bufio"
	"io"
	"strings"
)

// Event is what an EventSource would dispatch.
type Event struct {
	ID   string // the last event ID at dispatch
	Type string // "message" unless named
	Data string
}

// Decoder reads one stream.
type Decoder struct {
	r     *bufio.Reader
	first bool
	skip  bool // the last line ended in CR: an LF that follows belongs to it

	LastID   string // of the last block that had one, even without data
	Retry    string // the last valid reconnection time, in milliseconds
	Comments int

	// OnID, if set, is called for each block without data that changes the last event
	// id. If it returns true, Next returns an Event without a type.
	OnID func(id string) bool

	id, typ string
	data    []string
}

// NewDecoder returns a Decoder that reads from r.
func NewDecoder(r io.Reader) *Decoder {
	return &Decoder{r: bufio.NewReaderSize(r, 64<<10), first: true}
}

// Next returns the next event, or the error that ended the stream. An
// unfinished block at the end is dropped, and its id with it.
func (d *Decoder) Next() (Event, error) {
	for {
		line, err := d.line()
		if err != nil {
			return Event{}, err
		}
		if line != "" {
			d.field(line)
			continue
		}
		moved := d.LastID != d.id
		d.LastID = d.id
		data, typ := d.data, d.typ
		d.data, d.typ = nil, ""
		if data == nil {
			if moved && d.OnID != nil && d.OnID(d.id) {
				return Event{ID: d.id}, nil
			}
			continue
		}
		if typ == "" {
			typ = "message"
		}
		return Event{ID: d.LastID, Type: typ, Data: strings.Join(data, "\n")}, nil
	}
}

// All reads to the end of the stream.
func (d *Decoder) All() ([]Event, error) {
	var all []Event
	for {
		e, err := d.Next()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, e)
	}
}

func (d *Decoder) field(line string) {
	if line[0] == ':' {
		d.Comments++
		return
	}
	name, value, _ := strings.Cut(line, ":")
	value = strings.TrimPrefix(value, " ")
	switch name {
	case "event":
		d.typ = value
	case "data":
		d.data = append(d.data, value)
	case "id":
		if !strings.Contains(value, "\x00") {
			d.id = value
		}
	case "retry":
		if value != "" && strings.Trim(value, "0123456789") == "" {
			d.Retry = value
		}
	}
}

// line reads up to CRLF, LF or CR. A CR ends the line at once: an LF after it
// is skipped when it comes.
func (d *Decoder) line() (string, error) {
	var b strings.Builder
	for {
		c, err := d.r.ReadByte()
		if err != nil {
			return "", err
		}
		if d.skip {
			d.skip = false
			if c == '\n' {
				continue
			}
		}
		if c != '\n' && c != '\r' {
			b.WriteByte(c)
			continue
		}
		d.skip = c == '\r'
		line := b.String()
		if d.first {
			d.first = false
			line = strings.TrimPrefix(line, "\ufeff")
		}
		return line, nil
	}
}
