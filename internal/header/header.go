// Package header reads request headers whatever the case of their names, also
// where fasthttp does not.
package header

import (
	"bytes"
	"iter"
)

// Request is the header of a request: a *fasthttp.RequestHeader.
type Request interface {
	Peek(name string) []byte
	All() iter.Seq2[[]byte, []byte]
}

// Peek returns the value of the header called name, given as the specification
// spells it, or nothing.
//
// fasthttp finds a header in any case unless Server.DisableHeaderNamesNormalizing
// is set, and then only as it is spelled: but names come in lower case from
// HTTP/2 fronts, and what they say must not be missed. The value is valid until
// the handler returns.
func Peek(h Request, name string) []byte {
	if v := h.Peek(name); len(v) > 0 || normalized(h) {
		return v
	}
	return scan(h, name)
}

// normalized reports whether fasthttp finds names of h in any case. It keeps the
// Host apart, under the name "Host" alone.
func normalized(h Request) bool { return len(h.Peek("hOST")) > 0 }

// scan is the slow path of Peek.
func scan(h Request, name string) []byte {
	for key, value := range h.All() {
		if len(key) == len(name) && bytes.EqualFold(key, []byte(name)) {
			return value
		}
	}
	return nil
}
