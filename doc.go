// Package fastsse is the format of Server-Sent Events (WHATWG HTML, section 9.2), as
// functions from bytes to bytes: no state, no allocation, nothing but the standard
// library.
//
//	b = fastsse.AppendEvent(b[:0], &fastsse.Event{ID: "42", Type: "goal", Data: data})
//
// An EventSource dispatches exactly the event that was appended, whatever its fields
// hold: data is split on CRLF, LF and lone CR, and nothing can be injected through an id
// or a type. [Read] and [Decoder] are the other direction: they hand out what an
// EventSource would dispatch.
//
// # The module
//
//	fastsse        the format                                        this package
//	streamwriter   one stream on one response of a fasthttp server   Serve, Writer
//	client         reads event streams, and comes back              EventSource
//	server         many streams that follow topics                   Hub
//	bench          a load tester for any SSE server
//	examples       programs to start from
package fastsse
