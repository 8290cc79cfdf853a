package cursor

import "testing"

// The readers of a feed stand at the same place: what one of them looked up
// serves the next, although the first has looked for more in between and found
// nothing. It is kept no longer than the shard wants.
func TestNeighboursShareARun(t *testing.T) {
	for _, fr := range []Framing{Chunked, Embedded} {
		w := newWorld(t)
		f := w.machine(fr, "a").Feeds[0]
		from := w.publish("a", "one")
		first := f.next(from, false)
		if first == nil || first.events != 1 {
			t.Fatalf("Framing %d: the first reader gets %+v, want one event", fr, first)
		}
		if more := f.next(first.to, false); more != nil {
			t.Fatalf("Framing %d: it gets %+v after that, want nothing", fr, more)
		}
		if f.last.from != from || len(f.last.bytes) == 0 {
			t.Errorf("Framing %d: the run is gone when its neighbour comes", fr)
		}
		w.publish("a", "two")
		if again := f.next(from, false); again == nil || again.events != 2 {
			t.Errorf("Framing %d: a neighbour that comes after more was published gets %+v, want both", fr, again)
		}
		if f.DropSpan(); f.last.bytes != nil || f.last.segment != nil {
			t.Errorf("Framing %d: what was forgotten is still held", fr)
		}
		if again := f.next(from, false); again == nil || again.events != 2 {
			t.Errorf("Framing %d: after it was forgotten a reader gets %+v, want both", fr, again)
		}
	}
}
