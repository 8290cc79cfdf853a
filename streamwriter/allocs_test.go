//go:build !race

package streamwriter

import (
	"bytes"
	"testing"
)

// An event is encoded into the stream's own buffer. (The race detector allocates where
// the code does not.)
func TestSendAllocatesNothing(t *testing.T) {
	for name, e := range map[string]Event{
		"plain":         {Data: []byte("hello")},
		"all fields":    {ID: "k3v9x2ab-104857", Type: "score", Data: bytes.Repeat([]byte("x"), 100), Retry: 3000000000},
		"several lines": {Data: []byte("one\ntwo\r\nthree\n")},
	} {
		t.Run(name, func(t *testing.T) {
			w := must(NewWriter(deaf{}, Options{}))
			defer w.Close()
			if n := testing.AllocsPerRun(1000, func() {
				if err := w.Send(e); err != nil {
					t.Fatal(err)
				}
			}); n != 0 {
				t.Errorf("%v allocations per event, want none", n)
			}
		})
	}
}
