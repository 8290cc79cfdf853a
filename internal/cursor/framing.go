package cursor

import "github.com/fastsse/fastsse/internal/eventlog"

// Framing is how the bytes of a stream are wrapped. What differs between framings is
// in its methods alone.
type Framing uint8

// The framings.
const (
	Chunked  Framing = iota // HTTP/1.1: every event is a chunk, as the logs hold it
	Identity                // HTTP/1.0: the bare blocks, until the connection ends
	Embedded                // inside a streamwriter.Writer, which frames what it is given
)

// inLogs reports whether the logs hold events as the framing sends them, so that
// several of them are a slice of a segment.
func (fr Framing) inLogs() bool { return fr == Chunked }

// appendEvent appends an event of a segment.
func (fr Framing) appendEvent(dst []byte, s *eventlog.Segment, f *eventlog.Frame) []byte {
	if fr == Chunked {
		return append(dst, s.Chunk(f)...)
	}
	return append(dst, s.Payload(f)...)
}

// AppendControl appends a block that comes from no log: an opening, a gap, a
// reconnection time. An empty one appends nothing.
func (fr Framing) AppendControl(dst, block []byte) []byte {
	if fr == Chunked {
		return eventlog.AppendChunk(dst, block)
	}
	return append(dst, block...)
}

// AppendEnd appends the end of the body.
func (fr Framing) AppendEnd(dst []byte) []byte {
	if fr == Chunked {
		return append(dst, eventlog.LastChunk...)
	}
	return dst
}

// heartbeat returns the comment that ends a silence; nil where somebody else sends
// heartbeats. It must not be changed.
func (fr Framing) heartbeat() []byte {
	switch fr {
	case Chunked:
		return heartbeatChunk
	case Identity:
		return heartbeatLine
	}
	return nil
}

var (
	heartbeatLine  = []byte(":\n")
	heartbeatChunk = []byte("2\r\n:\n\r\n")
)
