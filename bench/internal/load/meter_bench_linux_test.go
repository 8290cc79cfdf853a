package load

import (
	"fmt"
	"testing"
)

// What the load generator spends on an event that it reads, in total: HTTP, the stream,
// order, latency and spread, with one stream, whose bytes there is nothing to compare with.
//
// What would make it lie: batches of another size than a real read has (one event
// when the server keeps up, a hundred when it does not), and that one stream's
// memory is in the cache here.
func BenchmarkMeter(b *testing.B) {
	for _, events := range []int{1, 100} {
		b.Run(fmt.Sprintf("events=%d", events), func(b *testing.B) { benchmarkFan(b, 1, events) })
	}
}

// The same, of a thousand streams that are sent the same bytes, of which each read is a
// copy, as the kernel makes one.
//
// What would make it lie: reads that end in the middle of an event, and streams that get
// events in another order.
func BenchmarkFan(b *testing.B) {
	for _, events := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("events=%d", events), func(b *testing.B) { benchmarkFan(b, 1000, events) })
	}
}

func benchmarkFan(b *testing.B, streams, events int) {
	s := &Swarm{total: newInterval(), spreads: []*spread{newSpread(1)}}
	m := newMeter(s)
	m.open = streams
	all := make([]*rawStream, streams)
	for i := range all {
		all[i] = &rawStream{stream: stream{meter: m, phase: open}, ans: answer{headDone: true, chunked: true}}
		s.streams = append(s.streams, &all[i].stream)
	}
	s.meters = []*meter{m}
	s.Expect(0)
	r := &epollReader{meter: m}
	rounds := max(2000/streams, 1)
	wires, buf, seq := make([][]byte, rounds), make([]byte, 0, 64<<10), uint64(0)
	b.ReportAllocs()
	n := 0
	for ; b.Loop(); n++ {
		if n%(rounds*streams) == 0 { // seldom: stopping the clock costs more than an event
			b.StopTimer()
			for i := range wires {
				wires[i], seq = appendEvents(wires[i][:0], seq, events), seq+uint64(events)
			}
			b.StartTimer()
		}
		buf = append(buf[:0], wires[n/streams%rounds]...)
		if err := r.takes(all[n%streams], buf, Now()); err != nil {
			b.Fatal(err)
		}
	}
	if want := uint64(n * events); m.delivered != want {
		b.Fatalf("counted %d of %d events", m.delivered, want)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n*events), "ns/event")
}

// appendEvents appends the events after seq, each in a chunk of its own.
func appendEvents(wire []byte, seq uint64, events int) []byte {
	for i := range uint64(events) {
		block := AppendPayload([]byte("id: k3v9x2ab-17\ndata: "), 0, seq+i+1, Now(), 100)
		wire = fmt.Appendf(wire, "%x\r\n%s\n\n\r\n", len(block)+2, block)
	}
	return wire
}
