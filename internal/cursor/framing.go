package cursor

import "github.com/fastsse/fastsse/internal/eventlog"

// Framing is how the blocks of a stream are wrapped. All differences between framings
// are in its methods.
type Framing uint8

// The framings.
const (
	Chunked  Framing = iota // HTTP/1.1: every event is a chunk, as the logs hold it
	Identity                // HTTP/1.0: bare blocks, until the connection ends
	Embedded                // bare blocks for a streamwriter.Writer, which does the rest
)

// inLogs reports whether the logs hold events as the framing sends them, so that a slice
// of a segment can be sent.
func (fr Framing) inLogs() bool { return fr == Chunked }

// appendEvent appends an event of a segment to dst.
func (fr Framing) appendEvent(dst []byte, s *eventlog.Segment, f *eventlog.Frame) []byte {
	if fr == Chunked {
		return append(dst, s.Chunk(f)...)
	}
	return append(dst, s.Payload(f)...)
}

// AppendControl appends a block that is in no log to dst: an opening, a gap, a
// reconnection time. For an empty block it appends nothing.
func (fr Framing) AppendControl(dst, block []byte) []byte {
	if fr == Chunked {
		return eventlog.AppendChunk(dst, block)
	}
	return append(dst, block...)
}

// AppendEnd appends the end of the body to dst, if the framing has one.
func (fr Framing) AppendEnd(dst []byte) []byte {
	if fr == Chunked {
		return append(dst, eventlog.LastChunk...)
	}
	return dst
}

// heartbeat returns the comment that ends a silence; nil where the Writer sends
// heartbeats. The slice must not be changed.
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
