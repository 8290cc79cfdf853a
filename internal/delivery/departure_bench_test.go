package delivery

import (
	"fmt"
	"runtime"
	"strconv"
	"testing"

	"github.com/fastsse/fastsse/internal/cursor"
)

// BenchmarkDeparture is 80,000 streams of {global, user/i} that leave one after
// the other, as after a proxy's restart: each has a feed of its own, and all of
// them share a topic. What would make it lie: fewer streams, since what has to be
// shown is that the time of one departure does not grow with their number; and
// streams that leave from the last to the first, which would find what they look
// for at the end of every list. The connections' ends are not in it.
func BenchmarkDeparture(b *testing.B) {
	for _, streams := range []int{10_000, 80_000} {
		b.Run(fmt.Sprintf("streams=%d", streams), func(b *testing.B) {
			s := newSinks(b, Limits{})
			for b.Loop() {
				b.StopTimer()
				for i := range streams {
					s.open("global", "user/"+strconv.Itoa(i))
				}
				b.StartTimer()
				s.slots.each(func(i int32, st *slot) {
					s.signOff(i, st, cursor.Client)
					s.free(i)
				})
			}
			perEach(b, streams, "stream")
			if n := s.streams.Load(); n != 0 {
				b.Fatalf("%d streams are left", n)
			}
		})
	}
}

// BenchmarkOwnTopics is the heap that a parked stream takes whose topics nobody
// else reads: the shared topic of {global, own} is not counted, since all streams
// share it. What would make it lie: the names, which are short; topics that hold
// events, whose segments are history and not the stream's.
func BenchmarkOwnTopics(b *testing.B) {
	for _, own := range []int{1, 16} {
		b.Run(fmt.Sprintf("own=%d", own), func(b *testing.B) {
			const streams = 20_000
			for b.Loop() {
				s := newSinks(b, Limits{})
				before := heapInUse()
				for i := range streams {
					var topics []string
					if own == 1 {
						topics = append(topics, "global")
					}
					for j := range own {
						topics = append(topics, "user/"+strconv.Itoa(i)+"/"+strconv.Itoa(j))
					}
					s.open(topics...)
				}
				b.ReportMetric((heapInUse()-before)/streams, "heap-B/stream")
				runtime.KeepAlive(s)
			}
		})
	}
}
