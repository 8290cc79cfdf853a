package fastsse

import (
	"fmt"
	"time"
	"unicode/utf8"
)

// Event is one server-sent event (WHATWG HTML, section 9.2.5).
//
// The zero Event is valid: it dispatches a "message" with empty data.
type Event struct {
	// ID is what the client will send back as Last-Event-ID. Empty means that
	// the event carries no id and the client keeps the one it has. It must not
	// hold NUL, CR or LF.
	ID string

	// Type is the name that EventSource listeners register for. Empty means
	// "message". It must not hold NUL, CR or LF. In browsers an event of type
	// "error" or "open" also runs the page's onerror or onopen, which then sees an
	// EventSource that is still open: choose another name where the protocol does
	// not prescribe one of these, as those of AI providers do ("event: error").
	Type string

	// Data is the payload, UTF-8, any length. CRLF, LF and lone CR all end a
	// line, and arrive as LF: that is all the format can carry. Nil and empty
	// both dispatch an event with empty data.
	Data []byte

	// Retry tells the client how long to wait before it reconnects, in whole
	// milliseconds. Zero leaves the client's value alone. Less than a
	// millisecond is refused: browsers obey "retry: 0" and reconnect in a hot
	// loop.
	Retry time.Duration
}

// FieldError says which field of an event or request was refused, what it
// held, and what to do about it.
type FieldError struct {
	Field   string // the name as the caller knows it: "id", "type", "topic"…
	Value   string // what it held, by Shorten
	Problem string // "holds a newline"
	Remedy  string // "remove it"
}

// Error returns the whole sentence.
func (e *FieldError) Error() string {
	return fmt.Sprintf("%s %q %s; %s", e.Field, e.Value, e.Problem, e.Remedy)
}

// NewFieldError makes a FieldError with a value that is cut by [Shorten].
func NewFieldError(field, value, problem, remedy string) *FieldError {
	return &FieldError{Field: field, Value: Shorten(value), Problem: problem, Remedy: remedy}
}

// Validate reports, as a *FieldError, the first field of e that cannot be
// written: an ID or Type with NUL, CR or LF in it, or a Retry that is negative
// or below a millisecond. Data is never refused.
//
// The specification only says that an id with a NUL is ignored; a type with one is
// refused here as well, because it can only be a mistake.
func (e *Event) Validate() error {
	if !oneLine(e.ID) {
		return lineError("id", e.ID)
	}
	if !oneLine(e.Type) {
		return lineError("type", e.Type)
	}
	if e.Retry != 0 && e.Retry < time.Millisecond {
		return NewFieldError("retry", e.Retry.String(), "is below one millisecond",
			"leave it zero to keep the client's value, or give a duration such as 3s")
	}
	return nil
}

func lineError(field, value string) error {
	return NewFieldError(field, value, "holds a NUL, CR or LF, which would end the field early",
		"remove it, or carry the text in data")
}

// Shorten keeps what quotes s readable when s is a whole document: of more than 80 bytes
// it returns the first 80, or a few less so as to end between two characters, and "…".
// Text that is not UTF-8 is cut all the same.
func Shorten(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	n := most
	for n > most-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
