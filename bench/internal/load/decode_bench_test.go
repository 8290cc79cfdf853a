package load

import (
	"testing"
	"time"

	"github.com/fastsse/fastsse"
)

// BenchmarkDecode is what decoding an event costs the load tool, without its chunk and
// without a look at its payload: with one event per read, as under light load, or 64 KiB
// of them, as in a flood. What would make it lie: on a real connection most reads of
// 64 KiB end inside a line, which costs a copy, and here none does; the bytes are still
// in the cache from the last round, as they are there from the kernel's copy.
func BenchmarkDecode(b *testing.B) {
	event := AppendPayload([]byte("id: k3v9x2ab-104857\nevent: score\ndata: "), 0, 1, time.Second, 100)
	event = append(event, "\n\n"...)
	b.Run("read=1event", func(b *testing.B) { benchmarkDecode(b, event, 1) })
	b.Run("read=64KiB", func(b *testing.B) { benchmarkDecode(b, event, (64<<10)/len(event)) })
}

func benchmarkDecode(b *testing.B, event []byte, events int) {
	var wire []byte
	for range events {
		wire = append(wire, event...)
	}
	var d fastsse.Decoder
	got := 0
	b.ReportAllocs()
	b.SetBytes(int64(len(wire)))
	for b.Loop() {
		if err := decode(&d, wire, func(_ []byte, e *fastsse.Received) { got += len(e.Data) }); err != nil {
			b.Fatal(err)
		}
	}
	if want := b.N * events * 100; got != want {
		b.Fatalf("%d bytes of data, want %d", got, want)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*events), "ns/event")
}
