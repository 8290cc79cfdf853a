package delivery

import (
	"fmt"
	"testing"
)

// BenchmarkReplay is one reader that has come back to so many missed events. Of
// one topic they are slices of its log, of two they are merged into a buffer.
//
// What would make it lie: a neighbour who was just at the same place, whose run
// the feed may still have; a log that is not full, and so a single segment;
// a reader that counts as live and not as resumed, which is the shorter way; the
// kernel, which here takes half a megabyte as fast as nothing: ns/event of a
// slice is the price of a write divided by its events.
func BenchmarkReplay(b *testing.B) {
	for _, topics := range [][]string{{"a"}, {"a", "b"}} {
		for _, behind := range []int{1, 100, 4096} {
			b.Run(fmt.Sprintf("topics=%d/behind=%d", len(topics), behind), func(b *testing.B) {
				benchmarkReplay(b, behind, topics)
			})
		}
	}
}

func benchmarkReplay(b *testing.B, behind int, topics []string) {
	s := newSinks(b, Limits{})
	s.publish(b, 2*windowEvents*len(topics), topics...)
	s.fill(1, topics...)
	s.turn()
	i := s.readers[0].slots[0]
	st, f := s.slots.at(i), s.machine.Feeds[0]
	from := s.host.History.Newest() + 1 - uint64(behind)
	b.ReportAllocs()
	for b.Loop() {
		st.Next = from
		f.DropSpan()
		s.deliver(i)
		for !s.idle() {
			s.round()
		}
	}
	if got, want := s.machine.Delivered, int64(b.N)*int64(behind); got != want {
		b.Fatalf("%d events, want %d", got, want)
	}
	if st.Live != from+uint64(behind) || s.machine.Gaps > 0 {
		b.Fatal("not a resumed reader")
	}
	perEach(b, behind, "event")
}
