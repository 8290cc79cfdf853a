package eventlog

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse"
)

// BenchmarkPublishBesideSubtrees is a publish while somebody opens streams of 16
// empty subtrees, one after the other as fast as it goes, in a hub of many topics.
// What would make it lie: fewer than two processors, since then the publisher waits
// for the processor, not for the lock; p99 and max are of this machine's scheduler as
// well.
func BenchmarkPublishBesideSubtrees(b *testing.B) {
	for _, topics := range []int{1_000, 100_000} {
		b.Run(fmt.Sprintf("topics=%d", topics), func(b *testing.B) {
			h := filled(b, topics, topics)
			var patterns []string
			for i := range 16 {
				patterns = append(patterns, fmt.Sprintf("z%d/*", i))
			}
			beside(b, h, func() { h.Release(h.Acquire(patterns)) })
		})
	}
}

// BenchmarkPublishBesideIndexing is a publish while somebody opens a subtree with a
// million events in a thousand topics for the first time, again and again. It says how
// long that takes as well. What would make it lie: as above.
func BenchmarkPublishBesideIndexing(b *testing.B) {
	if testing.Short() {
		b.Skip("a million events take a while")
	}
	h := filled(b, 1_000, 1_000_000)
	var took time.Duration
	made := 0
	beside(b, h, func() {
		from := time.Now()
		topics := h.Acquire([]string{"t/*"})
		took += time.Since(from)
		made++
		h.Release(topics)
		h.mu.Lock()
		h.dropIdleIndex(topics[0])
		h.mu.Unlock()
	})
	b.ReportMetric(float64(took.Microseconds())/float64(made), "µs/index")
}

// filled is a hub that holds events of so many topics.
func filled(b *testing.B, topics, events int) *History {
	b.Helper()
	h := New("e", 4<<30, []Rule{{Topics: "*", Window: defaultWindow}})
	for i := range events {
		publishOne(b, h, fmt.Sprintf("t/%d", i%topics))
	}
	return h
}

// beside measures publishes while another goroutine does something again and again.
func beside(b *testing.B, h *History, something func()) {
	b.Helper()
	var stop, stopped = make(chan struct{}), sync.WaitGroup{}
	stopped.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				something()
			}
		}
	})
	var all []time.Duration
	for b.Loop() {
		from := time.Now()
		publishOne(b, h, "hot")
		all = append(all, time.Since(from))
	}
	close(stop)
	stopped.Wait()
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)*99/100].Nanoseconds()), "p99-ns")
	b.ReportMetric(float64(all[len(all)-1].Nanoseconds()), "max-ns")
}

// oneHundred is an event with 100 bytes of data.
var oneHundred = fastsse.Event{Type: "score", Data: bytes.Repeat([]byte("x"), 100)}

// publish is what a hub does to publish, without waking readers.
func publishOne(b *testing.B, h *History, topic string) {
	batch := h.NewBatch()
	defer batch.Recycle()
	batch.Add(topic, &oneHundred, false, 0)
	if err := h.Commit(batch, 0); err != nil {
		b.Fatal(err)
	}
}
