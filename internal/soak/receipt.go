package soak

import (
	"encoding/json"
	"fmt"
	"time"
)

// Kind is what a block of a stream was.
type Kind uint8

// The kinds of blocks.
const (
	Event    Kind = iota
	Position      // an id without data
	Gap
	Hello // what OnOpen sends: an event of the type "hello"
)

// Receipt is a block that a client has got.
type Receipt struct {
	Kind   Kind
	ID     string
	Data   []byte        // of an event, until its receiver has noted what it wants of it
	Sum    uint64        // of an event's data
	Size   int           // of an event's data
	Reason string        // of a gap
	At     time.Duration // when it came, if its receiver notes that
}

// String describes the block in a line.
func (r Receipt) String() string {
	switch r.Kind {
	case Position:
		return fmt.Sprintf("%v position %s", r.At, r.ID)
	case Gap:
		return fmt.Sprintf("%v gap %s, id %s", r.At, r.Reason, r.ID)
	case Hello:
		return fmt.Sprintf("%v hello", r.At)
	}
	return fmt.Sprintf("%v event %s, %d bytes", r.At, r.ID, r.Size)
}

// filled is the receipt of a block with data.
func (r Receipt) filled(typ string, data []byte) (Receipt, error) {
	switch typ {
	case "gap":
		r.Kind = Gap
		var gap struct{ Reason string }
		if err := json.Unmarshal(data, &gap); err != nil {
			return r, fmt.Errorf("gap %q: %w", data, err)
		}
		r.Reason = gap.Reason
	case "hello":
		r.Kind = Hello
	case "":
		r.Data, r.Sum, r.Size = data, Sum(data), len(data)
	default:
		return r, fmt.Errorf("event of the type %q, which nobody published", typ)
	}
	return r, nil
}

// LastID is the id from which a client resumes that has got these blocks, in a stream that
// it opened with an id.
func LastID(got []Receipt, opened string) string {
	for i := len(got) - 1; i >= 0; i-- {
		if id := got[i].ID; id != "" {
			return id
		}
	}
	return opened
}
