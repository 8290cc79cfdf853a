package server

import "testing"

// BenchmarkKick is a kick of one stream or none among 100,000 of a shard: by a
// predicate, which is asked about all of them, or by user. What would make it
// lie: streams without a user, who have no party to look up; to ask for the
// address, which is a system call for each that does. Nobody else's work comes in
// between here, as it would between the slices.
func BenchmarkKick(b *testing.B) {
	const readers = 100_000
	for _, c := range []struct {
		name string
		kick func(h *Hub)
	}{
		{"predicate", func(h *Hub) { h.Kick(func(s Subscriber) bool { return s.User == -1 }) }},
		{"user", func(h *Hub) { h.KickUser(-1) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := newSinks(b, Config{Heartbeat: -1})
			for i := range readers {
				n := s.opening("a")
				n.hooks = &hookData{user: i, indexed: true}
				s.assign(n)
			}
			b.ReportAllocs()
			for b.Loop() {
				c.kick(s.hub)
				s.turn()
			}
			if n := s.hub.streams.Load(); n != readers {
				b.Fatalf("%d streams are left", n)
			}
		})
	}
}
