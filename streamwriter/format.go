package streamwriter

import (
	"time"

	"github.com/fastsse/fastsse"
)

// The wire format is package fastsse, which needs only the standard library. These are
// the same names, for programs that import this package anyway.

// Event is one server-sent event: [fastsse.Event].
type Event = fastsse.Event

// FieldError says which field was refused, and what to do about it: [fastsse.FieldError].
type FieldError = fastsse.FieldError

// AppendEvent is [fastsse.AppendEvent].
func AppendEvent(dst []byte, e *Event) []byte { return fastsse.AppendEvent(dst, e) }

// AppendEventFields is [fastsse.AppendEventFields].
func AppendEventFields(dst []byte, e *Event) []byte { return fastsse.AppendEventFields(dst, e) }

// AppendComment is [fastsse.AppendComment].
func AppendComment(dst []byte, text string) []byte { return fastsse.AppendComment(dst, text) }

// AppendRetry is [fastsse.AppendRetry].
func AppendRetry(dst []byte, d time.Duration) []byte { return fastsse.AppendRetry(dst, d) }

// AppendID is [fastsse.AppendID].
func AppendID(dst []byte, id string) []byte { return fastsse.AppendID(dst, id) }
