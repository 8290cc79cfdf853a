package streamwriter

import (
	"bytes"
	"testing"
	"time"
)

// BenchmarkSend is an event through a Writer: encoder, lock, clock, write
// deadline, one Write. What would make it lie: the Write does nothing here, and
// costs a hundred times the rest on a socket; deadlines are set only every now
// and then (armLocked), and cost a system call's time when they are.
func BenchmarkSend(b *testing.B) {
	w := must(NewWriter(deaf{}, Options{}))
	defer w.Close()
	e := Event{ID: "k3v9x2ab-104857", Type: "score", Data: bytes.Repeat([]byte("x"), 100)}
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Send(e); err != nil {
			b.Fatal(err)
		}
	}
}

// deaf takes everything and forgets it.
type deaf struct{}

func (deaf) Write(p []byte) (int, error)        { return len(p), nil }
func (deaf) SetWriteDeadline(_ time.Time) error { return nil }
