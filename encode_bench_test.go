package fastsse

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// What would make the numbers of this file lie:
//
//   - a dst that grows: it is reused here, as a hub and a Writer do;
//   - one event over and over: the processor knows every branch of it by heart,
//     and its data never leaves the cache. "mixed" is what that hides;
//   - an event that the compiler can see through: they are built outside the
//     loops.

// BenchmarkAppendEvent is one event into a buffer that has room for it. "copy64KiB"
// is the floor of "64KiB": the same bytes, moved and not looked at. Both fit into the
// second-level cache; where they do not, the two are closer together.
func BenchmarkAppendEvent(b *testing.B) {
	small := []byte(strings.Repeat("x", 100))
	large := bytes.Repeat([]byte("0123456789abcde "), 4096)
	lines := bytes.Repeat(append(bytes.Repeat([]byte("y"), 79), '\n'), 820) // a field name and two short scans each
	b.Run("small", func(b *testing.B) { benchmarkAppendEvent(b, small) })
	b.Run("64KiB", func(b *testing.B) {
		b.SetBytes(int64(len(large)))
		benchmarkAppendEvent(b, large)
	})
	b.Run("lines64KiB", func(b *testing.B) {
		b.SetBytes(int64(len(lines)))
		benchmarkAppendEvent(b, lines)
	})
	b.Run("copy64KiB", func(b *testing.B) {
		dst := make([]byte, 0, len(large))
		b.SetBytes(int64(len(large)))
		for b.Loop() {
			dst = append(dst[:0], large...)
		}
	})
	b.Run("mixed", benchmarkAppendMixed)
}

func benchmarkAppendEvent(b *testing.B, data []byte) {
	e := Event{ID: "k3v9x2ab-104857", Type: "score", Data: data}
	dst := make([]byte, 0, 2*len(data)+512)
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendEvent(dst[:0], &e)
	}
	if want := bytes.Count(data, []byte("\n")) + 1; bytes.Count(dst, []byte("data: ")) != want {
		b.Fatalf("not %d data lines", want)
	}
}

// Events of many shapes, in an order that no branch predictor learns: 20 to 500
// bytes, half of them with a type, an eighth with a retry, a fourth of several
// lines.
func benchmarkAppendMixed(b *testing.B) {
	const shapes = 4096
	r := rand.New(rand.NewPCG(1, 2))
	events := make([]Event, shapes)
	for i := range events {
		events[i] = mixedEvent(r)
	}
	dst := make([]byte, 0, 4096)
	b.ReportAllocs()
	for i := uint(0); b.Loop(); i++ {
		dst = AppendEvent(dst[:0], &events[i%shapes])
	}
}

func mixedEvent(r *rand.Rand) Event {
	e := Event{ID: "k3v9x2ab-104857", Data: bytes.Repeat([]byte("x"), 20+r.IntN(480))}
	if r.IntN(2) == 0 {
		e.Type = "score"
	}
	if r.IntN(8) == 0 {
		e.Retry = time.Second
	}
	if r.IntN(4) == 0 {
		for i := r.IntN(20); i < len(e.Data); i += 10 + r.IntN(100) {
			e.Data[i] = '\n'
		}
	}
	return e
}

// BenchmarkAppendComment is a heartbeat, and a comment with text in two lines.
func BenchmarkAppendComment(b *testing.B) {
	b.Run("empty", func(b *testing.B) { benchmarkAppendComment(b, "") })
	b.Run("text", func(b *testing.B) { benchmarkAppendComment(b, "the feed is delayed\nby 30 seconds") })
}

func benchmarkAppendComment(b *testing.B, text string) {
	dst := make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendComment(dst[:0], text)
	}
}
