package cursor

import "testing"

// An offer that was taken keeps no segment: a stream with a goroutine of its own waits
// with its offer, and would keep events in memory that its topic has evicted.
func TestAnOfferThatWasTakenKeepsNothing(t *testing.T) {
	for _, topics := range [][]string{{"a"}, {"a", "b"}} {
		w := newWorld(t)
		m := w.machine(Chunked, topics...)
		m.Heartbeat = 1000
		s := w.fresh()
		w.publish("a", "event")
		var o Offer
		if !m.Next(&o, 0, &s, 0) || o.segment == nil {
			t.Fatalf("%q: no event of a segment is offered", topics)
		}
		m.Took(&o, 0, &s, len(o.Bytes), 0)
		kept := func(when string) {
			t.Helper()
			if o.segment != nil || o.gathered != nil {
				t.Errorf("%q: %s it keeps a segment or what was gathered", topics, when)
			}
		}
		kept("taken,")
		if !m.Next(&o, 0, &s, 1000) {
			t.Fatalf("%q: no heartbeat", topics)
		}
		kept("as a heartbeat,")
	}
}
