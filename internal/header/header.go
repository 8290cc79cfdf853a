// Package header finds request headers in upper and lower case, even where fasthttp
// does not, and tells an EventSource by them.
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

// Peek returns the value of the header called name, or nothing. Give the name as the
// specification spells it.
//
// fasthttp finds a header in any case, unless Server.DisableHeaderNamesNormalizing is
// set: then it finds only the exact spelling. But proxies that speak HTTP/2 to clients
// send names in lower case, and these must be found too. The value is valid until the
// handler returns.
func Peek(h Request, name string) []byte {
	if v := h.Peek(name); len(v) > 0 || normalized(h) {
		return v
	}
	return scan(h, name)
}

// normalized reports whether fasthttp finds names of h in any case. It uses the Host
// header, which fasthttp keeps apart, and finds as "hOST" only if it normalizes.
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
