package streamwriter

import (
	"bytes"
	"testing"
)

// What would make these lie: a dst that grows (it is reused here, as a hub
// does), an event the compiler can see through (it is built outside the loop).

func BenchmarkAppendEvent(b *testing.B) {
	e := Event{ID: "k3v9x2ab-104857", Type: "score", Data: bytes.Repeat([]byte("x"), 100)}
	dst := make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendEvent(dst[:0], &e)
	}
}

func BenchmarkAppendEvent64K(b *testing.B) {
	data := bytes.Repeat([]byte("0123456789abcde "), 4096)
	e := Event{ID: "k3v9x2ab-104857", Type: "score", Data: data}
	dst := make([]byte, 0, len(data)+512)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			dst = AppendEvent(dst[:0], &e)
		}
	})
	b.Run("copy", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			dst = append(dst[:0], data...)
		}
	})
}

// The same size in lines of 80: each costs a field name and two short scans.
func BenchmarkAppendEvent64KLines(b *testing.B) {
	data := bytes.Repeat(append(bytes.Repeat([]byte("y"), 79), '\n'), 820)
	e := Event{Data: data}
	dst := make([]byte, 0, 2*len(data))
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		dst = AppendEvent(dst[:0], &e)
	}
}
