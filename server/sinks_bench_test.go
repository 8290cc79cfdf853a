package server

import (
	"bytes"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"

	"github.com/fastsse/fastsse/streamwriter"
)

// sinks is a shard whose loop is the caller, so that time is work and never
// sleep, and readers of it that all write to one descriptor: far more of them
// than a process may have descriptors.
//
// What every number taken with it leaves out, beside what its benchmark says:
// the kernel's part. /dev/null takes bytes without looking at them, with a second
// system call because the first takes sockets only (BenchmarkSink is what that
// costs), a socket copies them, sends them, and is memory of its own that has to
// be fetched; and nothing is registered with epoll.
type sinks struct {
	*shard
	sock parkedSocket
}

// newSinks makes a shard without readers.
func newSinks(b testing.TB, c Config) *sinks {
	b.Helper()
	if runtime.GOOS != "linux" {
		b.Skip("only Linux parks streams")
	}
	c.Shards, c.MaxStreams = 1, -1
	hub, err := New(c)
	if err != nil {
		b.Fatal(err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { null.Close() })
	s := &sinks{shard: hub.shards[0], sock: parkedSocket{fd: int32(null.Fd())}}
	if s.waiter, err = s.io.open(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.io.close() })
	s.running = true
	return s
}

// fill seats readers of topics, and has them visited in an order that has nothing
// to do with their place in memory: in slab order the prefetcher would hide that
// a million seats are a million cache misses.
func (s *sinks) fill(readers int, topics ...string) {
	for range readers {
		s.open(topics...)
	}
	if readers == 0 {
		return
	}
	seats := s.readers[0].slots
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(seats), func(i, j int) {
		seats[i], seats[j] = seats[j], seats[i]
		s.slots.at(seats[i]).pos, s.slots.at(seats[j]).pos = int32(i), int32(j)
	})
}

// open is what a hub does for a parked stream beyond its socket.
func (s *sinks) open(topics ...string) {
	n := s.hub.admission(topics, "", chunked)
	n.sink, n.sock = true, s.sock
	s.hub.streams.Add(1)
	s.hub.counters.parked.Add(1)
	s.assign(n)
}

// turn is shard.run until there is nothing to do, without its sweep
// (BenchmarkSweep) and its rest.
func (s *sinks) turn() {
	for {
		s.now = s.hub.now()
		s.empty()
		s.walk()
		s.round()
		s.report()
		if s.idle() {
			return
		}
		s.wait(0)
	}
}

// publish publishes events to the topics by turns.
func (s *sinks) publish(b testing.TB, events int, topics ...string) {
	b.Helper()
	for i := range events {
		if _, err := s.hub.Publish(topics[i%len(topics)], hundred); err != nil {
			b.Fatal(err)
		}
	}
}

// hundred is an event with 100 bytes of data.
var hundred = streamwriter.Event{Type: "score", Data: bytes.Repeat([]byte("x"), 100)}

// heapInUse is what is left after a collection. One would leave what finalizers
// and pools still hold.
func heapInUse() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// perEach reports the time of an operation by what it did how many of.
func perEach(b *testing.B, n int, unit string) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/"+unit)
}
