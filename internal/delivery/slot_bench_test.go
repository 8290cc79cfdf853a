package delivery

import (
	"testing"

	"github.com/fastsse/fastsse/internal/cursor"
)

// BenchmarkSeat is what a hub does for a stream beyond its connection: find its
// topic and position, take a slot, and leave it again. What would make it lie: a
// slot that nobody had for a while would not be in the cache, this one always is;
// and there are no hooks, whose data is a map entry more. BenchmarkSubscribe has
// the rest of an opening.
func BenchmarkSeat(b *testing.B) {
	s := newSinks(b, Limits{})
	s.fill(1, "a") // or the topic and its feed would come and go, too
	b.ReportAllocs()
	for b.Loop() {
		s.open("a")
		slots := s.readers[0].slots
		i := slots[len(slots)-1]
		st := s.slots.at(i)
		s.signOff(i, st, cursor.Client)
		s.free(i)
	}
	if n := s.streams.Load(); n != 1 {
		b.Fatalf("%d streams are left, want 1", n)
	}
}

// BenchmarkDrain ends 10,000 streams that have got everything: retry line, last
// chunk, shutdown. What would make it lie: the descriptor is no socket, which
// shutdown(2) notices at once, and the end of each connection (the peer's FIN,
// EPOLL_CTL_DEL, close) is not in it.
func BenchmarkDrain(b *testing.B) {
	const readers = 10_000
	s := newSinks(b, Limits{})
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		s.fill(readers, "a")
		b.StartTimer()
		s.send(command{kind: drainAll, drain: cursor.Drain{Until: s.host.History.Newest()}})
		s.turn()
		b.StopTimer()
		if n := s.streams.Load(); n != 0 || len(s.linger) != readers {
			b.Fatalf("%d streams are open, %d linger", n, len(s.linger))
		}
		for i := range s.linger {
			s.free(i)
		}
		s.linger = nil
		b.StartTimer()
	}
	perEach(b, readers, "stream")
}
