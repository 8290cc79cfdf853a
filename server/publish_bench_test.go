package server

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"

	"github.com/fastsse/fastsse/streamwriter"
)

// Registered readers far beyond the descriptor limit: each delivery is one
// write(2), to /dev/null, and readers are visited in an order that has nothing to
// do with their place in memory.
//
// What would make these lie: readers in slab order (the prefetcher would hide
// the misses), a loop that sleeps (it is driven by hand here, so that time is CPU
// time), a heap that was not collected before it is measured.

func BenchmarkPublish(b *testing.B) {
	for _, readers := range []int{1, 100, 1000, 10_000, 1_000_000} {
		b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) { benchmarkPublish(b, readers) })
	}
}

func benchmarkPublish(b *testing.B, readers int) {
	before := heapInUse()
	s := sinkShard(b, readers)
	bytes := float64(heapInUse()-before) / float64(readers)
	event := streamwriter.Event{Type: "score", Data: make([]byte, 100)}
	for i := range event.Data {
		event.Data[i] = 'x'
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.hub.Publish("a", event); err != nil {
			b.Fatal(err)
		}
		turnAll(s)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(readers), "ns/reader")
	b.ReportMetric(bytes, "B/reader")
	if want := int64(b.N) * int64(readers); s.machine.events < want {
		b.Fatalf("%d deliveries, want %d", s.machine.events, want)
	}
}

// BenchmarkReplay is a reader that comes back to 100 missed events.
func BenchmarkReplay(b *testing.B) {
	s := sinkShard(b, 1)
	for range 200 {
		if _, err := s.hub.Publish("a", streamwriter.Event{Data: make([]byte, 100)}); err != nil {
			b.Fatal(err)
		}
	}
	turnAll(s)
	st := s.seats.at(s.readers[0].seats[0])
	b.ReportAllocs()
	for b.Loop() {
		st.next = 101
		s.deliver(s.readers[0].seats[0])
	}
}

// BenchmarkSweep is a look at every one of a million idle streams, without a
// heartbeat being due.
func BenchmarkSweep(b *testing.B) {
	const readers = 1_000_000
	s := sinkShard(b, readers)
	for b.Loop() {
		for i := range int32(readers) {
			s.machine.next(i, &s.seats.at(i).stream, 0)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/readers, "ns/reader")
}

// BenchmarkSubscribe is what a hub does for a stream beyond its socket: find its
// topics and position, take a seat, and leave it again.
func BenchmarkSubscribe(b *testing.B) {
	s := sinkShard(b, 1)
	b.ReportAllocs()
	for b.Loop() {
		n := s.hub.newcomer([]string{"a"}, "", chunked)
		s.hub.streams.Add(1)
		n.sink, n.sock = true, s.seats.at(0).parkedSocket
		s.hub.counters.parked.Add(1)
		s.seat(n)
		last := s.readers[0].seats[len(s.readers[0].seats)-1]
		st := s.seats.at(last)
		s.bid(last, st, ReasonClient)
		s.free(last, st)
	}
}

// sinkShard is a shard with readers of topic a that write to /dev/null, and
// whose loop is the caller.
func sinkShard(b *testing.B, readers int) *shard {
	b.Helper()
	hub, err := New(Config{Shards: 1, MaxStreams: -1, Heartbeat: -1})
	if err != nil {
		b.Fatal(err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { null.Close() })
	s := hub.shards[0]
	if s.waiter, err = s.io.open(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.io.close() })
	s.running = true
	for range readers {
		n := hub.newcomer([]string{"a"}, "", chunked)
		n.sink, n.sock = true, parkedSocket{fd: int32(null.Fd())}
		hub.streams.Add(1)
		s.seat(n)
	}
	seats := s.readers[0].seats
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(seats), func(i, j int) {
		seats[i], seats[j] = seats[j], seats[i]
		s.seats.at(seats[i]).pos, s.seats.at(seats[j]).pos = int32(i), int32(j)
	})
	return s
}

// turnAll is the loop until there is nothing to do.
func turnAll(s *shard) {
	s.empty()
	for !s.idle() {
		s.round()
	}
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
