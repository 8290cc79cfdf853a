package server

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/streamwriter"
)

// The bound of Config.MaxEventBytes rests on what an event takes at most.
func TestTheLargestEventCannotWrap(t *testing.T) {
	for _, newline := range []string{"\n", "\r", "\r\n"} {
		for _, n := range []int{1, 100, 100_000} {
			e := streamwriter.Event{Type: strings.Repeat("t", maxTypeBytes), Retry: 24 * time.Hour, Data: bytes.Repeat([]byte(newline), n)}
			fields := len(streamwriter.AppendEventFields(nil, &e))
			whole := len(appendChunk(nil, make([]byte, len("id: \n")+maxIDBytes+fields)))
			if most := (len(e.Data)+1)*len("data: \n") + frameOverhead; whole > most {
				t.Errorf("%d of %q: %d bytes on the wire, more than %d", n, newline, whole, most)
			}
		}
	}
}
