package eventlog

import (
	"math/bits"
	"strconv"
)

// The framing of HTTP/1.1 bodies of unknown length: RFC 9112, section 7.1.

// LastChunk ends a chunked body.
const LastChunk = "0\r\n\r\n"

// chunkHeadLen is the length of the head of a chunk with n bytes, n > 0.
func chunkHeadLen(n int) int { return (bits.Len(uint(n))+3)/4 + len("\r\n") }

// appendChunkHead appends the head of a chunk with n bytes.
func appendChunkHead(dst []byte, n int) []byte {
	dst = strconv.AppendInt(dst, int64(n), 16)
	return append(dst, "\r\n"...)
}

// AppendChunk appends p to dst as one chunk. For an empty p it appends nothing, since an
// empty chunk would end the body.
func AppendChunk(dst, p []byte) []byte {
	if len(p) == 0 {
		return dst
	}
	dst = appendChunkHead(dst, len(p))
	dst = append(dst, p...)
	return append(dst, "\r\n"...)
}
