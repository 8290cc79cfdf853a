package delivery

import (
	"bytes"
	"log"
	"math/rand/v2"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse"
	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/eventlog"
	"github.com/fastsse/fastsse/internal/socket"
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
	sock    socket.Parked
	streams atomic.Int64 // that are held
}

// windowEvents is how many events a topic keeps.
const windowEvents = 4096

// newSinks makes a shard without readers.
func newSinks(b testing.TB, limits Limits) *sinks {
	b.Helper()
	if runtime.GOOS != "linux" {
		b.Skip("only Linux parks streams")
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { null.Close() })
	s := &sinks{sock: socket.Parked{FD: int32(null.Fd())}}
	limits.Retry = 3 * time.Second
	host := newHost(limits)
	host.Ended = func(*HookData, []string, cursor.Reason) { s.streams.Add(-1) }
	s.shard = New(host, 1).shards[0]
	p, err := newPoller()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(p.Close)
	s.io, s.waker, s.running = sinkPoller{p}, p, true
	return s
}

// newHost is a hub that is open, with logs and nothing else.
func newHost(limits Limits) Host {
	rules := []eventlog.Rule{{Topics: "*", Window: eventlog.Window{Events: windowEvents, Bytes: 4 << 20, Age: 300}}}
	born := time.Now()
	return Host{
		History: eventlog.New(eventlog.NewEpoch(), 256<<20, rules),
		Now:     func() int64 { return time.Since(born).Milliseconds() },
		State:   func() State { return Open },
		Logger:  log.Default(),
		Limits:  limits,
		Ended:   func(*HookData, []string, cursor.Reason) {},
		Working: func(int) {},
	}
}

// sinkPoller watches nothing: a sink is no socket.
type sinkPoller struct{ poller }

func (sinkPoller) Watch(int, uint64) error { return nil }

// fill gives readers of topics their slots, and has them visited in an order that has nothing
// to do with their place in memory: in slab order the prefetcher would hide that
// a million slots are a million cache misses.
func (s *sinks) fill(readers int, topics ...string) {
	for range readers {
		s.open(topics...)
	}
	if readers == 0 {
		return
	}
	slots := s.readers[0].slots
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(slots), func(i, j int) {
		slots[i], slots[j] = slots[j], slots[i]
		s.slots.at(slots[i]).pos, s.slots.at(slots[j]).pos = int32(i), int32(j)
	})
}

// admission is a stream that is to be given a slot, noted at present. It is what a hub
// does for a parked stream beyond its socket.
func (s *sinks) admission(topics ...string) *Admission {
	h := s.host.History
	a := &Admission{Topics: h.Acquire(topics), Began: s.delivery.Era(), sock: s.sock}
	from := cursor.Resume(h, "", a.Topics, s.host.Now())
	a.Stream = cursor.Stream{Next: from.Next, Live: from.Live, Wrote: s.host.Now()}
	for _, t := range a.Topics {
		t.Readers.Add(1)
	}
	s.streams.Add(1)
	s.delivery.parked.Add(1)
	return a
}

// open gives a new stream its slot.
func (s *sinks) open(topics ...string) { s.assign(s.admission(topics...)) }

// turn is shard.run until there is nothing to do, without its sweep
// (BenchmarkSweep) and its rest.
func (s *sinks) turn() {
	for {
		s.now = s.host.Now()
		s.emptyInbox()
		s.walk()
		s.round()
		s.tally.store(&s.machine.Counts)
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
		s.publishOne(b, topics[i%len(topics)], &hundred)
	}
}

// publishOne is what a hub does to publish an event.
func (s *sinks) publishOne(b testing.TB, topic string, e *fastsse.Event) {
	batch := s.host.History.NewBatch()
	defer batch.Recycle()
	batch.Add(topic, e, false, 0)
	if err := s.host.History.Commit(batch, s.host.Now()); err != nil {
		b.Fatal(err)
	}
	_ = batch.ID(0)
	for _, t := range batch.Changed() {
		s.delivery.Notify(t)
	}
}

// hundred is an event with 100 bytes of data.
var hundred = fastsse.Event{Type: "score", Data: bytes.Repeat([]byte("x"), 100)}

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
