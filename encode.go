package fastsse

import (
	"bytes"
	"slices"
	"strconv"
	"time"
)

// AppendEvent appends e as one block, blank line included, and returns the
// extended slice. It keeps no reference to dst or to e.Data.
//
// Data is split on CRLF, LF and lone CR, as the specification's parser does,
// and always follows "data: " so that leading spaces survive. An ID, Type or
// Retry that [Event.Validate] refuses is left out: nothing can be injected,
// checked or not.
//
// The id comes last. Some clients (npm's eventsource 2, fetch-event-source,
// Datastar) take it when they have read its line: if the connection breaks
// within an event, they resume after that event when the id stands first, and
// have lost it.
//
// It does not allocate when dst has room (BenchmarkAppendEvent).
func AppendEvent(dst []byte, e *Event) []byte {
	// One growth for the usual event; more only for many lines.
	dst = slices.Grow(dst, len(e.ID)+len(e.Type)+len(e.Data)+fieldRoom)
	dst = AppendEventFields(dst, e)
	if e.ID != "" && oneLine(e.ID) {
		dst = append(dst, "id: "...)
		dst = append(dst, e.ID...)
		dst = append(dst, '\n')
	}
	return append(dst, '\n')
}

// fieldRoom is the room for the names of all fields and a retry.
const fieldRoom = len("id: \n") + len("event: \n") + len("retry: \n") + 20 + len("data: \n\n")

// AppendEventFields is [AppendEvent] without the id and the blank line: the
// caller ends the block, by [AppendID] or by a '\n'.
func AppendEventFields(dst []byte, e *Event) []byte {
	if e.Type != "" && oneLine(e.Type) {
		dst = append(dst, "event: "...)
		dst = append(dst, e.Type...)
		dst = append(dst, '\n')
	}
	if e.Retry >= time.Millisecond {
		dst = appendRetryLine(dst, e.Retry)
	}
	return appendData(dst, e.Data)
}

// AppendComment appends text as comment lines, one for each of its lines. A
// comment is not a block: it may come anywhere between two events, and no blank
// line follows it (some clients take that for an empty event).
//
// An empty line of text becomes a dot, so that empty text gives a heartbeat, ": .\n". A bare
// ":\n" would do by the specification, but one parser raises on a comment without ": ", and
// others remove white space at the end of a line before they look.
func AppendComment(dst []byte, text string) []byte {
	for {
		line, rest, more := cutLine(text)
		if line == "" {
			line = "."
		}
		dst = append(dst, ": "...)
		dst = append(dst, line...)
		dst = append(dst, '\n')
		if !more {
			return dst
		}
		text = rest
	}
}

// AppendRetry appends a block that sets the client's reconnection time and
// dispatches nothing. A d below one millisecond appends nothing: "retry: 0"
// makes browsers reconnect in a hot loop, and an empty one is ignored.
func AppendRetry(dst []byte, d time.Duration) []byte {
	if d < time.Millisecond {
		return dst
	}
	return append(appendRetryLine(dst, d), '\n')
}

// AppendID appends a block that sets the client's last event ID and dispatches
// nothing, so that a client which has not seen an event yet can resume. An
// empty id resets it. An id with NUL, CR or LF appends nothing. After
// [AppendEventFields] it is the end of that event.
func AppendID(dst []byte, id string) []byte {
	if !oneLine(id) {
		return dst
	}
	dst = append(dst, "id: "...)
	dst = append(dst, id...)
	return append(dst, '\n', '\n')
}

func appendRetryLine(dst []byte, d time.Duration) []byte {
	dst = append(dst, "retry: "...)
	dst = strconv.AppendInt(dst, d.Milliseconds(), 10)
	return append(dst, '\n')
}

// appendData appends data as "data: " lines.
func appendData(dst, data []byte) []byte {
	// Fast path: one line. Two vectorised scans beat one loop (docs/design.md).
	lf := bytes.IndexByte(data, '\n')
	cr := bytes.IndexByte(data, '\r')
	if lf < 0 && cr < 0 {
		dst = append(dst, "data: "...)
		dst = append(dst, data...)
		return append(dst, '\n')
	}
	return appendDataLines(dst, data, lf, cr)
}

// appendDataLines is the slow path of appendData: lf and cr are the offsets of
// the first LF and CR of data, or negative. Each byte is scanned once for
// either, however many lines there are.
func appendDataLines(dst, data []byte, lf, cr int) []byte {
	start := 0
	for {
		end, next := lf, lf+1
		if lf < 0 || (cr >= 0 && cr < lf) {
			end, next = cr, cr+1
			if cr >= 0 && cr+1 == lf {
				next = lf + 1
			}
		}
		dst = append(dst, "data: "...)
		if end < 0 {
			dst = append(dst, data[start:]...)
			return append(dst, '\n')
		}
		dst = append(dst, data[start:end]...)
		dst = append(dst, '\n')
		start = next
		lf = nextByte(data, '\n', lf, start)
		cr = nextByte(data, '\r', cr, start)
	}
}

// nextByte returns the offset of the first c at or after from, given that the
// last one was found at was (negative: there are no more).
func nextByte(data []byte, c byte, was, from int) int {
	if was < 0 || was >= from {
		return was
	}
	i := bytes.IndexByte(data[from:], c)
	if i < 0 {
		return -1
	}
	return from + i
}

// cutLine splits s after its first line, which may end in CRLF, LF or CR.
func cutLine(s string) (line, rest string, more bool) {
	for i := range len(s) {
		switch s[i] {
		case '\n':
			return s[:i], s[i+1:], true
		case '\r':
			if i+1 < len(s) && s[i+1] == '\n' {
				return s[:i], s[i+2:], true
			}
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

// oneLine reports whether s can be the value of an id or event field: no NUL,
// CR or LF.
func oneLine(s string) bool {
	for len(s) >= 8 {
		if hasControl(load64(s)) && !oneLineSlow(s[:8]) {
			return false
		}
		s = s[8:]
	}
	return oneLineSlow(s)
}

func oneLineSlow(s string) bool {
	for i := range len(s) {
		switch s[i] {
		case 0, '\n', '\r':
			return false
		}
	}
	return true
}

// load64 reads the first eight bytes of s; the compiler makes it one load.
func load64(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// hasControl reports whether any of the eight bytes of v is below 0x0E. It may be
// wrong about a byte above one that is, which does not change the answer.
func hasControl(v uint64) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	return (v-0x0E*ones)&^v&highs != 0
}
