package cursor

// ClientKind is what is known of a stream's client.
type ClientKind uint8

const (
	// EventSource: it has shown itself to be one. To an EventSource a block without data is
	// no event; to others one must assume that it is.
	EventSource ClientKind = 1 << iota
	// Cut: its stream ends without the end of the body: see Framing.AppendFarewell.
	Cut
)

// is reports whether c has what is asked for.
func (c ClientKind) is(what ClientKind) bool { return c&what != 0 }

// AppendDataless appends a block without data to dst. Its blank line is left out unless the
// client is an EventSource. Without it the lines become part of the next event: most clients
// take an id or a reconnection time when they have read its line, and the others with that
// event, where the blank line would make an empty event for them.
func (c ClientKind) AppendDataless(dst, block []byte) []byte {
	if n := len(block); n > 0 && !c.is(EventSource) {
		block = block[:n-1]
	}
	return append(dst, block...)
}
