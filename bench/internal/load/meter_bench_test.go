package load

import (
	"fmt"
	"testing"
)

// What the load generator spends on an event that it reads, in total: HTTP, the stream,
// order, latency and spread.
//
// What would make it lie: batches of another size than a real read has (one event
// when the server keeps up, a hundred when it does not), and that one stream's
// memory is in the cache here.
func BenchmarkMeter(b *testing.B) {
	for _, events := range []int{1, 100} {
		b.Run(fmt.Sprintf("events=%d", events), func(b *testing.B) {
			s := &Swarm{total: newInterval(), spreads: []*spread{newSpread()}}
			m := &meter{swarm: s, now: newInterval()}
			s.Expect(0, 1)
			st := &stream{meter: m}
			a := answer{headDone: true, chunked: true}
			var reads [][]byte
			seq := uint64(0)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%1024 == 0 { // seldom: stopping the clock costs more than an event
					b.StopTimer()
					reads = reads[:0]
					for range 1024 {
						var wire []byte
						for range events {
							seq++
							block := AppendPayload([]byte("id: k3v9x2ab-17\ndata: "), 0, seq, Now(), 100)
							wire = fmt.Appendf(wire, "%x\r\n%s\n\n\r\n", len(block)+2, block)
						}
						reads = append(reads, wire)
					}
					b.StartTimer()
				}
				body, err := a.feed(reads[i%1024])
				if err != nil {
					b.Fatal(err)
				}
				if err := m.reads(st, body, Now()); err != nil {
					b.Fatal(err)
				}
			}
			seq = uint64(b.N * events)
			if m.delivered != seq {
				b.Fatalf("counted %d of %d events", m.delivered, seq)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(seq), "ns/event")
		})
	}
}
