package delivery

import (
	"fmt"
	"testing"
)

// BenchmarkPublish is an event from Publish to the last of its readers' write(2).
// Readers of none are what Publish costs its caller; with readers, the shard's
// part is in it, which in a server is another goroutine's.
//
// What would make it lie, beside what sinks says: readers in slab order; a log
// that is not full yet, and so forgets nothing; a wake-up, which is left out: a
// system call for the first event after a pause, nothing under load; ns/delivery
// without a look at BenchmarkSink, which is most of it, and hides how the rest
// grows. B/reader is the hub's memory, not the kernel's for a socket; for few
// readers, the log's would be in it.
func BenchmarkPublish(b *testing.B) {
	for _, readers := range []int{0, 1, 100, 10_000, 1_000_000} {
		b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) {
			if readers == 1_000_000 && testing.Short() {
				b.Skip("a million slots take a while")
			}
			benchmarkPublish(b, readers, "a")
		})
	}
}

// BenchmarkPublishMerged is BenchmarkPublish to 10,000 readers of two topics,
// whose bytes are copied together. What would make it lie: both topics' news at
// once, which would make two events one delivery.
func BenchmarkPublishMerged(b *testing.B) { benchmarkPublish(b, 10_000, "a", "b") }

func benchmarkPublish(b *testing.B, readers int, topics ...string) {
	s := newSinks(b, Limits{})
	s.publish(b, 2*windowEvents*len(topics), topics...)
	before := heapInUse()
	s.fill(readers, topics...)
	size := heapInUse() - before
	b.ReportAllocs()
	for b.Loop() {
		s.publishOne(b, "a", &hundred)
		s.turn()
	}
	if got, want := s.machine.Delivered, int64(b.N)*int64(readers); got != want {
		b.Fatalf("%d deliveries, want %d", got, want)
	}
	if readers > 0 {
		perEach(b, readers, "delivery")
	}
	if readers >= 10_000 {
		b.ReportMetric(size/float64(readers), "B/reader")
	}
}

// BenchmarkSink is the write(2) of a delivery to a sink, and nothing else: the
// floor of BenchmarkPublish's deliveries.
func BenchmarkSink(b *testing.B) {
	s := newSinks(b, Limits{})
	chunk := make([]byte, 150)
	for b.Loop() {
		if _, err := s.sock.Write(chunk); err != nil {
			b.Fatal(err)
		}
	}
}
