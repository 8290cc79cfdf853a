package load

import (
	"testing"
	"time"
)

// BenchmarkDecode is the load tool's own price for an event, without its chunk
// and without a look at its payload: one to a read, as they come at leisure, or
// 64 KiB of them, as they come in a flood. What would make it lie: a read that
// ends inside a line, which costs a copy, as most of 64 KiB do on a wire (here
// none does); bytes that are still in the cache from the last round, as they are
// from the kernel's copy.
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
	var d decoder
	got := 0
	b.ReportAllocs()
	b.SetBytes(int64(len(wire)))
	for b.Loop() {
		if err := d.feed(wire, func(data []byte) { got += len(data) }); err != nil {
			b.Fatal(err)
		}
	}
	if want := b.N * events * 100; got != want {
		b.Fatalf("%d bytes of data, want %d", got, want)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*events), "ns/event")
}
