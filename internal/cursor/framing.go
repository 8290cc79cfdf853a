package cursor

import (
	"time"

	"github.com/fastsse/fastsse"
	"github.com/fastsse/fastsse/internal/backoff"
	"github.com/fastsse/fastsse/internal/eventlog"
)

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

// AppendEnd appends the end of the body to dst, if the framing has one, unless the stream
// is cut: without it a client can tell that the stream is not finished.
func (fr Framing) AppendEnd(dst []byte, c ClientKind) []byte {
	if fr == Chunked && !c.is(Cut) {
		return append(dst, eventlog.LastChunk...)
	}
	return dst
}

// AppendFarewell appends to dst what a stream that this side ends is sent last: a
// reconnection time, drawn at random from retry to twice retry, and, unless the stream is
// cut, the end of the body. To an Embedded stream its Writer sends them.
func (fr Framing) AppendFarewell(dst []byte, retry time.Duration, c ClientKind) []byte {
	return fr.appendFarewell(dst, backoff.Retry(retry), c)
}

// appendFarewell is AppendFarewell with a time that has been drawn.
func (fr Framing) appendFarewell(dst []byte, retry time.Duration, c ClientKind) []byte {
	if fr == Embedded {
		return dst
	}
	block := c.AppendDataless(nil, fastsse.AppendRetry(nil, retry))
	return fr.AppendEnd(fr.AppendControl(dst, block), c)
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
	heartbeatLine  = fastsse.AppendComment(nil, "")
	heartbeatChunk = eventlog.AppendChunk(nil, heartbeatLine)
)
