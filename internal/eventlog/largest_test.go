package eventlog

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse"
)

// The bound of Config.MaxEventBytes rests on what an event takes at most.
func TestTheLargestEventCannotWrap(t *testing.T) {
	for _, newline := range []string{"\n", "\r", "\r\n"} {
		for _, n := range []int{1, 100, 100_000} {
			e := fastsse.Event{Type: strings.Repeat("t", 256), Retry: 24 * time.Hour, Data: bytes.Repeat([]byte(newline), n)}
			fields := len(fastsse.AppendEventFields(nil, &e))
			whole := len(AppendChunk(nil, make([]byte, len("id: \n\n")+MaxIDBytes+fields)))
			if most := (len(e.Data)+1)*len("data: \n") + frameOverhead; whole > most {
				t.Errorf("%d of %q: %d bytes on the wire, more than %d", n, newline, whole, most)
			}
		}
	}
}
